//! `energy-pipeline reindex`: lists have the sites whose readings only the original stored.

use std::collections::BTreeSet;

use reqwest::Method;

use crate::common::catalog::{Stored, index, store};
use crate::common::http::{Reply, segment};
use crate::common::packed::{fill, pack};
use crate::common::process::Ended;
use crate::common::product::{Launch, Role, launch, processing_service, query_api};
use crate::common::redis::{RedisServer, STREAM};
use crate::common::stored::insert;
use crate::common::wait;

fn reindex(redis: &RedisServer) -> Launch {
    launch(&["reindex"]).env("REDIS_HOST", "127.0.0.1").env("REDIS_PORT", redis.port())
}

/// Sites as the original leaves them: readings, and no index.
async fn originals(redis: &RedisServer, sites: usize) -> BTreeSet<String> {
    let mut pipeline = redis::pipe();
    let names: BTreeSet<_> = (0..sites).map(|n| format!("house-{n:05}")).collect();
    for name in &names {
        let member = format!(r#"{{"stream_id": "1-0", "site_id": "{name}"}}"#);
        pipeline.zadd(format!("site:{name}:readings"), member, 1.0).ignore();
    }
    pipeline.query_async::<()>(&mut redis.connect().await).await.unwrap();
    names
}

async fn indexed(redis: &RedisServer) -> BTreeSet<String> {
    redis.run(&["ZRANGE", &format!("{STREAM}:sites"), "0", "-1"]).await
}

fn assert_succeeded(ended: &Ended, text: &str) {
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    assert!(ended.stderr.contains(text), "{ended:?}");
}

fn warns(role: &Role) -> bool {
    role.stderr().contains("sites are missing in the site index")
}

#[tokio::test]
async fn sites_of_the_original_are_listed_after_it_and_it_may_run_again() {
    let redis = RedisServer::start().await;
    let mut sites = originals(&redis, 3_000).await;
    for odd in ["a/b", "*", "é:readings", ":", "site:x:readings"] {
        insert(&redis, odd, 0..2).await;
        sites.insert(odd.to_owned());
    }
    index(&redis, ["known before".to_owned()]).await;
    for key in ["site::readings", "site:x:rollups", "sites:y:readings", "site:z:readings:old"] {
        redis.run::<usize>(&["ZADD", key, "0", "member"]).await;
    }
    redis.run::<()>(&["SET", "site:text:readings", "no sorted set"]).await;
    let query = query_api(&redis).start().await;
    assert_eq!(query.get("/sites").await.json()["sites"].as_array().unwrap().len(), 1);
    assert_succeeded(&reindex(&redis).run().await, "3,005 sites with readings, 3,005 added");
    sites.insert("known before".to_owned());
    assert_eq!(indexed(&redis).await, sites);
    assert_succeeded(&reindex(&redis).run().await, "3,005 sites with readings, 0 added");
    let path = format!("/sites?prefix={}", segment("é:"));
    assert_eq!(query.get(&path).await.json()["sites"][0]["readings"], 2);
}

#[tokio::test]
async fn it_may_run_while_services_store_readings() {
    let redis = RedisServer::start().await;
    let before = originals(&redis, 2_000).await;
    let _processing = processing_service(&redis).start().await;
    let writing = crate::common::readings::add_backlog(&redis, 2_000, 500);
    let (ended, _) = tokio::join!(reindex(&redis).run(), writing);
    assert_succeeded(&ended, "sites with readings");
    crate::common::stored::wait_until_settled(&redis).await;
    let indexed = indexed(&redis).await;
    assert!(indexed.is_superset(&before));
    assert_eq!(indexed.len(), 2_500);
}

#[tokio::test]
async fn sites_without_hot_readings_are_found_by_their_packed_days() {
    let redis = RedisServer::start().await;
    let sites = ["s", "a{b}c", "deleted"];
    for site in sites {
        fill(&redis, site, 10..13).await;
    }
    pack(&redis, &[]).await;
    for site in sites {
        redis.run::<()>(&["DEL", &format!("site:{site}:readings")]).await;
    }
    let query = query_api(&redis).start().await;
    let all = query.request(Method::DELETE, "/sites/deleted/readings?start=0&end=now");
    assert_eq!(Reply::of(all).await.status, 200);
    redis.run::<()>(&["DEL", &format!("{STREAM}:sites")]).await;
    let role = query_api(&redis).start().await;
    wait::until("it warns", async || warns(&role)).await;
    assert!(role.stderr().contains(r#""missing":2"#), "{}", role.stderr());
    assert_succeeded(&reindex(&redis).run().await, "2 sites with readings, 2 added");
    assert_eq!(indexed(&redis).await, BTreeSet::from(["s", "a{b}c"].map(str::to_owned)));
}

#[tokio::test]
async fn a_site_with_hot_and_packed_readings_counts_once() {
    let redis = RedisServer::start().await;
    fill(&redis, "s", 10..13).await;
    pack(&redis, &[]).await;
    assert_succeeded(&reindex(&redis).run().await, "1 sites with readings, 0 added");
}

#[cfg(feature = "failpoints")]
#[tokio::test]
async fn when_redis_is_killed_midway_it_fails_and_the_next_run_completes_the_index() {
    let mut redis = RedisServer::start_durable().await;
    let sites = originals(&redis, 5_000).await;
    let mut running =
        reindex(&redis).env("FAILPOINTS", "reindex-after-page=sleep(200)").start_process();
    wait::until("some are added", async || !indexed(&redis).await.is_empty()).await;
    redis.kill9();
    let ended = running.ended().await;
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    redis.restart().await;
    let added = indexed(&redis).await;
    assert!(added.len() < 5_000 && sites.is_superset(&added), "{}", added.len());
    assert_succeeded(&reindex(&redis).run().await, "5,000 sites with readings");
    assert_eq!(indexed(&redis).await, sites);
}

#[cfg(feature = "failpoints")]
#[tokio::test]
async fn a_connection_that_is_lost_midway_skips_no_site() {
    let redis = RedisServer::start().await;
    let sites = originals(&redis, 5_000).await;
    let slow = reindex(&redis).env("FAILPOINTS", "reindex-after-page=3*sleep(300)");
    let mut running = slow.start_process();
    wait::until("some are added", async || !indexed(&redis).await.is_empty()).await;
    redis.run::<usize>(&["CLIENT", "KILL", "TYPE", "normal"]).await;
    let ended = running.ended().await;
    assert_succeeded(&ended, "the scan begins again");
    assert_eq!(indexed(&redis).await, sites);
}

#[tokio::test]
async fn services_report_missing_sites_when_they_start_until_it_has_run() {
    let redis = RedisServer::start().await;
    store(&redis, "indexed", &[Stored::ago("meter", 0)]).await;
    insert(&redis, "of the original", 0..3).await;
    for launch in [processing_service(&redis), query_api(&redis)] {
        let role = launch.start().await;
        wait::until("it warns", async || warns(&role)).await;
        assert!(role.stderr().contains(r#""missing":1"#), "{}", role.stderr());
        assert!(role.stderr().contains("run energy-pipeline reindex"), "{}", role.stderr());
    }
    assert_succeeded(&reindex(&redis).run().await, "2 sites with readings, 1 added");
    let role = processing_service(&redis).start().await;
    wait::until("it is ready", async || role.get("/readyz").await.status == 200).await;
    // The check is sent before the configuration is logged.
    wait::until("it has checked Redis", async || role.stderr().contains("no maxmemory")).await;
    assert!(!warns(&role), "{}", role.stderr());
}

#[tokio::test]
async fn it_says_what_it_does_and_without_redis_it_fails_with_one_line() {
    let help = launch(&["reindex", "--help"]).run().await;
    assert!(
        help.stdout.contains("index of sites") && help.stdout.contains("run it again"),
        "{help:?}"
    );
    let redis = RedisServer::prepared(&[]);
    let ended = reindex(&redis).run().await;
    assert_eq!((ended.status.code(), ended.stderr.lines().count()), (Some(1), 1), "{ended:?}");
}
