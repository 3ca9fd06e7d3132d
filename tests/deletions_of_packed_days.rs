//! Deletion, expiry and deduplication of readings whose days are packed.

use reqwest::Method;

use crate::common::http::{Http, Reply};
use crate::common::packed::{fill, headers, index, members, pack, union, unpack};
use crate::common::product::{Role, processing_service, query_api};
use crate::common::readings::{add, fields};
use crate::common::redis::RedisServer;
use crate::common::stored::{self, insert_members, wait_until_settled};
use crate::common::wait;

/// The days 10 to 12 since 1970 with 24 readings each, of which the first two are packed.
async fn packed() -> (RedisServer, Role) {
    let redis = RedisServer::start().await;
    fill(&redis, "s", 10..13).await;
    pack(&redis, &[]).await;
    let query = query_api(&redis).start().await;
    (redis, query)
}

async fn deleted(service: &Http, parameters: &str) -> u64 {
    let path = format!("/sites/s/readings?{parameters}");
    let reply = Reply::of(service.request(Method::DELETE, &path)).await;
    assert_eq!(reply.status, 200, "{parameters}: {reply:?}");
    reply.json()["deleted"].as_u64().unwrap()
}

async fn delete(service: &Http, id: &str) -> u16 {
    let path = format!("/sites/s/readings/{id}");
    Reply::of(service.request(Method::DELETE, &path)).await.status
}

async fn served(service: &Http) -> usize {
    service.get("/sites/s/readings").await.json()["readings"].as_array().unwrap().len()
}

#[tokio::test]
async fn a_packed_reading_is_deleted_by_its_stream_id_once() {
    let (redis, query) = packed().await;
    let before = headers(&redis, "s").await;
    // The third of the first day.
    let id = format!("{}-0", 10 * 86_400 + 2 * 3_600 + 1);
    assert_eq!([delete(&query, &id).await, delete(&query, &id).await], [204, 404]);
    assert_eq!(served(&query).await, 71);
    let after = headers(&redis, "s").await;
    assert_eq!(members(&redis, "s").await[&10].len(), 23);
    assert!(
        after[&10].revision > before[&10].revision,
        "rollups of the day are not valid any more"
    );
    assert_eq!(after[&11], before[&11]);
    unpack(&redis, &[]).await;
    assert_eq!(stored::members(&redis, "s").await.len(), 71);
}

#[tokio::test]
async fn a_range_is_deleted_from_both_tiers_and_each_reading_is_counted_once() {
    let (redis, query) = packed().await;
    // Delivered again after its day was packed, and a late one.
    let again = members(&redis, "s").await[&11][0].clone();
    let late = stored::member("s", 11 * 86_400 + 1);
    let hot = [(950_400.0, again), (950_401.0, late)];
    insert_members(&redis, "s", hot.into_iter()).await;
    assert_eq!(
        deleted(&query, "start=1970-01-11T12:00:00Z&end=1970-01-13T06:00:00Z").await,
        12 + 25 + 6
    );
    assert_eq!(deleted(&query, "start=1970-01-11T12:00:00Z&end=1970-01-13T06:00:00Z").await, 0);
    let left = members(&redis, "s").await;
    assert_eq!((left[&10].len(), left.get(&11)), (12, None), "a day without readings has no value");
    assert_eq!(stored::members(&redis, "s").await.len(), 18);
    assert_eq!(served(&query).await, 30);
    assert_eq!(deleted(&query, "start=0&end=now").await, 30);
    assert_eq!(union(&redis, "s").await, [""; 0]);
    assert_eq!(served(&query).await, 0);
}

#[tokio::test]
async fn readings_of_one_device_are_deleted_and_those_of_others_stay_packed() {
    let (redis, query) = packed().await;
    let other = stored::member("s", 10 * 86_400 + 60).replace("\"meter\"", "\"other\"");
    insert_members(&redis, "s", [(864_060.0, other.clone())].into_iter()).await;
    pack(&redis, &[]).await;
    assert_eq!(deleted(&query, "start=0&end=1970-01-13&device_id=meter").await, 48);
    assert_eq!(members(&redis, "s").await.into_values().collect::<Vec<_>>(), [[other]]);
}

#[tokio::test]
async fn a_deletion_of_hundreds_of_packed_days_takes_seconds() {
    let redis = RedisServer::start().await;
    fill(&redis, "s", 10..410).await;
    pack(&redis, &[]).await;
    let query = query_api(&redis).start().await;
    let begun = std::time::Instant::now();
    assert_eq!(deleted(&query, "start=0&end=1971-02-15").await, 400 * 24);
    assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());
    assert_eq!(union(&redis, "s").await, [""; 0]);
}

