//! With several partitions, what operators see is the sum over all of them, and an entry's id names its partition.

use reqwest::Method;
use serde_json::{Value, json};

use crate::common::http::Reply;
use crate::common::partition_streams::{add_to, dead_letters_of, deliver, stream_of};
use crate::common::process::Ended;
use crate::common::product::{Role, launch, query_api};
use crate::common::readings::{NOON, add, add_backlog, fields};
use crate::common::redis::{DEAD_LETTERS, GROUP, RedisServer, STREAM};
use crate::common::wait;

async fn query_of_four(redis: &RedisServer) -> Role {
    query_api(redis).env("STREAM_PARTITIONS", 4).start().await
}

async fn command(redis: &RedisServer, arguments: &[&str]) -> Ended {
    let launch = launch(arguments).env("STREAM_PARTITIONS", 4);
    launch.env("REDIS_HOST", "127.0.0.1").env("REDIS_PORT", redis.port()).run().await
}

fn lines(ended: &Ended) -> Vec<&str> {
    ended.stdout.lines().collect()
}

async fn add_readings(redis: &RedisServer, partition: u16, count: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for _ in 0..count {
        ids.push(add_to(redis, &stream_of(partition), "*", &fields("s", "1.5", NOON)).await);
    }
    ids
}

/// Adds a dead letter to the dead letters of a partition.
async fn add_dead_letter(redis: &RedisServer, key: &str, id: &str) {
    let [name, value] = ["field:site_id", "s"].map(str::to_owned);
    let reason = ("reason".to_owned(), "no rule".to_owned());
    add_to(redis, key, id, &[("original_id".to_owned(), id.to_owned()), reason, (name, value)])
        .await;
}

async fn gauge(service: &Role, name: &str) -> Option<String> {
    let request = service.request(Method::GET, "/metrics").header("accept", "text/plain");
    let text = Reply::of(request).await.text();
    let prefix = format!("energy_pipeline_{name} ");
    text.lines().find_map(|line| line.strip_prefix(&prefix)).map(str::to_owned)
}

#[tokio::test]
async fn the_backlog_is_the_sum_over_all_partitions_and_each_of_them_is_listed() {
    let redis = RedisServer::start().await;
    let second = add_readings(&redis, 1, 5).await;
    let last = add_readings(&redis, 3, 4).await;
    deliver(&redis, &stream_of(1), "consumer-1", 2).await;
    deliver(&redis, &stream_of(3), "consumer-1", 1).await;
    add_dead_letter(&redis, &dead_letters_of(3), "5-0").await;
    let query = query_of_four(&redis).await;
    let state = query.get("/pipeline").await.json();
    let stream =
        json!({ "length": 9, "max_length": null, "first_id": second[0], "last_id": last[3] });
    assert_eq!(state["stream"], stream);
    let [group] = &state["groups"].as_array().unwrap()[..] else { panic!("{state}") };
    assert_eq!([&group["pending"], &group["lag"]], [&json!(3), &json!(6)]);
    let [consumer] = &group["consumers"].as_array().unwrap()[..] else { panic!("{state}") };
    assert_eq!([&consumer["name"], &consumer["pending"]], [&json!("consumer-1"), &json!(3)]);
    let of_each = |name: &str| -> Vec<Value> {
        state["partitions"].as_array().unwrap().iter().map(|it| it[name].clone()).collect()
    };
    assert_eq!(of_each("partition"), [0, 1, 2, 3]);
    assert_eq!(of_each("length"), [0, 5, 0, 4]);
    assert_eq!(of_each("pending"), [0, 2, 0, 1]);
    assert_eq!(of_each("lag"), [0, 3, 0, 3]);
    assert_eq!(of_each("dead_letters"), [0, 0, 0, 1]);
    assert_eq!(state["dead_letters"], 1);
}

