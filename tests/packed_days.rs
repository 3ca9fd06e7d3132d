//! Packed days: closed days of a site are one compressed value each (`PACK_AFTER`, `pack`), and `unpack` restores them.

use std::ops::RangeInclusive;

use crate::common::packed::{command, fill, headers, index, members, pack, union, unpack};
use crate::common::product::processing_service;
use crate::common::readings::{add, fields};
use crate::common::redis::RedisServer;
use crate::common::stored::{self, insert_members, wait_until_settled};
use crate::common::wait;

/// Three days of readings, of which the last one is not packed.
async fn three_days() -> RedisServer {
    let redis = RedisServer::start().await;
    fill(&redis, "s", 10..13).await;
    redis
}

async fn packed_days(redis: &RedisServer) -> Vec<i32> {
    members(redis, "s").await.into_keys().collect()
}

fn days(days: RangeInclusive<i32>) -> Vec<i32> {
    days.collect()
}

/// A member in the form of this program.
fn member(id: &str, device: &str, timestamp: &str) -> String {
    format!(
        r#"{{"stream_id": "{id}", "site_id": "s", "device_id": "{device}", "power_reading": 1.5, "timestamp": "{timestamp}", "ingested_at": "2024-01-15T10:30:00.000000"}}"#
    )
}

#[tokio::test]
async fn all_closed_days_but_the_last_one_of_a_site_are_packed() {
    let redis = three_days().await;
    let before = stored::members(&redis, "s").await;
    let printed = pack(&redis, &[]).await;
    assert!(printed.starts_with("1 sites, 2 days packed, 48 readings moved"), "{printed}");
    assert_eq!(packed_days(&redis).await, days(10..=11));
    assert_eq!(stored::members(&redis, "s").await, before[48..]);
    let all = union(&redis, "s").await;
    assert_eq!(all.len(), before.len());
    assert!(before.iter().all(|member| all.contains(&member.text)));
    let lease: Option<String> = redis.run(&["HGET", "site:{site:s:readings}:days", "lease"]).await;
    assert_eq!(lease, None, "it is released");
}

/// As of a clock that is wrong: the day of the last plausible reading would be closed by it.
#[tokio::test]
async fn a_reading_of_the_future_does_not_close_the_last_day() {
    let redis = three_days().await;
    let future = [(32_503_680_000.0, member("1-0", "a", "3000-01-01T00:00:00Z"))];
    insert_members(&redis, "s", future.into_iter()).await;
    pack(&redis, &[]).await;
    assert_eq!(packed_days(&redis).await, days(10..=11));
    assert_eq!(stored::members(&redis, "s").await.len(), 24 + 1);
}

#[tokio::test]
async fn unpacking_restores_the_sorted_set_byte_for_byte() {
    let redis = three_days().await;
    let odd = [
        (
            864_000.5,
            member("9-0", "ü \\\" b", "1970-01-11T01:00:00.5+01:00").replace('ü', "\\u00fc"),
        ),
        (864_000.0, member("7-1", "a", "19700111T000000Z")),
    ];
    insert_members(&redis, "s", odd.into_iter()).await;
    let before = stored::members(&redis, "s").await;
    pack(&redis, &[]).await;
    assert_eq!(stored::members(&redis, "s").await.len(), 24);
    let printed = unpack(&redis, &[]).await;
    assert_eq!(printed, "1 sites, 2 days unpacked, 50 readings restored");
    assert_eq!(stored::members(&redis, "s").await, before);
    assert_eq!(redis.run::<usize>(&["EXISTS", "site:{site:s:readings}:packed"]).await, 0);
    let printed = unpack(&redis, &[]).await;
    assert_eq!(printed, "1 sites, 0 days unpacked, 0 readings restored");
    pack(&redis, &[]).await;
    unpack(&redis, &["--site", "s"]).await;
    assert_eq!(stored::members(&redis, "s").await, before);
}

#[tokio::test]
async fn only_days_before_the_date_and_sites_that_are_named_are_packed_and_unpacked() {
    let redis = three_days().await;
    fill(&redis, "other", 10..13).await;
    pack(&redis, &["--site", "s", "--before", "1970-01-12"]).await;
    assert_eq!(packed_days(&redis).await, [10]);
    assert_eq!(stored::members(&redis, "other").await.len(), 72);
    pack(&redis, &["--site", "s", "--site", "other"]).await;
    assert_eq!(stored::members(&redis, "other").await.len(), 24);
    unpack(&redis, &["--before", "1970-01-12"]).await;
    assert_eq!(packed_days(&redis).await, [11]);
    assert_eq!(stored::members(&redis, "other").await.len(), 48);
}

