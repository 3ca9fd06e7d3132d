//! With `STREAM_PARTITIONS` above 1 each receiver appends a reading to the partition of its site, once, whatever the number
//! of partitions was when it was sent before.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::Value;

use crate::common::batch::{self, NDJSON};
use crate::common::broker::Broker;
use crate::common::http::{Http, Reply};
use crate::common::product::{Launch, Role, ingestion_api};
use crate::common::readings::reading;
use crate::common::redis::{GROUP, RedisServer, STREAM};
use crate::common::remote_write::{plug, write};
use crate::common::wait;

const SITES: [&str; 4] = ["site-001", "Haus 7", "site-0002", "site-3"];

fn with_partitions(launch: Launch, count: u16) -> Launch {
    launch.env("STREAM_PARTITIONS", count)
}

async fn ingestion(redis: &RedisServer, count: u16) -> Role {
    with_partitions(ingestion_api(redis), count).start().await
}

fn stream(partition: u16) -> String {
    format!("{STREAM}:{{{partition}}}")
}

/// The sites of the entries of each stream that has any.
async fn sites(redis: &RedisServer) -> BTreeMap<String, Vec<String>> {
    let mut sites = BTreeMap::new();
    for stream in (0..8).map(stream).chain([STREAM.to_owned()]) {
        let entries = redis.entries(&stream).await;
        let of_stream: Vec<_> =
            entries.into_iter().map(|entry| entry.fields[0].1.clone()).collect();
        if !of_stream.is_empty() {
            sites.insert(stream, of_stream);
        }
    }
    sites
}

/// Asserts that each site has this number of entries, all in one stream, and that several streams have entries.
async fn assert_divided(redis: &RedisServer, of_each: usize) {
    let sites = sites(redis).await;
    assert!(sites.len() > 1, "{sites:?}");
    assert!(!sites.contains_key(STREAM), "the stream itself is no partition of four: {sites:?}");
    for site in SITES {
        let counts = sites.values().map(|found| found.iter().filter(|of| *of == site).count());
        let counts: Vec<_> = counts.filter(|count| *count > 0).collect();
        assert_eq!(counts, [of_each], "{site}: {sites:?}");
    }
}

async fn entries(redis: &RedisServer) -> usize {
    sites(redis).await.values().map(Vec::len).sum()
}

async fn keyed(server: &Http, path: &str, key: &str, body: String) -> Reply {
    let media_type = if path == batch::PATH { NDJSON } else { batch::JSON };
    let request = server.request(Method::POST, path).header("content-type", media_type);
    Reply::of(request.header("idempotency-key", key).body(body)).await
}

/// A row for each site and each of these devices.
fn rows(devices: usize) -> Vec<Value> {
    let row = |number: usize| {
        let mut row = reading(SITES[number % SITES.len()]);
        row["device_id"] = format!("meter-{number}").into();
        row
    };
    (0..devices * SITES.len()).map(row).collect()
}

#[tokio::test]
async fn each_receiver_appends_to_the_partitions_of_sites() {
    let redis = RedisServer::start().await;
    let service = ingestion_api(&redis).env("REMOTE_WRITE_METRICS", "plug_watts=W");
    let service = with_partitions(service, 4).start().await;
    for (number, site) in SITES.into_iter().enumerate() {
        let single = service.post("/readings", reading(site).to_string()).await;
        assert_eq!(single.status, 201, "{single:?}");
        let key = format!("key-{number}");
        assert_eq!(keyed(&service, "/readings", &key, reading(site).to_string()).await.status, 201);
        let lines = format!("p,site={} power=5 1705320000000000000", site.replace(' ', "\\ "));
        let written = service.post("/api/v2/write?bucket=house", lines).await;
        assert_eq!(written.status, 204, "{written:?}");
    }
    assert_eq!(batch::send(&service, NDJSON, batch::ndjson(&rows(2))).await.status, 200);
    assert_eq!(keyed(&service, batch::PATH, "key", batch::ndjson(&rows(2))).await.status, 200);
    let series: Vec<_> = SITES.iter().map(|site| plug("plug_watts", site, &[1.0, 2.0])).collect();
    assert_eq!(write(&service, &series).await.status, 204);
    assert_divided(&redis, 3 + 2 + 2 + 2).await;
}