#[tokio::test]
async fn health_and_metrics_have_the_shape_of_one_stream() {
    let redis = RedisServer::start().await;
    let first = add_readings(&redis, 2, 5).await;
    deliver(&redis, &stream_of(2), "consumer-1", 2).await;
    // The group of this partition is missing: its entries are unread.
    let last = add_readings(&redis, 0, 3).await;
    let query = query_of_four(&redis).await;
    let group = json!({ "name": GROUP, "consumers": 1, "pending": 2, "lag": 6 });
    assert_eq!(query.get("/health").await.json()["consumer_group_status"], group);
    let metrics = query.get("/metrics").await.json();
    assert_eq!(metrics["consumer_groups"], json!([group]));
    let stream = &metrics["stream"];
    let ids = [&stream["length"], &stream["first_entry"][0], &stream["last_entry"][0]];
    assert_eq!(ids, [&json!(8), &json!(first[0]), &json!(last[2])]);
    for (name, value) in
        [("stream_entries", "8"), ("stream_lag_entries", "6"), ("stream_pending_entries", "2")]
    {
        wait::until(name, async || gauge(&query, name).await.as_deref() == Some(value)).await;
    }
    let age = gauge(&query, "stream_oldest_pending_age_seconds").await.unwrap();
    assert!(age.parse::<f64>().unwrap() > 0.0, "{age}");
}

#[tokio::test]
async fn without_a_stream_in_any_partition_there_is_none() {
    let redis = RedisServer::start().await;
    let query = query_of_four(&redis).await;
    assert_eq!(query.get("/metrics").await.json(), json!({ "error": "no such key" }));
    assert_eq!(query.get("/health").await.json()["consumer_group_status"], Value::Null);
    let listed = command(&redis, &["dead-letters", "list"]).await;
    assert!(listed.stderr.contains("there is no stream energy_readings"), "{listed:?}");
}