#[tokio::test]
async fn packed_days_expire_with_their_headers_and_rollups() {
    let redis = RedisServer::start().await;
    fill(&redis, "s", 10..16).await;
    pack(&redis, &[]).await;
    assert_eq!(members(&redis, "s").await.len(), 5);
    redis.run::<()>(&["HSET", "site:s:rollups", "10", "x"]).await;
    let service = processing_service(&redis).env("READINGS_RETENTION", "4s").start().await;
    wait::until("all readings are deleted", async || {
        let [hot, packed] = ["site:s:readings", "site:{site:s:readings}:packed"];
        redis.run::<usize>(&["EXISTS", hot, packed]).await == 0
    })
    .await;
    wait::until("they are counted", async || {
        service.counter("energy_pipeline_readings_expired_total").await == 144
    })
    .await;
    assert!(headers(&redis, "s").await.is_empty());
    assert_eq!(redis.run::<Vec<String>>(&["HKEYS", "site:s:rollups"]).await, ["generation"]);
}

/// A reading of noon of the day 10.
async fn noon(redis: &RedisServer, id: &str, watts: &str) {
    add(redis, id, &fields("s", watts, "1970-01-11T12:00:00Z")).await;
    wait_until_settled(redis).await;
}

/// The powers of noon of the day 10 that are stored, each once.
async fn powers(redis: &RedisServer) -> Vec<String> {
    let all = union(redis, "s").await.into_iter();
    let power = |member: &str| {
        let (_, rest) = member.split_once("\"power_reading\": ").unwrap();
        rest.split_once(',').unwrap().0.to_owned()
    };
    all.filter(|it| it.contains("1970-01-11T12:00:00Z")).map(|it| power(&it)).collect()
}

/// A packed reading of noon, accepted as 5000-0 with 5 watts, and a service with this policy.
async fn packed_noon(policy: &str) -> (RedisServer, Role) {
    let redis = RedisServer::start().await;
    let service = processing_service(&redis).env("DEDUP_POLICY", policy).start().await;
    noon(&redis, "5000-0", "5.0").await;
    add(&redis, "5001-0", &fields("s", "1.0", "1970-01-13T12:00:00Z")).await;
    wait_until_settled(&redis).await;
    index(&redis, "s").await;
    pack(&redis, &[]).await;
    assert_eq!(members(&redis, "s").await[&10].len(), 1);
    (redis, service)
}

/// The same, and then late ones.
async fn late_readings(policy: &str) -> (RedisServer, Role) {
    let (redis, service) = packed_noon(policy).await;
    noon(&redis, "6000-0", "6.0").await;
    noon(&redis, "7000-0", "7.0").await;
    (redis, service)
}

#[tokio::test]
async fn the_last_reading_replaces_a_packed_one() {
    let (redis, service) = late_readings("last").await;
    assert_eq!(powers(&redis).await, ["7.0"]);
    assert_eq!(members(&redis, "s").await.get(&10), None);
    pack(&redis, &[]).await;
    assert_eq!(powers(&redis).await, ["7.0"]);
    assert_eq!(members(&redis, "s").await[&10].len(), 1);
    assert_eq!(service.counter("energy_pipeline_readings_deduplicated_total").await, 2);
}

#[tokio::test]
async fn the_first_reading_stays_packed_and_later_ones_are_dropped() {
    let (redis, service) = late_readings("first").await;
    assert_eq!(powers(&redis).await, ["5.0"]);
    assert_eq!(stored::members(&redis, "s").await.len(), 1);
    assert_eq!(service.counter("energy_pipeline_readings_deduplicated_total").await, 2);
}

#[tokio::test]
async fn without_a_policy_all_readings_are_kept() {
    let (redis, _service) = late_readings("none").await;
    assert_eq!(powers(&redis).await, ["5.0", "6.0", "7.0"]);
}

#[tokio::test]
async fn a_packed_reading_that_is_delivered_again_is_stored_once() {
    let redis = RedisServer::start().await;
    let service = processing_service(&redis).env("DEDUP_POLICY", "last");
    let service = service.env("CLAIM_MIN_IDLE_MS", "100").start().await;
    noon(&redis, "5000-0", "5.0").await;
    add(&redis, "5001-0", &fields("s", "1.0", "1970-01-13T12:00:00Z")).await;
    wait_until_settled(&redis).await;
    pack(&redis, &[]).await;
    let before = union(&redis, "s").await;
    // As after an acknowledgement that was lost.
    let claim = [
        "XCLAIM",
        "energy_readings",
        "processing_group",
        "other",
        "0",
        "5000-0",
        "FORCE",
        "JUSTID",
    ];
    redis.run::<redis::Value>(&claim).await;
    wait_until_settled(&redis).await;
    assert_eq!(union(&redis, "s").await, before);
    assert_eq!(stored::members(&redis, "s").await.len(), 1, "it is not hot again");
    assert!(service.counter("energy_pipeline_entries_claimed_total").await >= 1);
}