#[tokio::test]
async fn a_site_that_is_unknown_and_a_date_that_is_none_or_in_the_future_are_errors() {
    let redis = three_days().await;
    for name in ["pack", "unpack"] {
        let unknown = command(&redis, &[name, "--site", "nowhere"]).await;
        assert_eq!(unknown.status.code(), Some(1), "{unknown:?}");
        assert!(unknown.stderr.contains("no readings of nowhere"), "{unknown:?}");
        for (date, rule) in [("12.1.1970", "a date such as"), ("9999-01-01", "in the future")] {
            let ended = command(&redis, &[name, "--before", date]).await;
            assert_eq!(ended.status.code(), Some(2), "{ended:?}");
            assert!(ended.stderr.contains(rule), "{ended:?}");
            assert!(ended.stderr.contains("--before"), "{ended:?}");
        }
    }
    assert_eq!(stored::members(&redis, "s").await.len(), 72, "nothing was packed");
}

#[tokio::test]
async fn what_another_program_wrote_in_another_form_stays_in_the_sorted_set() {
    let redis = three_days().await;
    let compact = member("1-0", "a", "1970-01-11T00:00:00Z").replace(": ", ":");
    let foreign = [
        (864_000.0, compact.clone()),
        (864_001.0, member("2-0", "a", "1970-01-11T00:00:02Z")),
        (864_002.0, "no JSON".to_owned()),
    ];
    insert_members(&redis, "s", foreign.into_iter()).await;
    pack(&redis, &[]).await;
    assert_eq!(members(&redis, "s").await[&10].len(), 24);
    let left = stored::members(&redis, "s").await;
    assert_eq!(left.len(), 24 + 3);
    assert_eq!(left[0].text, compact);
}

#[tokio::test]
async fn a_reading_that_is_late_or_delivered_again_is_packed_once() {
    let redis = three_days().await;
    pack(&redis, &[]).await;
    let again = members(&redis, "s").await[&10][5].clone();
    let late = member("77-0", "late", "1970-01-11T12:30:00Z");
    let hot = [(864_000.0 + 5.0 * 3_600.0, again), (864_000.0 + 45_000.0, late.clone())];
    insert_members(&redis, "s", hot.into_iter()).await;
    let before = headers(&redis, "s").await;
    let printed = pack(&redis, &[]).await;
    assert!(printed.starts_with("1 sites, 1 days packed, 2 readings moved"), "{printed}");
    let packed = members(&redis, "s").await;
    assert_eq!((packed[&10].len(), packed[&11].len()), (25, 24));
    assert_eq!(packed[&10][13], late, "in the order of responses");
    let after = headers(&redis, "s").await;
    assert!(after[&10].revision > before[&10].revision);
    assert_eq!(after[&11], before[&11]);
    assert_eq!(stored::members(&redis, "s").await.len(), 24);
}

#[tokio::test]
async fn the_processing_service_packs_days_that_ended_long_enough_ago() {
    let redis = three_days().await;
    let today = chrono::Utc::now().format("%Y-%m-%dT00:00:00Z").to_string();
    let service = processing_service(&redis).env("PACK_AFTER", "30h").start().await;
    wait::until("closed days are packed", async || packed_days(&redis).await == days(10..=11))
        .await;
    // A later reading closes the site's last day, and a late one makes a packed day due again.
    let reading = |timestamp: &str| fields("s", "1.5", timestamp);
    add(&redis, "*", &reading(&today)).await;
    add(&redis, "*", &reading("1970-01-11T12:30:00Z")).await;
    wait_until_settled(&redis).await;
    wait::until("all closed days are packed", async || {
        let packed = members(&redis, "s").await;
        let hot = stored::members(&redis, "s").await.len();
        packed.len() == 3 && packed[&10].len() == 25 && hot == 1
    })
    .await;
    // They follow the last change of a day.
    wait::until("all days are counted", async || {
        service.counter("energy_pipeline_readings_packed_total").await == 73
    })
    .await;
    assert_eq!(service.counter("energy_pipeline_packings_total").await, 4);
    assert_eq!(service.counter("energy_pipeline_packing_failures_total").await, 0);
}

#[tokio::test]
async fn without_the_setting_the_service_packs_nothing() {
    let redis = three_days().await;
    let _service = processing_service(&redis).start().await;
    add(&redis, "*", &fields("s", "1.5", "1970-01-11T12:30:00Z")).await;
    wait_until_settled(&redis).await;
    assert_eq!(stored::members(&redis, "s").await.len(), 73);
    assert_eq!(redis.run::<usize>(&["EXISTS", "site:{site:s:readings}:days"]).await, 0);
}

