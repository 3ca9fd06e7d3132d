//! With `DEDUP_POLICY` a late reading of an archived day is stored whether the archive is there or not, and compared with the
//! archived ones afterwards, wherever its readings are by then; in a real Redis.
#![cfg(test)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use readings::SiteId;
use readings::energy::rollup::Day;
use readings::store::codec::{self, StoredReading, StreamEntry};
use readings::store::deletion::ReadingDeleter;
use readings::store::packed::{ArchivedDay, PackedMembers};
use readings::store::packing::Unpacker;
use readings::store::series::{
    DedupPolicy, Deduplication, Selection, SeriesStore, UncomparedDay, UncomparedDays,
};
use readings::store::stream::StreamPartitions;
use readings::store::write_batch::{SiteWrite, WriteBatch};
use readings::store::{ErrorClass, Keys, PartitionCount, SharedConnection, StreamId};

use self::support::house::{entry, site};
use self::support::redis::RedisServer;
use self::support::tiers::{self, Member, TestArchive};
use self::support::{shared, wait};

/// 2024-01-10.
const DAY: i32 = 19_732;

const MIDNIGHT: &str = "2024-01-10T00:00:00Z";
const NOON: &str = "2024-01-10T12:00:00Z";

/// An archived day of a site.
struct Archived {
    redis: RedisServer,
    connection: SharedConnection,
    keys: Keys,
    series: SeriesStore,
}

fn member(entry: &StreamEntry) -> Member {
    (codec::score(entry), codec::member(entry))
}

/// The reading of a meter at noon; its watts are the number of its entry.
fn noon(number: u32) -> StreamEntry {
    entry(number.into(), "meter", NOON, number.into())
}

impl Archived {
    /// With these readings in the archive.
    async fn with(entries: &[StreamEntry]) -> Self {
        let redis = RedisServer::start().await;
        wait::until("Redis answers", async || redis.try_run::<String>(&["PING"]).await.is_ok())
            .await;
        let (connection, day) = (shared(&redis), Day::from_number(DAY));
        let keys = Keys::new("energy_readings", "processing_group");
        let members: Vec<_> = entries.iter().map(member).collect();
        let archived = tiers::packed(&site(), day, &members);
        let archive = TestArchive(BTreeMap::from([(day, archived.clone())]));
        let series = SeriesStore::new(connection.clone()).with_archive(Some(Arc::new(archive)));
        let none = PackedMembers::default();
        tiers::put(series.packed(), &site(), day, &none, Some(&archived)).await;
        Self { redis, connection, keys, series }
    }

    /// Writes as the processing service does, which has no archive.
    async fn write(&self, policy: DedupPolicy, entries: &[StreamEntry]) {
        let deduplication = Deduplication::new(policy, &self.keys);
        let series = SeriesStore::new(self.connection.clone());
        let mut batch = WriteBatch::default();
        batch.push(SiteWrite::new(&site(), entries, deduplication.as_ref()));
        let mut written = series.write(&batch).await.unwrap();
        let mut outcome = written.outcomes.pop().unwrap().unwrap();
        if let Some(deduplication) = &deduplication {
            let entries: Vec<_> = entries.iter().collect();
            series.write_undecided(deduplication, &entries, &mut outcome).await.unwrap();
        }
    }

    fn deleter(&self, series: &SeriesStore) -> ReadingDeleter {
        let partitions = StreamPartitions::new(&self.keys, PartitionCount::ONE, &self.connection);
        ReadingDeleter::new(partitions, series.clone())
    }

    /// Compares all late readings; gives the number that was removed.
    async fn compare(&self) -> u64 {
        let (deleter, mut removed) = (self.deleter(&self.series), 0);
        while let Some(of_days) = deleter.compare_late_readings().await.unwrap() {
            removed += of_days;
        }
        removed
    }

    fn uncompared(&self) -> UncomparedDays {
        UncomparedDays::new(&self.keys, self.connection.clone())
    }

    /// The watts of the day in all tiers, in the order of responses.
    async fn watts(&self) -> Vec<f64> {
        let mut reader = self.series.select(&site(), Selection::default(), 100);
        let mut watts = Vec::new();
        while let Some(page) = reader.next_page().await.unwrap() {
            let reading = |member: &[u8]| StoredReading::from_member(member).unwrap().watts();
            watts.extend(page.readings.iter().map(|reading_of| reading(&reading_of.member)));
        }
        watts
    }

    async fn is_deleted(&self, entry: &StreamEntry) -> bool {
        let id = entry.id.to_string();
        self.redis.run::<Option<f64>>(&["ZSCORE", "energy_readings:deleted", &id]).await.is_some()
    }
}

#[tokio::test]
async fn of_a_late_reading_and_an_archived_one_the_last_is_kept() {
    let archived = Archived::with(&[entry(0, "meter", MIDNIGHT, 0.0), noon(1)]).await;
    archived.write(DedupPolicy::Last, &[noon(2)]).await;
    assert_eq!(archived.watts().await, [0.0, 1.0, 2.0], "both, until they are compared");
    assert_eq!(archived.compare().await, 1);
    assert_eq!(archived.watts().await, [0.0, 2.0]);
    let header = archived.series.packed().header(&site(), Day::from_number(DAY)).await.unwrap();
    assert_eq!(header.unwrap().archived, Some(ArchivedDay::Superseded), "it is archived again");
    assert_eq!(archived.compare().await, 0);
}