#[tokio::test]
async fn messages_of_a_broker_are_appended_to_the_partitions_of_sites() {
    let (redis, broker) = (RedisServer::start().await, Broker::start().await);
    let bridge = with_partitions(broker.bridge(&redis), 4).start().await;
    wait::until("it is subscribed", async || bridge.stderr().contains("subscribed to the MQTT"))
        .await;
    for site in SITES {
        broker.publish("energy/readings", &reading(site).to_string()).await;
    }
    wait::until("they are appended", async || entries(&redis).await == SITES.len()).await;
    assert_divided(&redis, 1).await;
}

#[tokio::test]
async fn a_retry_after_a_change_of_the_number_of_partitions_appends_nothing() {
    let redis = RedisServer::start().await;
    let lines = rows(5).into_iter().map(|row| {
        let key = row["device_id"].as_str().unwrap().to_owned();
        row.to_string().replacen('{', &format!("{{\"idempotency_key\":\"{key}\","), 1)
    });
    let lines = lines.collect::<Vec<_>>().join("\n");
    let plain = batch::ndjson(&rows(5));
    let mut first = Vec::new();
    for (round, count) in [1, 4, 2].into_iter().enumerate() {
        let service = ingestion(&redis, count).await;
        for known in 0..=round {
            let key = format!("key-{known}");
            let body = reading(SITES[known]).to_string();
            let single = keyed(&service, "/readings", &key, body).await;
            let whole =
                keyed(&service, batch::PATH, &format!("batch-{known}"), plain.clone()).await;
            let is_known = (known < round).to_string();
            for reply in [&single, &whole] {
                assert_eq!(reply.header("idempotent-replayed"), is_known, "{count}: {reply:?}");
            }
            let answers = (single.text(), whole.text());
            if known == round {
                first.push(answers);
            } else {
                assert_eq!(first[known], answers, "it is the first response again");
            }
        }
        let rows = batch::send(&service, NDJSON, lines.clone()).await.json();
        assert_eq!(rows["replayed"], if round == 0 { 0 } else { 20 }, "{rows}");
        assert_eq!(entries(&redis).await, 20 + (round + 1) * 21);
    }
}

#[tokio::test]
async fn a_key_that_is_used_with_a_site_of_another_partition_is_rejected() {
    let redis = RedisServer::start().await;
    let service = ingestion(&redis, 4).await;
    for site in SITES {
        let reply = keyed(&service, "/readings", "key", reading(site).to_string()).await;
        assert_eq!(reply.status, if site == SITES[0] { 201 } else { 422 }, "{reply:?}");
    }
    assert_eq!(entries(&redis).await, 1);
}

#[tokio::test]
async fn a_batch_of_which_a_partition_is_not_appended_is_completed_by_a_retry() {
    let redis = RedisServer::start().await;
    let service = ingestion(&redis, 4).await;
    redis.run::<()>(&["DEL", &stream(1)]).await;
    redis.run::<()>(&["SET", &stream(1), "no stream"]).await;
    let body = batch::ndjson(&rows(300));
    let failed = keyed(&service, batch::PATH, "key", body.clone()).await;
    assert_eq!(failed.status, 503, "{failed:?}");
    assert_eq!(failed.json()["code"], "outcome_unknown", "parts of the first 1,000 rows are in");
    assert!(!redis.entries(&stream(3)).await.is_empty(), "that of another site");
    redis.run::<()>(&["DEL", &stream(1)]).await;
    let retried = keyed(&service, batch::PATH, "key", body).await;
    assert_eq!((retried.status, retried.json()["accepted"].as_u64()), (200, Some(1_200)));
    assert_eq!(entries(&redis).await, 1_200);
}

#[tokio::test]
async fn it_is_ready_while_a_partition_accepts_readings_and_names_the_others() {
    let redis = RedisServer::start().await;
    let service = ingestion(&redis, 4).await;
    wait::until("it is ready", async || {
        let reply = service.get("/readyz").await;
        reply.status == 200 && reply.json() == serde_json::json!({ "status": "ready" })
    })
    .await;
    let exhaust = async |partition: u16| {
        let id = "18446744073709551615-18446744073709551615";
        redis.run::<()>(&["XADD", &stream(partition), id, "f", "v"]).await;
        redis.run::<()>(&["XGROUP", "SETID", &stream(partition), GROUP, id]).await;
    };
    exhaust(2).await;
    let reply = service.get("/readyz").await;
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(reply.json()["unavailable_streams"], serde_json::json!([stream(2)]));
    for partition in [0, 1, 3] {
        exhaust(partition).await;
    }
    assert_eq!(service.get("/readyz").await.status, 503);
}

