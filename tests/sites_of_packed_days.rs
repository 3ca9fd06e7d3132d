//! `GET /sites`, `/sites/{site_id}`, `…/devices` and `…/latest` give the same whether days of a site are packed or not.

use serde_json::{Value, json};

use crate::common::catalog::{Stored, store};
use crate::common::http::Http;
use crate::common::packed::{headers, pack, unpack};
#[cfg(feature = "failpoints")]
use crate::common::product::launch;
use crate::common::product::{Role, query_api};
use crate::common::redis::RedisServer;
use crate::common::stored;
use crate::common::wait;

const DAY: i64 = 86_400;

/// More readings than are read for each question: each half an hour of 30 days; and two devices that are silent since, one of
/// which had a clock that was never set.
async fn house() -> (RedisServer, Role) {
    let redis = RedisServer::start().await;
    let mut readings: Vec<_> = (0..1_440).rev().map(|n| Stored::ago("main", n * 1_800)).collect();
    readings.extend((0..40).map(|n| Stored::ago("silent", 20 * DAY + n * 600)));
    readings.push(Stored::ago("unset", 19_000 * DAY));
    store(&redis, "house", &readings).await;
    store(&redis, "other", &[Stored::ago("main", 0)]).await;
    let query = query_api(&redis).start().await;
    (redis, query)
}

/// All that is known of the house, once it is complete.
async fn facts(query: &Http) -> Vec<Value> {
    wait::until("all devices are known", async || {
        query.get("/sites/house/devices").await.json()["complete"] == json!(true)
    })
    .await;
    let mut facts = Vec::new();
    for path in ["/sites", "/sites/house", "/sites/house/devices", "/sites/house/latest"] {
        let reply = query.get(path).await;
        assert_eq!(reply.status, 200, "{path}: {reply:?}");
        let mut fact = reply.json();
        for reading in fact["readings"].as_array_mut().into_iter().flatten() {
            reading.as_object_mut().unwrap().remove("age_s").unwrap();
        }
        facts.push(fact);
    }
    facts
}

fn readings(facts: &[Value]) -> &Value {
    &facts[1]["readings"]
}

#[tokio::test]
async fn what_is_known_of_a_site_stays_the_same_when_its_days_are_packed_and_unpacked() {
    let (redis, query) = house().await;
    let before = facts(&query).await;
    assert_eq!(readings(&before), &json!(1_481));
    pack(&redis, &[]).await;
    assert!(stored::members(&redis, "house").await.len() < 100);
    assert_eq!(facts(&query).await, before);
    // A process that knows nothing yet.
    let fresh = query_api(&redis).start().await;
    assert_eq!(facts(&fresh).await, before);
    unpack(&redis, &[]).await;
    assert_eq!(facts(&query).await, before);
}

#[tokio::test]
async fn a_late_reading_of_a_packed_day_counts_and_one_that_is_delivered_again_does_not() {
    let (redis, query) = house().await;
    let old = stored::members(&redis, "house").await;
    pack(&redis, &[]).await;
    let again = old[100..110].iter().map(|member| (member.score, member.text.clone()));
    stored::insert_members(&redis, "house", again).await;
    assert_eq!(readings(&facts(&query).await), &json!(1_481));
    let late = Stored::ago("late", 40 * DAY);
    store(&redis, "house", &[late.clone(), Stored::ago("late", 10 * DAY)]).await;
    let facts = facts(&query).await;
    assert_eq!(readings(&facts), &json!(1_483));
    assert_eq!(facts[1]["first"], json!(late.utc()));
    assert_eq!(facts[1]["devices"], json!(4));
}

/// A reading that was delivered again is dropped when its day is packed, and a late one takes its place in all sums.
#[tokio::test]
async fn a_late_device_is_known_though_packed_days_have_as_many_readings_as_before() {
    let (redis, query) = house().await;
    let again = stored::members(&redis, "house").await.swap_remove(100);
    pack(&redis, &[]).await;
    stored::insert_members(&redis, "house", [(again.score, again.text)].into_iter()).await;
    assert_eq!(facts(&query).await[1]["devices"], json!(3));
    pack(&redis, &[]).await;
    store(&redis, "house", &[Stored::ago("late", 10 * DAY)]).await;
    assert_eq!(facts(&query).await[1]["devices"], json!(4));
}

/// A process has ended between two steps: the sorted set and the packed day have the same readings.
#[cfg(feature = "failpoints")]
#[tokio::test]
async fn readings_of_a_day_that_is_being_packed_count_once() {
    let (redis, query) = house().await;
    let before = facts(&query).await;
    let packer = launch(&["pack"]).env("FAILPOINTS", "pack-after-verify=1*off->panic");
    let ended = packer.env("REDIS_PORT", redis.port()).run().await;
    assert!(ended.stderr.contains("pack-after-verify"), "{ended:?}");
    let headers = headers(&redis, "house").await;
    assert!(headers.values().any(|header| !header.is_complete), "{headers:?}");
    assert_eq!(query.get("/sites/house").await.json()["readings"], json!(1_481));
    assert_eq!(query.get("/sites").await.json()["sites"], before[0]["sites"]);
}

#[tokio::test]
async fn a_site_whose_sorted_set_was_deleted_is_known_by_its_packed_days() {
    let (redis, query) = house().await;
    let before = facts(&query).await;
    pack(&redis, &[]).await;
    let packed: u64 = headers(&redis, "house").await.values().map(|it| it.packed.count).sum();
    redis.run::<()>(&["DEL", "site:house:readings"]).await;
    let after = facts(&query).await;
    assert_eq!(readings(&after), &json!(packed));
    assert_eq!((&after[1]["first"], &after[1]["devices"]), (&before[1]["first"], &json!(3)));
    let last = after[1]["last"].as_str().unwrap();
    assert!(last < before[1]["last"].as_str().unwrap(), "{last}");
    assert!(after[1]["last_ingested_at"].is_string(), "{after:?}");
}

#[tokio::test]
async fn a_page_of_sites_reads_summaries_in_place_of_the_headers_of_days() {
    let (redis, query) = house().await;
    pack(&redis, &[]).await;
    assert!(redis.run::<bool>(&["HEXISTS", "site:{site:house:readings}:days", "summary"]).await);
    redis.run::<()>(&["CONFIG", "RESETSTAT"]).await;
    assert_eq!(query.get("/sites").await.status, 200);
    let stats: String = redis.run(&["INFO", "commandstats"]).await;
    // One for each site: versions and summaries.
    assert!(stats.contains("cmdstat_hmget:calls=2,"), "{stats}");
}