#[cfg(feature = "failpoints")]
mod between_the_steps {
    use super::*;
    use crate::common::product::launch;

    /// A packer that waits at a fail point until a deletion is done can not bring back what it had read.
    #[tokio::test]
    async fn a_reading_that_is_deleted_while_its_day_is_packed_stays_deleted() {
        for point in ["pack-after-read", "pack-after-write", "pack-after-verify"] {
            let redis = RedisServer::start().await;
            fill(&redis, "s", 10..12).await;
            let query = query_api(&redis).start().await;
            let packer = launch(&["pack"]).env("FAILPOINTS", format!("{point}=1*sleep(3000)"));
            let packer = packer.env("REDIS_HOST", "127.0.0.1").env("REDIS_PORT", redis.port());
            let mut packer = packer.start_process();
            wait::until("the packer has the lease", async || {
                redis.run::<bool>(&["HEXISTS", "site:{site:s:readings}:days", "lease"]).await
            })
            .await;
            let id = format!("{}-0", 10 * 86_400 + 1);
            assert_eq!(delete(&query, &id).await, 204, "{point}");
            assert!(packer.ended().await.status.success(), "{point}");
            let all = union(&redis, "s").await;
            assert_eq!(all.len(), 47, "{point}");
            assert_eq!(members(&redis, "s").await[&10].len(), 23, "{point}");
            assert_eq!(served(&query).await, 47, "{point}");
        }
    }

    /// What a correction has compared with is packed again before it is written: with a late reading of another time.
    #[tokio::test]
    async fn a_packed_reading_that_is_replaced_while_its_day_is_packed_again_is_replaced_alone() {
        let (redis, service) = packed_noon("last").await;
        drop(service);
        let late = stored::member("s", 10 * 86_400 + 60);
        insert_members(&redis, "s", [(864_060.0, late.clone())].into_iter()).await;
        let slow = processing_service(&redis).env("DEDUP_POLICY", "last");
        let _slow = slow.env("FAILPOINTS", "dedup-after-read=1*sleep(4000)").start().await;
        redis.run::<()>(&["CONFIG", "RESETSTAT"]).await;
        add(&redis, "6000-0", &fields("s", "6.0", "1970-01-11T12:00:00Z")).await;
        wait::until("the packed day is read", async || {
            redis.run::<String>(&["INFO", "commandstats"]).await.contains("cmdstat_hmget:")
        })
        .await;
        pack(&redis, &[]).await;
        assert_eq!(members(&redis, "s").await[&10].len(), 2, "before the correction");
        wait_until_settled(&redis).await;
        assert_eq!(powers(&redis).await, ["6.0"]);
        assert!(union(&redis, "s").await.contains(&late), "the late reading is lost");
    }

    /// A packer has read a late reading of a packed day, which is corrected before it is packed.
    #[tokio::test]
    async fn a_late_reading_that_is_replaced_while_it_is_packed_stays_replaced() {
        let (redis, _service) = packed_noon("last").await;
        add(&redis, "5002-0", &fields("s", "1.0", "1970-01-11T13:00:00Z")).await;
        wait_until_settled(&redis).await;
        let packer = launch(&["pack"]).env("FAILPOINTS", "pack-after-read=1*sleep(3000)");
        let packer = packer.env("REDIS_HOST", "127.0.0.1").env("REDIS_PORT", redis.port());
        let mut packer = packer.start_process();
        wait::until("the packer has the lease", async || {
            redis.run::<bool>(&["HEXISTS", "site:{site:s:readings}:days", "lease"]).await
        })
        .await;
        add(&redis, "5003-0", &fields("s", "2.0", "1970-01-11T13:00:00Z")).await;
        wait_until_settled(&redis).await;
        assert!(packer.ended().await.status.success());
        let all = union(&redis, "s").await;
        assert_eq!(all.iter().filter(|it| it.contains("T13:00:00Z")).count(), 1, "{all:?}");
        assert_eq!(members(&redis, "s").await[&10].len(), 2);
    }

    /// The deletion waits between the tiers while the day is unpacked.
    #[tokio::test]
    async fn a_reading_that_is_deleted_while_its_day_is_unpacked_stays_deleted() {
        let (redis, _) = packed().await;
        let query =
            query_api(&redis).env("FAILPOINTS", "remove-between-hot-and-packed=1*sleep(2000)");
        let query = query.start().await;
        let id = format!("{}-0", 10 * 86_400 + 1);
        let (status, _) = tokio::join!(delete(&query, &id), unpack(&redis, &[]));
        assert_eq!(status, 204);
        assert_eq!(stored::members(&redis, "s").await.len(), 71);
        assert_eq!(served(&query).await, 71);
    }
}