#[tokio::test]
async fn every_partition_has_its_consumer_group_before_a_reading_arrives() {
    let redis = RedisServer::start().await;
    let _service = ingestion(&redis, 4).await;
    wait::until("the groups exist", async || {
        let groups = async |partition| {
            redis.try_run::<Vec<redis::Value>>(&["XINFO", "GROUPS", &stream(partition)]).await
        };
        let mut found = 0;
        for partition in 0..4 {
            found += groups(partition).await.map_or(0, |groups| groups.len());
        }
        found == 4
    })
    .await;
}

#[tokio::test]
async fn the_backlog_of_all_partitions_is_limited() {
    let redis = RedisServer::start().await;
    let service = with_partitions(ingestion_api(&redis), 4).env("MAX_BACKLOG", 8).start().await;
    for _ in 0..2 {
        for site in SITES {
            assert_eq!(service.post("/readings", reading(site).to_string()).await.status, 201);
        }
    }
    wait::until("the backlog is full", async || {
        let reply = service.post("/readings", reading("full").to_string()).await;
        reply.status == 503 && reply.json()["code"] == "backlog_full"
    })
    .await;
}

const LINE: &str = "another service has another STREAM_PARTITIONS";

#[tokio::test]
async fn services_with_different_numbers_of_partitions_say_so_once() {
    let redis = RedisServer::start().await;
    let four = ingestion(&redis, 4).await;
    assert_eq!(four.post("/readings", reading("site").to_string()).await.status, 201);
    let two = ingestion(&redis, 2).await;
    wait::until("it says so", async || two.stderr().contains(LINE)).await;
    wait::until("it is a metric", async || {
        two.counter("energy_pipeline_partition_counts").await == 2
    })
    .await;
    wait::until("the other one says so", async || four.stderr().contains(LINE)).await;
    assert_eq!(two.stderr().matches(LINE).count(), 1);
}

#[cfg(feature = "failpoints")]
#[tokio::test]
async fn a_batch_that_was_interrupted_between_partitions_is_completed_with_another_number_of_them()
{
    let redis = RedisServer::start().await;
    let service = with_partitions(ingestion_api(&redis), 4);
    let service = service.env("FAILPOINTS", "append-batch-before-part=1*off->1*return->off");
    let mut service = service.start().await;
    let body = batch::ndjson(&rows(300));
    let failed = keyed(&service, batch::PATH, "key", body.clone()).await;
    assert_eq!((failed.status, failed.json()["code"].as_str()), (503, Some("outcome_unknown")));
    let appended = entries(&redis).await;
    assert!(0 < appended && appended < 1_000, "{appended} of the first chunk");
    service.kill9();
    let service = ingestion(&redis, 2).await;
    let retried = keyed(&service, batch::PATH, "key", body).await;
    assert_eq!((retried.status, retried.json()["accepted"].as_u64()), (200, Some(1_200)));
    assert_eq!(entries(&redis).await, 1_200);
}

#[cfg(feature = "failpoints")]
#[tokio::test]
async fn a_reading_whose_service_was_killed_after_its_key_was_registered_is_appended_by_a_retry() {
    let redis = RedisServer::start().await;
    let stuck = with_partitions(ingestion_api(&redis), 4);
    let mut stuck = stuck.env("FAILPOINTS", "append-after-registration=pause").start().await;
    let (server, body) = (Http::at(stuck.base()), reading(SITES[0]).to_string());
    let sending = tokio::spawn(async move {
        let request = server.request(Method::POST, "/readings").header("idempotency-key", "key");
        Reply::try_of(request.body(reading(SITES[0]).to_string())).await
    });
    wait::until("the key is registered", async || {
        !redis.run::<Vec<String>>(&["KEYS", "{energy_readings}:idempotency:*"]).await.is_empty()
    })
    .await;
    stuck.kill9();
    assert!(sending.await.unwrap().is_err(), "it was answered");
    assert_eq!(entries(&redis).await, 0);
    for (count, is_known) in [(2, "false"), (1, "true"), (4, "true")] {
        let service = ingestion(&redis, count).await;
        let retried = keyed(&service, "/readings", "key", body.clone()).await;
        assert_eq!(retried.header("idempotent-replayed"), is_known, "{count}: {retried:?}");
    }
    let sites = sites(&redis).await;
    assert_eq!(sites, BTreeMap::from([(stream(1), vec![SITES[0].to_owned()])]));
}