#[tokio::test]
async fn of_a_late_reading_and_an_archived_one_the_first_is_kept_and_the_other_stays_deleted() {
    let archived = Archived::with(&[noon(1)]).await;
    let present = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let id = StreamId { ms: u64::try_from(present.as_millis()).unwrap(), seq: 0 };
    let late = StreamEntry { id, ..noon(2) };
    archived.write(DedupPolicy::First, std::slice::from_ref(&late)).await;
    assert_eq!(archived.compare().await, 1);
    assert_eq!(archived.watts().await, [1.0]);
    assert!(archived.is_deleted(&late).await);
    archived.write(DedupPolicy::First, &[late]).await;
    assert_eq!(archived.watts().await, [1.0], "also when its entry is delivered again");
}

#[tokio::test]
async fn readings_that_were_stored_without_a_policy_stay() {
    let before = [entry(1, "meter", MIDNIGHT, 1.0), entry(2, "meter", MIDNIGHT, 2.0), noon(3)];
    let archived = Archived::with(&before).await;
    archived.write(DedupPolicy::None, &[noon(4)]).await;
    assert_eq!(archived.uncompared().first(1).await.unwrap(), []);
    let other = entry(5, "other meter", NOON, 5.0);
    archived.write(DedupPolicy::Last, &[other]).await;
    assert_eq!(archived.compare().await, 0);
    assert_eq!(archived.watts().await, [1.0, 2.0, 3.0, 4.0, 5.0]);
    archived.write(DedupPolicy::Last, &[noon(6)]).await;
    assert_eq!(archived.compare().await, 1, "the hot one was replaced by the write");
    assert_eq!(archived.watts().await, [1.0, 2.0, 5.0, 6.0]);
}

#[tokio::test]
async fn late_readings_are_compared_in_whatever_tier_they_are_by_then() {
    let archived = Archived::with(&[noon(1)]).await;
    archived.write(DedupPolicy::Last, &[noon(2)]).await;
    let unpacker = Unpacker::new(archived.series.clone());
    unpacker.unpack(&site(), Day::from_number(DAY)).await.unwrap();
    unpacker.release(&site()).await.unwrap();
    assert_eq!(archived.watts().await, [1.0, 2.0]);
    assert_eq!(archived.compare().await, 1);
    assert_eq!(archived.watts().await, [2.0]);

    let midnight = entry(0, "meter", MIDNIGHT, 0.0);
    let changed = Archived::with(&[midnight.clone(), noon(1)]).await;
    changed.write(DedupPolicy::Last, &[noon(2)]).await;
    // So all archived readings are packed again.
    assert!(changed.deleter(&changed.series).one(&site(), midnight.id).await.unwrap());
    assert_eq!(changed.watts().await, [1.0, 2.0]);
    assert_eq!(changed.compare().await, 1);
    assert_eq!(changed.watts().await, [2.0]);
}

#[tokio::test]
async fn without_the_archive_late_readings_are_stored_and_compared_once_it_is_back() {
    let archived = Archived::with(&[noon(1)]).await;
    archived.write(DedupPolicy::Last, &[noon(2)]).await;
    let away = SeriesStore::new(archived.connection.clone());
    let failed = archived.deleter(&away).compare_late_readings().await.unwrap_err();
    assert_eq!(failed.class, ErrorClass::Archive);
    assert_eq!(archived.compare().await, 1);
    assert_eq!(archived.watts().await, [2.0]);
}

#[tokio::test]
async fn a_process_that_ends_after_the_write_leaves_the_comparison_to_the_next_delivery() {
    let archived = Archived::with(&[noon(1)]).await;
    archived.write(DedupPolicy::Last, &[noon(2)]).await;
    archived.redis.run::<()>(&["DEL", "energy_readings:uncompared"]).await;
    archived.write(DedupPolicy::Last, &[noon(2)]).await;
    assert_eq!(archived.compare().await, 1);
    assert_eq!(archived.watts().await, [2.0]);
}

#[tokio::test]
async fn a_reading_that_is_written_while_its_day_is_compared_is_compared_by_the_next_call() {
    let archived = Archived::with(&[noon(1)]).await;
    archived.write(DedupPolicy::Last, &[noon(2)]).await;
    let read = archived.uncompared().first(10).await.unwrap();
    archived.write(DedupPolicy::Last, &[noon(3)]).await;
    archived.uncompared().remove(&read).await.unwrap();
    assert_eq!(archived.compare().await, 1);
    assert_eq!(archived.watts().await, [3.0]);
}

#[tokio::test]
async fn the_days_of_many_late_readings_are_compared_each_once() {
    let devices: Vec<_> = (0..300).map(|number| format!("meter {number}")).collect();
    let of_devices = |first: u64| -> Vec<_> {
        let entry = |(place, device): (u64, &String)| entry(first + place, device, NOON, 1.0);
        (0..).zip(&devices).map(entry).collect()
    };
    let archived = Archived::with(&of_devices(0)).await;
    let late = of_devices(1_000);
    for some in late.chunks(150) {
        archived.write(DedupPolicy::Last, some).await;
    }
    let days = archived.uncompared().first(10).await.unwrap();
    let expected = |first: &StreamEntry| UncomparedDay {
        site: site(),
        day: Day::from_number(DAY),
        policy: DedupPolicy::Last,
        first: first.id,
    };
    assert_eq!(days, [expected(&late[0]), expected(&late[150])]);
    assert_eq!(archived.compare().await, 300);
    let left: BTreeSet<SiteId> =
        archived.uncompared().first(1).await.unwrap().into_iter().map(|day| day.site).collect();
    assert!(left.is_empty());
    assert_eq!(archived.watts().await.len(), 300);
}
