//! Rows of a batch with idempotency keys of their own: each is appended once, in whichever request it is sent.

use reqwest::Method;
use serde_json::{Value, json};

use crate::common::batch::{JSON, NDJSON, devices, ndjson, request, rows, send};
use crate::common::http::{Http, Reply};
use crate::common::product::{Role, ingestion_api};
use crate::common::redis::{RedisServer, STREAM};

async fn started() -> (RedisServer, Role) {
    let redis = RedisServer::start().await;
    let ingestion = ingestion_api(&redis).start().await;
    (redis, ingestion)
}

/// Rows that begin with their keys.
fn keyed(rows: &[Value]) -> Vec<String> {
    let row = |row: &Value| {
        let (key, text) = (row["device_id"].as_str().unwrap(), row.to_string());
        text.replacen('{', &format!("{{\"idempotency_key\":\"{key}\","), 1)
    };
    rows.iter().map(row).collect()
}

async fn appended(redis: &RedisServer) -> Vec<String> {
    let entries = redis.entries(STREAM).await;
    entries.into_iter().map(|entry| entry.fields[1].1.clone()).collect()
}

/// The status, and how many rows were accepted, of these before, and rejected.
fn counts(reply: &Reply) -> (u16, [u64; 3]) {
    let body = reply.json();
    let count = |name: &str| body[name].as_u64().unwrap();
    (reply.status, ["accepted", "replayed", "rejected"].map(count))
}

async fn alone(server: &Http, key: &str, body: String) -> Reply {
    let request = server.request(Method::POST, "/readings").header("idempotency-key", key);
    Reply::of(request.body(body)).await
}

#[tokio::test]
async fn a_row_is_appended_once_whatever_batches_it_is_in() {
    let (redis, ingestion) = started().await;
    let rows = rows(3_500);
    let lines = keyed(&rows);
    let first = send(&ingestion, NDJSON, lines[..2_500].join("\n")).await;
    assert_eq!(counts(&first), (200, [2_500, 0, 0]), "{first:?}");
    for (range, media_type, expected) in [
        (0..2_500, NDJSON, [2_500, 2_500, 0]),
        (2_000..3_500, JSON, [1_500, 500, 0]),
        (1..3_500, NDJSON, [3_499, 3_499, 0]),
    ] {
        let body = match media_type {
            JSON => format!("[{}]", lines[range].join(",")),
            _ => lines[range].join("\n"),
        };
        assert_eq!(counts(&send(&ingestion, media_type, body).await), (200, expected));
    }
    assert_eq!(appended(&redis).await, devices(3_500));
    for hash in redis.run::<Vec<String>>(&["KEYS", "*:idempotency:*"]).await {
        assert!(redis.run::<i64>(&["TTL", &hash]).await > 86_400, "{hash} does not expire");
    }
    let entries = redis.entries(STREAM).await;
    assert_eq!(first.json()["first_stream_id"], entries[0].id);
    assert_eq!(first.json()["last_stream_id"], entries[2_499].id);
}

#[tokio::test]
async fn a_row_that_was_sent_alone_is_recognised_in_a_batch_and_the_other_way_round() {
    let (redis, ingestion) = started().await;
    let rows = rows(2);
    let first = alone(&ingestion, "meter-0", rows[0].to_string()).await;
    assert_eq!(first.status, 201, "{first:?}");
    let batch = send(&ingestion, NDJSON, keyed(&rows).join("\n")).await;
    assert_eq!(counts(&batch), (200, [2, 1, 0]), "{batch:?}");
    assert_eq!(batch.json()["first_stream_id"], first.json()["stream_id"]);
    let second = alone(&ingestion, "meter-1", rows[1].to_string()).await;
    assert_eq!((second.status, second.header("idempotent-replayed")), (201, "true"));
    assert_eq!(second.json()["stream_id"], batch.json()["last_stream_id"]);
    assert_eq!(appended(&redis).await, devices(2));
}

#[tokio::test]
async fn a_key_that_was_used_with_another_row_rejects_its_row_alone() {
    let (redis, ingestion) = started().await;
    let rows = rows(3);
    assert_eq!(counts(&send(&ingestion, NDJSON, keyed(&rows[..1]).join("\n")).await).0, 200);
    let mut other = keyed(&rows);
    other[0] = other[0].replace("1500.5", "7");
    let reply = send(&ingestion, NDJSON, format!("{}\n\n{{}}\n", other.join("\n\n"))).await;
    assert_eq!(counts(&reply), (200, [2, 0, 2]), "{reply:?}");
    let errors = &reply.json()["errors"];
    assert_eq!((&errors[0]["index"], &errors[0]["line"]), (&json!(0), &json!(1)));
    assert_eq!(errors[0]["detail"][0]["loc"], json!(["body", "idempotency_key"]));
    assert_eq!((&errors[1]["index"], &errors[1]["line"]), (&json!(3), &json!(7)));
    let reply = send(&ingestion, JSON, format!("[\n\n{}]", other[0])).await;
    assert_eq!(counts(&reply), (422, [0, 0, 1]), "{reply:?}");
    assert_eq!(reply.json()["errors"][0]["line"], 3);
    assert_eq!(appended(&redis).await, devices(3));
    assert_eq!(ingestion.counter("energy_pipeline_readings_rejected_total").await, 3);
}

