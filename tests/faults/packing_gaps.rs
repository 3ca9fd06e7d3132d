//! A late reading, a deletion and a correction of a day come between two steps of its packing: each counts, and none brings
//! back what was deleted or replaced.

use std::collections::BTreeSet;

use reqwest::Method;

use super::support::packing::{PLACES, SITE, filled, pack_all, start_until, union};
use super::support::readers::Readers;
use crate::common::http::Reply;
use crate::common::product::{Role, processing_service, query_api};
use crate::common::readings::{add, fields};
use crate::common::redis::RedisServer;
use crate::common::stored::wait_until_settled;

/// Milliseconds that a packer stands still at a place; more than the changes take.
const GAP: &str = "1*sleep(4000)";

/// One of the readings, at 00:06 of the first day.
const DELETED: &str = "361-0";

/// The range of an hour of the first day, which has 50 readings.
const RANGE: &str = "start=1970-01-01T12:00:00Z&end=1970-01-01T13:00:00Z";
const IN_RANGE: usize = 50;

/// Another of the readings, and its timestamp.
const REPLACED: (&str, &str) = ("721-0", "1970-01-01T00:12:00Z");

/// One that is late.
const LATE: &str = "1970-01-01T00:00:30Z";

fn in_range() -> impl Iterator<Item = String> {
    (43_200..46_800).step_by(72).map(|second| format!("{}-0", second + 1))
}

fn has_id(member: &str, id: &str) -> bool {
    member.contains(&format!("\"stream_id\": \"{id}\""))
}

async fn delete(service: &Role, path: &str) -> u16 {
    Reply::of(service.request(Method::DELETE, path)).await.status
}

/// What a client does while a day is packed.
async fn change(redis: &RedisServer, service: &Role, readers: &Readers) {
    let lacking = in_range().chain([DELETED.to_owned(), REPLACED.0.to_owned()]);
    lacking.for_each(|id| readers.may_lack(&id));
    let late = add(redis, "*", &fields(SITE, "7.5", LATE)).await;
    let corrected = add(redis, "*", &fields(SITE, "9.5", REPLACED.1)).await;
    let path = format!("/sites/{SITE}/readings");
    assert_eq!(delete(service, &format!("{path}/{DELETED}")).await, 204);
    assert_eq!(delete(service, &format!("{path}?{RANGE}")).await, 200);
    wait_until_settled(redis).await;
    assert!(late < corrected);
}

/// What must be there after [`change`].
fn assert_is_changed(before: &BTreeSet<String>, after: &BTreeSet<String>, place: &str) {
    let gone: Vec<_> = before.difference(after).collect();
    let new: Vec<_> = after.difference(before).collect();
    let expected: BTreeSet<_> = in_range().chain([DELETED.into(), REPLACED.0.into()]).collect();
    assert_eq!((gone.len(), new.len()), (IN_RANGE + 2, 2), "{place}: {new:?}");
    for member in gone {
        assert!(expected.iter().any(|id| has_id(member, id)), "{place}: {member}");
    }
    for power in ["7.5", "9.5"] {
        let is_it = |member: &&&String| member.contains(&format!("\"power_reading\": {power},"));
        assert_eq!(new.iter().filter(is_it).count(), 1, "{place}: {new:?}");
    }
}

#[tokio::test]
async fn what_changes_in_any_gap_of_a_packing_counts_once_and_what_is_deleted_stays_deleted() {
    for place in PLACES {
        let redis = filled(3).await;
        let before = union(&redis).await;
        let service = processing_service(&redis).env("DEDUP_POLICY", "last").start().await;
        let query = query_api(&redis).start().await;
        let readers = Readers::start(query.base(), [SITE]);
        readers.wait_for_more(1).await;
        let mut packer = start_until(&redis, "pack", place, GAP).await.expect(place);
        change(&redis, &service, &readers).await;
        assert_is_changed(&before, &union(&redis).await, place);
        packer.ended().await;
        assert_is_changed(&before, &union(&redis).await, place);
        let tiers = pack_all(&redis).await;
        assert_is_changed(&before, &union(&redis).await, place);
        let hot_of_closed = tiers.hot.iter().filter(|(_, score)| *score < 2.0 * 86_400.0);
        assert_eq!(hot_of_closed.count(), 0, "{place}: a late reading is packed as well");
        readers.wait_for_more(1).await;
        readers.stop_without_errors(place).await;
    }
}

/// The hot members are removed and the packed ones not yet: a process that ends there leaves a deletion that is repeated.
#[tokio::test]
async fn a_deletion_that_is_killed_between_the_tiers_is_completed_by_its_repetition() {
    let redis = filled(3).await;
    pack_all(&redis).await;
    let before = union(&redis).await;
    let pause = query_api(&redis).env("FAILPOINTS", "remove-between-hot-and-packed=pause");
    let mut paused = pause.start().await;
    let path = format!("/sites/{SITE}/readings?{RANGE}");
    let request = paused.request(Method::DELETE, &path).timeout(std::time::Duration::from_secs(2));
    assert!(Reply::try_of(request).await.is_err(), "it stands still");
    paused.kill9();
    assert!(union(&redis).await.is_subset(&before));
    let query = query_api(&redis).start().await;
    assert_eq!(delete(&query, &path).await, 200);
    let after = union(&redis).await;
    assert_eq!(before.difference(&after).count(), IN_RANGE);
    pack_all(&redis).await;
    assert_eq!(union(&redis).await, after);
}
