//! Entries are delivered again after their day was packed: their readings are there once, and deleted ones stay deleted.

use std::collections::BTreeSet;
use std::iter;

use chrono::{DateTime, Utc};
use reqwest::Method;

use super::support::packing::pack_all_sites;
use super::support::readers::Readers;
use super::support::system::consumer;
use crate::common::http::Reply;
use crate::common::product::{Launch, Role, query_api};
use crate::common::readings::{add, add_backlog, fields};
use crate::common::redis::{GROUP, RedisServer, STREAM};
use crate::common::stored::{assert_each_is_stored_once, insert_members, wait_until_settled};
use crate::common::tiers::{self, SiteTiers};

/// Readings of one day, of two sites.
const COUNT: usize = 600;

const SITES: usize = 2;

/// A later day: without it that of the backlog would be the last of the sites, which is not packed.
const LATER: &str = "2024-01-17T00:00:00Z";

/// A server with a packed day, and the ids of all entries.
async fn packed(service: Launch, redis: &RedisServer) -> (Role, Vec<String>) {
    let mut ids = add_backlog(redis, COUNT, SITES).await;
    for site in 0..SITES {
        ids.push(add(redis, "*", &fields(&format!("site-{site}"), "1", LATER)).await);
    }
    let service = service.start().await;
    wait_until_settled(redis).await;
    pack_all_sites(redis).await;
    assert_eq!(packed_members(redis).await, COUNT);
    (service, ids)
}

async fn packed_members(redis: &RedisServer) -> usize {
    tiers::all(redis).await.iter().map(|site| site.packed_members().count()).sum()
}

/// Delivers the whole stream once more, and waits until it is processed.
async fn deliver_again(redis: &RedisServer) {
    redis.run::<()>(&["XGROUP", "SETID", STREAM, GROUP, "0"]).await;
    wait_until_settled(redis).await;
}

async fn in_two_tiers(redis: &RedisServer) -> usize {
    tiers::all(redis).await.iter().map(|site| site.in_two_tiers().len()).sum()
}

#[tokio::test]
async fn packed_entries_that_are_delivered_again_are_read_once_and_packed_again_once() {
    for policy in ["none", "first", "last"] {
        let redis = RedisServer::start_durable().await;
        let service = consumer(&redis, 1).env("DEDUP_POLICY", policy);
        let (_service, ids) = packed(service, &redis).await;
        let query = query_api(&redis).start().await;
        let readers = Readers::start(query.base(), ["site-0", "site-1"]);
        readers.wait_for_more(1).await;
        for _ in 0..2 {
            deliver_again(&redis).await;
            assert_each_is_stored_once(&redis, &ids).await;
            assert!(policy != "none" || in_two_tiers(&redis).await == COUNT, "stored again");
            pack_all_sites(&redis).await;
            assert_each_is_stored_once(&redis, &ids).await;
            let (two, packed) = (in_two_tiers(&redis).await, packed_members(&redis).await);
            assert_eq!((two, packed), (0, COUNT), "{policy}");
        }
        readers.wait_for_more(1).await;
        readers.stop_without_errors(policy).await;
    }
}

/// Deletes one reading of the first site and those of a minute of the second; gives the ids of the others.
async fn delete_some(service: &Role, ids: &[String]) -> Vec<String> {
    let path = format!("/sites/site-0/readings/{}", ids[0]);
    assert_eq!(Reply::of(service.request(Method::DELETE, &path)).await.status, 204);
    let path = "/sites/site-1/readings?start=2024-01-15T00:00:00Z&end=2024-01-15T00:01:00Z";
    let deleted = Reply::of(service.request(Method::DELETE, path)).await;
    assert_eq!(deleted.json()["deleted"], 30, "{deleted:?}");
    let is_deleted = |n: usize| n == 0 || (n < 60 && n % SITES == 1);
    let kept = ids.iter().enumerate().filter(|(n, _)| !is_deleted(*n));
    kept.map(|(_, id)| id.clone()).collect()
}

#[tokio::test]
async fn deleted_readings_of_a_packed_day_stay_deleted_when_their_entries_are_delivered_again() {
    let redis = RedisServer::start_durable().await;
    let (service, ids) = packed(consumer(&redis, 1), &redis).await;
    let kept = delete_some(&service, &ids).await;
    assert_each_is_stored_once(&redis, &kept).await;
    deliver_again(&redis).await;
    assert_each_is_stored_once(&redis, &kept).await;
    pack_all_sites(&redis).await;
    assert_each_is_stored_once(&redis, &kept).await;
}

/// The packed members, with their sites.
async fn members(redis: &RedisServer) -> BTreeSet<(String, String)> {
    let of_site = |site: &SiteTiers| -> Vec<_> {
        site.packed_members().map(|member| (site.site.clone(), member.to_owned())).collect()
    };
    tiers::all(redis).await.iter().flat_map(of_site).collect()
}

/// Stores members once more, as a process does whose entries were delivered to it before.
async fn store_again(redis: &RedisServer, members: impl Iterator<Item = &(String, String)>) {
    for (site, member) in members {
        let reading: serde_json::Value = serde_json::from_str(member).unwrap();
        let instant = reading["timestamp"].as_str().unwrap().parse::<DateTime<Utc>>().unwrap();
        #[expect(clippy::cast_precision_loss, reason = "exact in this century")]
        let scored = (instant.timestamp() as f64, member.clone());
        insert_members(redis, site, iter::once(scored)).await;
    }
}

/// A process has stored deleted readings again and has ended before it removed them, and their day was packed.
#[tokio::test]
async fn deleted_readings_that_a_process_has_stored_again_are_removed_from_their_packed_day() {
    let redis = RedisServer::start_durable().await;
    let (mut first, ids) = packed(consumer(&redis, 1), &redis).await;
    let before = members(&redis).await;
    let kept = delete_some(&first, &ids).await;
    first.kill9();
    store_again(&redis, before.difference(&members(&redis).await)).await;
    redis.run::<()>(&["XGROUP", "SETID", STREAM, GROUP, "0"]).await;
    redis.deliver_to("ended", ids.len()).await;
    pack_all_sites(&redis).await;
    assert_eq!((members(&redis).await, in_two_tiers(&redis).await), (before, 0));
    let _other = consumer(&redis, 2).start().await;
    assert_each_is_stored_once(&redis, &kept).await;
    pack_all_sites(&redis).await;
    assert_each_is_stored_once(&redis, &kept).await;
}