#[tokio::test]
async fn dead_letters_of_all_partitions_are_listed_by_time_whatever_their_ids() {
    let redis = RedisServer::start().await;
    for (key, id) in [
        (dead_letters_of(3), "5-0"),
        (dead_letters_of(0), "5-0"),
        (DEAD_LETTERS.to_owned(), "5-0"), // from when there was one partition
        (dead_letters_of(3), "6-0"),
        (dead_letters_of(7), "4-0"), // from when there were more
    ] {
        add_dead_letter(&redis, &key, id).await;
    }
    let expected = ["7:4-0", "5-0", "0:5-0", "3:5-0", "3:6-0"];
    let query = query_of_four(&redis).await;
    for limit in 1..=6 {
        let (mut listed, mut cursor, mut pages) = (Vec::new(), String::new(), 0);
        loop {
            let path = format!("/pipeline/dead-letters?limit={limit}{cursor}");
            let page = query.get(&path).await.json();
            let dead_letters = page["dead_letters"].as_array().unwrap();
            assert!(dead_letters.len() <= limit, "{page}");
            listed.extend(dead_letters.iter().map(|it| it["id"].as_str().unwrap().to_owned()));
            pages += 1;
            let Some(next) = page["next_cursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(listed, expected);
        assert_eq!(pages, expected.len().div_ceil(limit), "no page is empty");
    }
    let ended = command(&redis, &["dead-letters", "list"]).await;
    let ids = lines(&ended).into_iter().map(|line| {
        serde_json::from_str::<Value>(line).unwrap()["id"].as_str().unwrap().to_owned()
    });
    assert_eq!(ids.collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn many_dead_letters_of_several_partitions_are_each_listed_once() {
    let redis = RedisServer::start().await;
    let mut expected = Vec::new();
    for n in 0..300_u16 {
        let partition = n * 7 % 4;
        add_dead_letter(&redis, &dead_letters_of(partition), &format!("{}-0", n / 3 + 1)).await;
        expected.push((n / 3 + 1, partition));
    }
    expected.sort_unstable();
    let expected: Vec<_> =
        expected.iter().map(|(ms, partition)| format!("{partition}:{ms}-0")).collect();
    let page = query_of_four(&redis).await.get("/pipeline/dead-letters?limit=1000").await.json();
    let ids = page["dead_letters"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap());
    assert_eq!(ids.collect::<Vec<_>>(), expected);
    assert_eq!(page["next_cursor"], Value::Null);
}

#[tokio::test]
async fn a_dead_letter_is_retried_in_its_partition_and_deleted_there_alone() {
    let redis = RedisServer::start().await;
    for partition in [0, 1, 3] {
        add_dead_letter(&redis, &dead_letters_of(partition), "5-0").await;
    }
    let query = query_of_four(&redis).await;
    let retried = query.post("/pipeline/dead-letters/3:5-0/retry", "").await;
    let entries = redis.entries(&stream_of(3)).await;
    assert_eq!(
        entries.iter().map(|it| it.id.as_str()).collect::<Vec<_>>(),
        [retried.json()["stream_id"].clone()]
    );
    let delete = Reply::of(query.request(Method::DELETE, "/pipeline/dead-letters/1:5-0")).await;
    assert_eq!(delete.status, 204);
    for gone in ["3:5-0", "1:5-0", "5-0", "300:5-0"] {
        let path = format!("/pipeline/dead-letters/{gone}/retry");
        assert_eq!(query.post(&path, "").await.status, 404, "{gone}");
    }
    let ended = command(&redis, &["dead-letters", "retry", "0:5-0"]).await;
    assert!(lines(&ended)[0].starts_with("0:5-0 requeued as "), "{ended:?}");
    assert_eq!(redis.run::<usize>(&["XLEN", &stream_of(0)]).await, 1);
}

#[tokio::test]
async fn all_dead_letters_are_those_of_all_partitions() {
    let redis = RedisServer::start().await;
    for key in [dead_letters_of(0), dead_letters_of(3), DEAD_LETTERS.to_owned()] {
        add_dead_letter(&redis, &key, "5-0").await;
    }
    let ended = command(&redis, &["dead-letters", "delete", "--all"]).await;
    assert_eq!(lines(&ended), ["5-0 deleted", "0:5-0 deleted", "3:5-0 deleted"], "{ended:?}");
    let again = command(&redis, &["dead-letters", "list"]).await;
    assert_eq!(again.stdout, "");
}

#[tokio::test]
async fn orphaned_entries_of_all_partitions_are_listed_and_made_pending() {
    let redis = RedisServer::start().await;
    let mut orphaned = Vec::new();
    for (partition, count) in [(1, 3), (3, 2), (9, 1)] {
        let ids = add_readings(&redis, partition, count).await;
        let stream = stream_of(partition);
        deliver(&redis, &stream, "deleted", count).await;
        redis.run::<usize>(&["XGROUP", "DELCONSUMER", &stream, GROUP, "deleted"]).await;
        orphaned.extend(ids.into_iter().map(|id| format!("{partition}:{id}")));
    }
    let named = command(&redis, &["reconcile"]).await;
    assert_eq!(
        (named.status.code(), lines(&named)),
        (Some(1), orphaned.iter().map(String::as_str).collect())
    );
    assert!(named.stderr.contains("6 missing"), "{named:?}");
    let repaired = command(&redis, &["reconcile", "--repair"]).await;
    assert!(
        repaired.status.success() && repaired.stderr.contains("6 pending again"),
        "{repaired:?}"
    );
    for (partition, count) in [(1, 3), (3, 2), (9, 1)] {
        let pending: (usize, redis::Value, redis::Value, redis::Value) =
            redis.run(&["XPENDING", &stream_of(partition), GROUP]).await;
        assert_eq!(pending.0, count, "{partition}");
    }
    let again = command(&redis, &["reconcile"]).await;
    assert!(again.status.success() && again.stderr.contains("6 pending"), "{again:?}");
}

#[tokio::test]
async fn entries_from_when_there_was_one_partition_are_reconciled_too() {
    let redis = RedisServer::start().await;
    let ids = add_backlog(&redis, 3, 1).await;
    deliver(&redis, STREAM, "deleted", 3).await;
    redis.run::<usize>(&["XGROUP", "DELCONSUMER", STREAM, GROUP, "deleted"]).await;
    let named = command(&redis, &["reconcile"]).await;
    assert_eq!(lines(&named), ids);
}

#[tokio::test]
async fn with_one_partition_nothing_else_is_listed() {
    let redis = RedisServer::start().await;
    add(&redis, "*", &fields("s", "1.5", NOON)).await;
    let state = query_api(&redis).start().await.get("/pipeline").await.json();
    assert_eq!(state.as_object().unwrap().get("partitions"), None);
}