#[tokio::test]
async fn a_row_without_a_key_among_others_is_appended_each_time() {
    let (redis, ingestion) = started().await;
    let rows = rows(4);
    let mut lines = keyed(&rows);
    for (line, without) in
        [(1, rows[1].to_string()), (2, lines[2].replacen("\"meter-2\"", "null", 1))]
    {
        lines[line] = without;
    }
    for replayed in [0, 2] {
        let reply = send(&ingestion, NDJSON, lines.join("\n")).await;
        assert_eq!(counts(&reply), (200, [4, replayed, 0]), "{reply:?}");
    }
    let expected = ["meter-0", "meter-1", "meter-2", "meter-3", "meter-1", "meter-2"];
    assert_eq!(appended(&redis).await, expected);
}

#[tokio::test]
async fn an_invalid_key_is_an_error_of_its_row_and_two_kinds_of_keys_are_one_of_the_request() {
    let (redis, ingestion) = started().await;
    let row = |key: Value| {
        let mut row = rows(1).remove(0);
        row["idempotency_key"] = key;
        row
    };
    let keys = [json!("a b"), json!(""), json!(7), json!("x".repeat(256)), json!("x".repeat(255))];
    let reply = send(&ingestion, NDJSON, ndjson(&keys.map(row))).await;
    assert_eq!(counts(&reply), (200, [1, 0, 4]), "{reply:?}");
    let loc = &reply.json()["errors"][0]["detail"][0]["loc"];
    assert_eq!(loc, &json!(["body", "idempotency_key"]));
    let body = ndjson(&[row(json!("k"))]);
    let both = Reply::of(request(&ingestion, NDJSON, body).header("idempotency-key", "a")).await;
    assert_eq!(both.json()["detail"][0]["type"], "two_kinds_of_keys", "{both:?}");
    assert_eq!(redis.run::<usize>(&["XLEN", STREAM]).await, 1);
    // The body of a request with one reading has its key in the header; there the member is ignored, as always.
    let single = ingestion.post("/readings", row(json!(7)).to_string()).await;
    assert_eq!(single.status, 201, "{single:?}");
}

#[tokio::test]
async fn texts_of_every_length_arrive_as_they_were_sent() {
    let (redis, ingestion) = started().await;
    let ids = [1, 31, 32, 127, 128, 254, 256]
        .map(|length| "é".repeat(length / 2) + &"x".repeat(length % 2));
    let keyed_row = |id: &String| {
        let mut row = rows(1).remove(0);
        row["site_id"] = json!(id);
        row["idempotency_key"] = json!(format!("key-{}", id.len()));
        row
    };
    let rows: Vec<_> = ids.iter().map(keyed_row).collect();
    assert_eq!(counts(&send(&ingestion, NDJSON, ndjson(&rows)).await), (200, [7, 0, 0]));
    let sites = redis.entries(STREAM).await.into_iter().map(|entry| entry.fields[0].1.clone());
    assert!(sites.eq(ids));
}

#[tokio::test]
async fn as_many_errors_are_listed_as_the_request_wants() {
    let (_redis, ingestion) = started().await;
    let body = "{}\n".repeat(300) + &ndjson(&rows(1));
    for (query, listed) in [("", 100), ("?max_errors=0", 0), ("?max_errors=1000", 300)] {
        let request = ingestion.request(Method::POST, &format!("/readings/batch{query}"));
        let request = request.header("content-type", NDJSON).body(body.clone());
        let reply = Reply::of(request).await.json();
        assert_eq!(reply["errors"].as_array().unwrap().len(), listed, "{query}");
        assert_eq!(
            (&reply["rejected"], &reply["errors_truncated"]),
            (&json!(300), &json!(listed < 300))
        );
    }
    let request = ingestion.request(Method::POST, "/readings/batch?max_errors=1001");
    let reply = Reply::of(request.header("content-type", NDJSON).body(body)).await;
    assert_eq!(
        (reply.status, &reply.json()["detail"][0]["type"]),
        (422, &json!("less_than_equal"))
    );
}

#[cfg(feature = "failpoints")]
#[tokio::test]
async fn rows_whose_response_was_lost_are_not_appended_again() {
    use crate::common::wait;
    let redis = RedisServer::start().await;
    let stuck = ingestion_api(&redis).env("FAILPOINTS", "append-batch-after-chunk=1*off->pause");
    let mut stuck = stuck.start().await;
    let server = Http::at(stuck.base());
    let lines = keyed(&rows(2_500));
    let body = lines.join("\n");
    let sending = tokio::spawn(async move { Reply::try_of(request(&server, NDJSON, body)).await });
    wait::until("two chunks are appended", async || {
        redis.run::<usize>(&["XLEN", STREAM]).await == 2_000
    })
    .await;
    stuck.kill9();
    assert!(sending.await.unwrap().is_err(), "it was answered");
    let ingestion = ingestion_api(&redis).start().await;
    let halves = [&lines[..1_200], &lines[1_200..]];
    for (half, expected) in halves.into_iter().zip([[1_200, 1_200, 0], [1_300, 800, 0]]) {
        let reply = send(&ingestion, NDJSON, half.join("\n")).await;
        assert_eq!(counts(&reply), (200, expected), "{reply:?}");
    }
    assert_eq!(appended(&redis).await, devices(2_500));
}
