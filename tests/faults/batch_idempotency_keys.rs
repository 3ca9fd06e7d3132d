//! With an `Idempotency-Key` a batch is repeated without a reading that is lost or appended twice, whatever failed.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::common::batch::{NDJSON, devices, ndjson, request, rows};
use crate::common::http::{Http, Reply};
use crate::common::product::{Role, ingestion_api};
use crate::common::redis::{RedisServer, STREAM};

const ROWS: usize = 3_500;

async fn send(server: &Http, key: &str, body: String) -> Reply {
    Reply::of(request(server, NDJSON, body).header("idempotency-key", key)).await
}

/// The devices of the stream's entries, in its order.
async fn appended(redis: &RedisServer) -> Vec<String> {
    let entries = redis.entries(STREAM).await;
    entries.into_iter().map(|entry| entry.fields[1].1.clone()).collect()
}

/// The response without its request id.
fn answer(reply: &Reply) -> (u16, Value) {
    let mut body = reply.json();
    body.as_object_mut().unwrap().remove("request_id");
    (reply.status, body)
}

async fn started() -> (RedisServer, Role) {
    let redis = RedisServer::start().await;
    let ingestion = ingestion_api(&redis).start().await;
    (redis, ingestion)
}

#[tokio::test]
async fn a_batch_that_is_repeated_gets_the_first_response_again() {
    let (redis, ingestion) = started().await;
    let mut rows = rows(ROWS);
    rows[7] = json!({});
    // A chunk without a valid row.
    rows[1_000..2_000].fill(json!({}));
    let first = send(&ingestion, "key", ndjson(&rows)).await;
    assert_eq!(first.status, 200, "{first:?}");
    assert_eq!(first.header("idempotent-replayed"), "false");
    assert_eq!(first.json()["accepted"], ROWS - 1_001);
    for _ in 0..2 {
        let again = send(&ingestion, "key", ndjson(&rows)).await;
        assert_eq!(answer(&again), answer(&first));
        assert_eq!(again.header("idempotent-replayed"), "true");
    }
    assert_eq!(appended(&redis).await.len(), ROWS - 1_001);
}

#[tokio::test]
async fn another_batch_with_the_same_key_is_rejected_and_appends_nothing() {
    let (redis, ingestion) = started().await;
    assert_eq!(send(&ingestion, "key", ndjson(&rows(10))).await.status, 200);
    let other = send(&ingestion, "key", ndjson(&rows(ROWS))).await;
    assert_eq!(other.status, 422, "{other:?}");
    assert_eq!(other.json()["detail"][0]["loc"], json!(["header", "Idempotency-Key"]));
    assert_eq!(appended(&redis).await, devices(10));
    // The key of a single reading is another one.
    let single = ingestion.request(reqwest::Method::POST, "/readings");
    let single = single.header("idempotency-key", "key").body(rows(1)[0].to_string());
    assert_eq!(Reply::of(single).await.status, 201);
}

#[tokio::test]
async fn a_rejected_batch_does_not_consume_its_key() {
    let (_redis, ingestion) = started().await;
    assert_eq!(send(&ingestion, "key", "{}".to_owned()).await.status, 422);
    assert_eq!(send(&ingestion, "key", ndjson(&rows(1))).await.status, 200);
    assert_eq!(send(&ingestion, "a b", ndjson(&rows(1))).await.status, 422);
}

#[tokio::test]
async fn batches_that_are_sent_at_the_same_time_with_one_key_are_appended_once_in_order() {
    let redis = RedisServer::start().await;
    let (first, second) =
        (ingestion_api(&redis).start().await, ingestion_api(&redis).start().await);
    for round in 0..5 {
        redis.run::<()>(&["DEL", STREAM]).await;
        let (key, body) = (format!("key-{round}"), ndjson(&rows(ROWS)));
        let servers = [&first, &second, &first, &second];
        let replies = join_all(servers.map(|server| send(server, &key, body.clone()))).await;
        let answers: Vec<_> = replies.iter().map(answer).collect();
        assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:?}");
        assert_eq!(appended(&redis).await, devices(ROWS));
    }
}

