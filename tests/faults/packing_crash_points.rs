//! A packer or an unpacker is killed (`kill -9`) at each place between two steps of its work, or Redis is: each reading is
//! read once all the time, and another packer ends the work.

use super::support::packing::{PER_DAY, PLACES, SITE, filled, pack_all, run, start_until, union};
use super::support::readers::Readers;
use crate::common::product::query_api;
use crate::common::redis::RedisServer;
use crate::common::tiers;

/// The days of the site; the last is not packed.
const DAYS: usize = 3;

/// Kills a command at a place while clients read, and lets others end the work.
async fn kill_at(redis: &RedisServer, name: &str, place: &str) {
    let before = union(redis).await;
    let query = query_api(redis).start().await;
    let readers = Readers::start(query.base(), [SITE]);
    readers.wait_for_more(1).await;
    let mut killed =
        start_until(redis, name, place, "pause").await.unwrap_or_else(|| panic!("{place}"));
    readers.wait_for_more(1).await;
    killed.kill9();
    assert_eq!(union(redis).await, before, "{name} at {place}");
    readers.wait_for_more(1).await;
    let tiers = pack_all(redis).await;
    assert_eq!(tiers.packed_members().count(), (DAYS - 1) * PER_DAY, "{place}");
    assert_eq!(union(redis).await, before, "{name} at {place}");
    readers.wait_for_more(1).await;
    readers.stop_without_errors(&format!("{name} at {place}")).await;
}

#[tokio::test]
async fn a_packer_that_is_killed_at_any_place_neither_loses_nor_doubles_a_reading() {
    for place in PLACES {
        kill_at(&filled(DAYS).await, "pack", place).await;
    }
}

#[tokio::test]
async fn an_unpacker_that_is_killed_between_its_changes_neither_loses_nor_doubles_a_reading() {
    // Off: the number of passes before the process stops at the place.
    for action in ["pause", "1*off->pause", "2*off->pause", "3*off->pause"] {
        let redis = filled(DAYS).await;
        pack_all(&redis).await;
        let before = union(&redis).await;
        let killed = start_until(&redis, "unpack", "unpack-after-change", action).await;
        killed.expect("it stands still").kill9();
        assert_eq!(union(&redis).await, before, "{action}");
        pack_all(&redis).await;
        assert_eq!(union(&redis).await, before, "{action}");
    }
}

#[tokio::test]
async fn a_redis_that_is_killed_while_a_day_is_packed_has_every_reading_once_after_its_restart() {
    for place in PLACES {
        let mut redis = filled(DAYS).await;
        let before = union(&redis).await;
        let packer = start_until(&redis, "pack", place, "sleep(2500)").await;
        let mut packer = packer.unwrap_or_else(|| panic!("{place}"));
        redis.kill9();
        redis.restart().await;
        packer.ended().await;
        assert_eq!(union(&redis).await, before, "{place}");
        pack_all(&redis).await;
        assert_eq!(union(&redis).await, before, "{place}");
    }
}

#[tokio::test]
async fn a_packer_that_stood_still_past_its_lease_changes_nothing_that_another_has_packed() {
    for place in PLACES {
        let redis = filled(DAYS).await;
        let before = union(&redis).await;
        let mut late = start_until(&redis, "pack", place, "1*sleep(4000)").await.expect(place);
        let packed = pack_all(&redis).await;
        late.ended().await;
        let after = tiers::of(&redis, SITE).await;
        assert_eq!(union(&redis).await, before, "{place}");
        assert_eq!((after.headers, after.packed), (packed.headers, packed.packed), "{place}");
    }
}

#[tokio::test]
async fn two_packers_at_once_pack_each_day_once() {
    let redis = filled(12).await;
    let before = union(&redis).await;
    let query = query_api(&redis).start().await;
    let readers = Readers::start(query.base(), [SITE]);
    readers.wait_for_more(1).await;
    let (.., last) = tokio::join!(run(&redis, "pack"), run(&redis, "pack"), run(&redis, "pack"));
    drop(last);
    let tiers = pack_all(&redis).await;
    assert_eq!((tiers.packed.len(), union(&redis).await), (11, before));
    let revisions = tiers.headers.values().map(|header| header.revision);
    assert_eq!(revisions.max(), Some(0), "a day was packed twice");
    readers.wait_for_more(1).await;
    readers.stop().await;
}

#[tokio::test]
async fn an_unpacker_beside_a_packer_neither_loses_nor_doubles_a_reading() {
    let redis = filled(8).await;
    let before = union(&redis).await;
    let query = query_api(&redis).start().await;
    let readers = Readers::start(query.base(), [SITE]);
    readers.wait_for_more(1).await;
    for _ in 0..4 {
        tokio::join!(run(&redis, "pack"), run(&redis, "unpack"), run(&redis, "pack"));
        assert_eq!(union(&redis).await, before);
    }
    readers.wait_for_more(1).await;
    readers.stop().await;
    pack_all(&redis).await;
    assert_eq!(union(&redis).await, before);
    assert!(run(&redis, "unpack").await.status.success());
    let tiers = tiers::of(&redis, SITE).await;
    assert_eq!((tiers.hot.len(), tiers.packed.len()), (8 * PER_DAY, 0));
    assert_eq!(union(&redis).await, before);
}
