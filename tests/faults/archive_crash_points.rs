//! An archiver is killed (`kill -9`) at each place between two steps of its work, or another process changes a day there:
//! each reading is read once all the time, and another archiver ends the work.

use futures_util::future::join_all;
use reqwest::Method;

use super::support::archiving::Archived;
use super::support::packing::{PER_DAY, SITE, pack_all, start_launch_until};
use super::support::readers::Readers;
use crate::common::http::Reply;
use crate::common::product::processing_service;
use crate::common::readings::{add, fields};
use crate::common::stored::wait_until_settled;

/// The fail points of an archiver, in their order.
const PLACES: [&str; 5] = [
    "archive-after-file",
    "archive-after-verify",
    "archive-after-manifest",
    "archive-after-header",
    "archive-before-delete",
];

/// The fail points of an archiver that archives a day again.
const PLACES_OF_LATE: [&str; 6] = [
    "archive-after-unite",
    "archive-after-file",
    "archive-after-verify",
    "archive-after-manifest",
    "archive-after-header",
    "archive-before-delete",
];

/// The days of the site; the last is not archived.
const DAYS: usize = 3;

/// Of one of the readings, at 00:06 of the first day.
const DELETED: &str = "361-0";

#[tokio::test]
async fn an_archiver_that_is_killed_at_any_place_neither_loses_nor_doubles_a_reading() {
    let kill = |place| async move { kill_archiver_at(place, Archived::packed(DAYS).await).await };
    join_all(PLACES.map(kill)).await;
}

#[tokio::test]
async fn an_archiver_of_late_readings_that_is_killed_at_any_place_neither_loses_nor_doubles_one() {
    let kill = |place| async move {
        kill_archiver_at(place, Archived::with_late_readings(DAYS).await).await;
    };
    join_all(PLACES_OF_LATE.map(kill)).await;
}

async fn kill_archiver_at(place: &str, archived: Archived) {
    let before = archived.union().await;
    let query = archived.query().await;
    let readers = Readers::start(query.base(), [SITE]);
    readers.wait_for_more(1).await;
    let run = archived.command(&["archive", "run"]);
    let killed = start_launch_until(run, &archived.redis, place, "pause").await;
    readers.wait_for_more(1).await;
    killed.expect(place).kill9();
    assert_eq!(archived.union().await, before, "{place}");
    readers.wait_for_more(1).await;
    let tiers = archived.archive_all().await;
    assert_eq!(tiers.archived_members().count(), before.len() - PER_DAY, "{place}");
    assert_eq!(archived.union().await, before, "{place}");
    readers.wait_for_more(1).await;
    readers.stop_without_errors(place).await;
}

#[tokio::test]
async fn what_changes_in_any_gap_of_an_archiving_counts_once_and_what_is_deleted_stays_deleted() {
    let change = |place| async move { change_day_at(place, Archived::packed(DAYS).await).await };
    join_all(PLACES.map(change)).await;
}

#[tokio::test]
async fn what_changes_in_any_gap_of_an_archiving_of_late_readings_counts_once_or_stays_deleted() {
    let change =
        |place| async move { change_day_at(place, Archived::with_late_readings(DAYS).await).await };
    join_all(PLACES_OF_LATE.map(change)).await;
}

/// A late reading and a deletion come between two steps.
async fn change_day_at(place: &str, archived: Archived) {
    let before = archived.union().await;
    let _service = processing_service(&archived.redis).start().await;
    let query = archived.query().await;
    let readers = Readers::start(query.base(), [SITE]);
    readers.wait_for_more(1).await;
    let run = archived.command(&["archive", "run"]);
    let run = start_launch_until(run, &archived.redis, place, "1*sleep(4000)").await;
    readers.may_lack(DELETED);
    add(&archived.redis, "*", &fields(SITE, "7.5", "1970-01-01T00:00:30Z")).await;
    let path = format!("/sites/{SITE}/readings/{DELETED}");
    let deleted = Reply::of(query.request(Method::DELETE, &path)).await;
    assert_eq!(deleted.status, 204, "{place}: {deleted:?}");
    wait_until_settled(&archived.redis).await;
    run.expect(place).ended().await;
    pack_all(&archived.redis).await;
    archived.archive_all().await;
    let after = archived.union().await;
    let gone: Vec<_> = before.difference(&after).collect();
    assert_eq!((gone.len(), after.difference(&before).count()), (1, 1), "{place}");
    assert!(gone[0].contains(DELETED), "{place}: {gone:?}");
    readers.wait_for_more(1).await;
    readers.stop_without_errors(place).await;
}

#[tokio::test]
async fn two_archivers_at_once_archive_each_day_once() {
    let archived = Archived::packed(8).await;
    let before = archived.union().await;
    let run = async || archived.command(&["archive", "run"]).run().await;
    let (..) = tokio::join!(run(), run(), run());
    let tiers = archived.archive_all().await;
    assert_eq!((tiers.archived.len(), archived.union().await), (7, before));
}