#[cfg(feature = "failpoints")]
#[tokio::test]
async fn a_batch_repeated_after_the_service_was_killed_in_the_middle_is_appended_once_in_order() {
    use crate::common::wait;
    // After the first chunk, after the second one, and after the last one.
    for passed in 0..4 {
        let redis = RedisServer::start().await;
        let skipped = if passed == 0 { String::new() } else { format!("{passed}*off->") };
        let failpoint = format!("append-batch-after-chunk={skipped}pause");
        let mut stuck = ingestion_api(&redis).env("FAILPOINTS", failpoint).start().await;
        let server = Http::at(stuck.base());
        let sending = tokio::spawn(async move {
            let body = ndjson(&rows(ROWS));
            Reply::try_of(request(&server, NDJSON, body).header("idempotency-key", "key")).await
        });
        let expected = ROWS.min((passed + 1) * 1_000);
        wait::until("chunks are appended", async || {
            redis.run::<usize>(&["XLEN", STREAM]).await == expected
        })
        .await;
        stuck.kill9();
        assert!(sending.await.unwrap().is_err(), "it was answered");
        let ingestion = ingestion_api(&redis).start().await;
        let repeated = send(&ingestion, "key", ndjson(&rows(ROWS))).await;
        assert_eq!((repeated.status, &repeated.json()["accepted"]), (200, &json!(ROWS)));
        assert_eq!(repeated.header("idempotent-replayed"), (passed == 3).to_string());
        assert_eq!(appended(&redis).await, devices(ROWS), "killed after {expected}");
        let entries = redis.entries(STREAM).await;
        assert_eq!(repeated.json()["first_stream_id"], entries[0].id);
        assert_eq!(repeated.json()["last_stream_id"], entries[ROWS - 1].id);
    }
}

#[cfg(feature = "failpoints")]
#[tokio::test]
async fn when_redis_is_full_in_the_middle_the_response_says_what_was_accepted() {
    use crate::common::wait;
    let redis = RedisServer::start().await;
    let slow =
        ingestion_api(&redis).env("FAILPOINTS", "append-batch-after-chunk=1*off->sleep(3000)");
    let ingestion = slow.start().await;
    let server = Http::at(ingestion.base());
    let sending = tokio::spawn(async move {
        Reply::of(request(&server, NDJSON, ndjson(&rows(ROWS))).header("idempotency-key", "key"))
            .await
    });
    wait::until("two chunks are appended", async || {
        redis.run::<usize>(&["XLEN", STREAM]).await == 2_000
    })
    .await;
    redis.run::<()>(&["CONFIG", "SET", "maxmemory", "1"]).await;
    let reply = sending.await.unwrap();
    assert_eq!(
        (reply.status, reply.json()["code"].clone()),
        (503, json!("store_full")),
        "{reply:?}"
    );
    assert!(reply.header("retry-after").parse::<u64>().unwrap() > 0);
    let progress = &reply.json()["progress"];
    assert_eq!((&progress["accepted"], &progress["continue_at"]), (&json!(2_000), &json!(2_000)));
    let entries = redis.entries(STREAM).await;
    assert_eq!(progress["last_stream_id"], entries[1_999].id);
    assert_eq!(entries.len(), 2_000, "nothing after it was appended");
    assert_eq!(ingestion.counter("energy_pipeline_readings_accepted_total").await, 2_000);
    assert_eq!(ingestion.counter("energy_pipeline_readings_unavailable_total").await, 1_500);
    redis.run::<()>(&["CONFIG", "SET", "maxmemory", "0"]).await;
    let repeated = send(&ingestion, "key", ndjson(&rows(ROWS))).await;
    assert_eq!(repeated.status, 200, "{repeated:?}");
    assert_eq!(appended(&redis).await, devices(ROWS));
}

#[tokio::test]
async fn a_batch_whose_outcome_is_unknown_can_be_repeated() {
    let (mut redis, ingestion) = started().await;
    assert_eq!(send(&ingestion, "first", ndjson(&rows(1))).await.status, 200);
    redis.run::<()>(&["DEL", STREAM]).await;
    redis.signal("STOP");
    let late = send(&ingestion, "key", ndjson(&rows(ROWS))).await;
    assert_eq!((late.status, late.json()["code"].clone()), (503, json!("outcome_unknown")));
    redis.signal("CONT");
    let repeated = send(&ingestion, "key", ndjson(&rows(ROWS))).await;
    assert_eq!(repeated.status, 200, "{repeated:?}");
    assert_eq!(appended(&redis).await, devices(ROWS));
}