#[tokio::test]
async fn a_setting_that_packs_too_early_or_never_is_refused() {
    let redis = RedisServer::start().await;
    for (retention, pack_after, rule) in
        [("0", "59m", "at least"), ("2d", "2d", "below READINGS_RETENTION"), ("0", "3", "a time")]
    {
        let service = processing_service(&redis).env("PACK_AFTER", pack_after);
        let ended = service.env("READINGS_RETENTION", retention).run().await;
        assert_eq!(ended.status.code(), Some(2), "{ended:?}");
        assert!(ended.stderr.contains("PACK_AFTER") && ended.stderr.contains(rule), "{ended:?}");
    }
}

#[tokio::test]
async fn a_site_that_another_process_packs_is_left_to_it() {
    let redis = three_days().await;
    let lease = "other 9999999999999999";
    redis.run::<()>(&["HSET", "site:{site:s:readings}:days", "lease", lease]).await;
    let ended = command(&redis, &["pack"]).await;
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert!(ended.stderr.contains("packed by another process"), "{ended:?}");
    assert_eq!(stored::members(&redis, "s").await.len(), 72);
    redis.run::<()>(&["HSET", "site:{site:s:readings}:days", "lease", "other 1"]).await;
    pack(&redis, &[]).await;
    assert_eq!(packed_days(&redis).await, days(10..=11), "the lease has expired");
}

#[tokio::test]
async fn a_site_whose_packed_days_would_be_in_another_slot_is_not_packed() {
    let redis = RedisServer::start().await;
    let member = |second: u32, day: u32| {
        let text = member(&format!("{second}-0"), "a", &format!("1970-01-{day:02}T00:00:00Z"));
        (f64::from(second), text.replace("\"s\"", "\"a}b\""))
    };
    insert_members(&redis, "a}b", [member(0, 1), member(86_400, 2)].into_iter()).await;
    index(&redis, "a}b").await;
    let printed = pack(&redis, &[]).await;
    assert!(printed.contains(" 0 days packed"), "{printed}");
    assert_eq!(stored::members(&redis, "a}b").await.len(), 2);
}

#[cfg(feature = "failpoints")]
mod interrupted {
    use super::*;
    use crate::common::product::launch;

    const PACK: [&str; 6] = [
        "pack-after-lease",
        "pack-after-read",
        "pack-after-write",
        "pack-after-verify",
        "pack-after-first-removal",
        "pack-after-complete",
    ];

    /// Runs a command that ends at a fail point.
    async fn interrupt(redis: &RedisServer, name: &str, point: &str) {
        let launch = launch(&[name]).env("FAILPOINTS", format!("{point}=panic"));
        let launch = launch.env("REDIS_HOST", "127.0.0.1").env("REDIS_PORT", redis.port());
        let ended = launch.run().await;
        assert!(ended.stderr.contains(point), "{ended:?}");
        assert!(!ended.status.success(), "{ended:?}");
        // As if it had expired.
        redis.run::<()>(&["HDEL", "site:{site:s:readings}:days", "lease"]).await;
    }

    /// So many readings that they are removed with several changes.
    async fn dense_day() -> RedisServer {
        let redis = RedisServer::start().await;
        stored::insert(&redis, "s", 0..1_200).await;
        stored::insert(&redis, "s", 86_400..86_401).await;
        index(&redis, "s").await;
        redis
    }

    #[tokio::test]
    async fn packing_that_was_interrupted_anywhere_loses_nothing_and_goes_on() {
        for point in PACK {
            let redis = dense_day().await;
            let before = union(&redis, "s").await;
            interrupt(&redis, "pack", point).await;
            assert_eq!(union(&redis, "s").await, before, "{point}");
            pack(&redis, &[]).await;
            assert_eq!(union(&redis, "s").await, before, "{point}");
            assert_eq!(members(&redis, "s").await[&0].len(), 1_200, "{point}");
            assert!(headers(&redis, "s").await[&0].is_complete, "{point}");
            assert_eq!(stored::members(&redis, "s").await.len(), 1, "{point}");
        }
    }

    #[tokio::test]
    async fn unpacking_that_was_interrupted_loses_nothing_and_goes_on() {
        let redis = dense_day().await;
        let before = stored::members(&redis, "s").await;
        pack(&redis, &[]).await;
        let all = union(&redis, "s").await;
        for _ in 0..3 {
            interrupt(&redis, "unpack", "unpack-after-change").await;
            assert_eq!(union(&redis, "s").await, all);
        }
        unpack(&redis, &[]).await;
        assert_eq!(stored::members(&redis, "s").await, before);
    }
}
