//! `rollups build` computes rollups ahead, and can be interrupted and repeated.

use serde_json::{Value, json};

use crate::common::process::Ended;
use crate::common::product::{launch, query_api};
use crate::common::redis::RedisServer;
use crate::common::stored::insert_readings;

fn reading(site: &str, day: u32) -> Value {
    let timestamp = format!("2024-01-{day:02}T10:00:00Z");
    json!({ "site_id": site, "device_id": "m", "power_reading": 1000.0, "timestamp": timestamp })
}

async fn redis_with_readings() -> RedisServer {
    let redis = RedisServer::start().await;
    let readings: Vec<_> = (1..=9)
        .map(|day| reading("a", day))
        .chain((1..=3).map(|day| reading("b", day)))
        .chain([reading("other", 1)])
        .collect();
    insert_readings(&redis, &readings).await;
    // The last one is not in the index.
    redis.run::<()>(&["ZADD", "energy_readings:sites", "0", "a", "0", "b"]).await;
    redis
}

async fn build(redis: &RedisServer, sites: &[&str]) -> Ended {
    let mut command = launch(&["rollups", "build"]).env("REDIS_PORT", redis.port());
    for site in sites {
        command = command.arg("--site").arg(site);
    }
    command.run().await
}

/// The days of a site that have a rollup.
async fn days(redis: &RedisServer, site: &str) -> Vec<String> {
    let mut fields: Vec<String> = redis.run(&["HKEYS", &format!("site:{site}:rollups")]).await;
    fields.retain(|field| field != "generation");
    fields
}

async fn rollups(redis: &RedisServer, site: &str) -> usize {
    days(redis, site).await.len()
}

#[tokio::test]
async fn all_sites_of_the_index_get_their_rollups_and_a_repetition_computes_what_is_missing() {
    let redis = redis_with_readings().await;
    for (removed, done) in [
        (0, "2 sites, 12 days with readings, 12 rollups computed"),
        (0, "2 sites, 12 days with readings, 0 rollups computed"),
        (4, "2 sites, 12 days with readings, 4 rollups computed"),
    ] {
        let removed: Vec<_> = days(&redis, "a").await.into_iter().take(removed).collect();
        for field in &removed {
            redis.run::<()>(&["HDEL", "site:a:rollups", field]).await;
        }
        let ended = build(&redis, &[]).await;
        assert_eq!(ended.status.code(), Some(0), "{ended:?}");
        assert_eq!((ended.stdout.as_str(), ended.stderr.trim()), ("", done));
        assert_eq!((rollups(&redis, "a").await, rollups(&redis, "b").await), (9, 3));
    }
    assert_eq!(rollups(&redis, "other").await, 0);
    let query = query_api(&redis).start().await;
    let path = "/sites/a/aggregates?start=2024-01-01&end=2024-02-01&interval=1d";
    let body = query.get(path).await.json();
    assert_eq!(body["series"][0]["buckets"].as_array().unwrap().len(), 9);
}

#[tokio::test]
async fn a_site_can_be_named_and_one_without_readings_is_a_failure() {
    let redis = redis_with_readings().await;
    let ended = build(&redis, &["other", "b"]).await;
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    let counts =
        [rollups(&redis, "a").await, rollups(&redis, "b").await, rollups(&redis, "other").await];
    assert_eq!(counts, [0, 3, 1]);
    let ended = build(&redis, &["b", "nowhere"]).await;
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert!(ended.stderr.contains("there are no readings of nowhere"), "{ended:?}");
}
