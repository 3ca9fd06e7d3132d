//! Readings are appended to the partitions of their sites, each once, whatever the number of partitions was when it was
//! sent before; in a real Redis.
#![cfg(test)]

mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use readings::Reading;
use readings::store::append_batch::{
    AppendBatch, AppendBatchError, Appended, ChunkKeys, DeliveryKey,
};
use readings::store::idempotency::{IdempotencyKey, IdempotentAppend};
use readings::store::rejected_rows::RejectedRows;
use readings::store::stream::StreamPartitions;
use readings::store::{Keys, PartitionCount};
use readings::validation::{parse_fields, parse_reading};

use self::support::redis::RedisServer;
use self::support::{shared, wait};

const TTL: Duration = Duration::from_hours(1);

/// Sites that belong to the partitions 1, 3, 2 and 0 of four.
const SITES: [&str; 4] = ["site-001", "Haus 7", "ü", "site-004"];

struct Fixture {
    redis: RedisServer,
}

impl Fixture {
    async fn start() -> Self {
        let redis = RedisServer::start().await;
        let answers = async || redis.try_run::<String>(&["PING"]).await.is_ok();
        wait::until("Redis answers", answers).await;
        Self { redis }
    }

    /// The partitions as a service with this number of them has them.
    fn of(&self, count: u16) -> StreamPartitions {
        let keys = Keys::new("energy_readings", "processing_group");
        StreamPartitions::new(&keys, PartitionCount::new(count).unwrap(), &shared(&self.redis))
    }

    /// The devices of the entries of each stream that has any.
    async fn devices(&self) -> BTreeMap<String, Vec<String>> {
        let mut devices = BTreeMap::new();
        let streams = (0..8).map(|number| format!("energy_readings:{{{number}}}"));
        for stream in streams.chain(["energy_readings".to_owned()]) {
            let entries = self.redis.entries(&stream).await;
            if !entries.is_empty() {
                let device = |fields: Vec<(String, String)>| fields[1].1.clone();
                let of_stream = entries.into_iter().map(|entry| device(entry.fields)).collect();
                devices.insert(stream, of_stream);
            }
        }
        devices
    }

    /// The number of entries in all streams.
    async fn entries(&self) -> usize {
        self.devices().await.values().map(Vec::len).sum()
    }

    async fn is_announced(&self, count: u16) -> bool {
        let count = count.to_string();
        self.redis.run::<u8>(&["HEXISTS", "{energy_readings}:partitions", &count]).await == 1
    }
}

fn reading(site: &str, device: &str) -> Reading {
    let body = format!(
        r#"{{"site_id":"{site}","device_id":"{device}","power_reading":5,"timestamp":"2024-01-15T10:30:00Z"}}"#
    );
    parse_reading(body.as_bytes()).unwrap()
}

async fn append_once(partitions: &StreamPartitions, site: &str, key: &str) -> IdempotentAppend {
    let reading = reading(site, key);
    let key = IdempotencyKey::new(key, site.as_bytes());
    partitions.append_idempotent(&reading, "now", &key, TTL).await.unwrap()
}

/// A batch of one row for each site and device, in their order.
fn batch_of(rows: &[(&str, String)], push: impl Fn(&mut AppendBatch, &str, &str)) -> AppendBatch {
    let mut batch = AppendBatch::default();
    for (site, device) in rows {
        push(&mut batch, site, device);
    }
    batch
}

fn push(batch: &mut AppendBatch, site: &str, device: &str) {
    let reading = parse_fields([site, device, "5", "2024-01-15T10:30:00Z"]).unwrap();
    batch.push(&reading.into());
}

fn push_keyed(batch: &mut AppendBatch, site: &str, device: &str) {
    let reading = parse_fields([site, device, "5", "2024-01-15T10:30:00Z"]).unwrap();
    batch.push_keyed(&reading.into(), &IdempotencyKey::new(device, site.as_bytes()), 1);
}

fn rows(count: usize) -> Vec<(&'static str, String)> {
    (0..count).map(|row| (SITES[row % SITES.len()], format!("device-{row:05}"))).collect()
}

async fn append_batch(
    partitions: &StreamPartitions,
    batch: &AppendBatch,
    key: Option<&str>,
) -> Result<Appended, AppendBatchError> {
    let key = key.map(|key| ChunkKeys::new(key, b"body", TTL));
    partitions.append_batch(batch, "now", key.as_ref(), TTL).await
}

#[tokio::test]
async fn a_reading_is_in_the_partition_of_its_site_which_was_announced_before() {
    let fixture = Fixture::start().await;
    let four = fixture.of(4);
    for site in SITES {
        four.append(&reading(site, site), "now").await.unwrap();
    }
    let devices = fixture.devices().await;
    for (partition, site) in [(1, SITES[0]), (3, SITES[1]), (2, SITES[2])] {
        assert!(devices[&format!("energy_readings:{{{partition}}}")].contains(&site.to_owned()));
    }
    assert!(fixture.is_announced(4).await);
    let one = fixture.of(1);
    one.refresh().await.unwrap();
    assert_eq!(one.current().len(), 5);
}

#[tokio::test]
async fn one_partition_leaves_the_keys_that_the_original_has() {
    let fixture = Fixture::start().await;
    let one = fixture.of(1);
    append_once(&one, SITES[0], "key").await;
    one.append(&reading(SITES[1], "device"), "now").await.unwrap();
    append_batch(&one, &batch_of(&rows(10), push), Some("batch")).await.unwrap();
    let mut keys: Vec<String> = fixture.redis.run(&["KEYS", "*"]).await;
    keys.retain(|key| !key.starts_with("{energy_readings}:idempotency:"));
    assert_eq!(keys, ["energy_readings"]);
}

#[tokio::test]
async fn a_key_is_known_after_each_change_of_the_number_of_partitions() {
    let fixture = Fixture::start().await;
    let mut appended = Vec::new();
    for (round, count) in [1, 4, 2, 1, 8].into_iter().enumerate() {
        let partitions = fixture.of(count);
        for site in SITES {
            let key = format!("{round}-{site}");
            let key = key.replace('ü', "u").replace(' ', "-");
            let IdempotentAppend::Appended(id) = append_once(&partitions, site, &key).await else {
                panic!("{key} is new")
            };
            appended.push((site, key, id));
        }
        for (site, key, id) in &appended {
            let repeated = append_once(&partitions, site, key).await;
            assert_eq!(repeated, IdempotentAppend::Replayed(*id), "{key} with {count}");
        }
    }
    assert_eq!(fixture.entries().await, appended.len());
}

#[tokio::test]
async fn a_key_with_another_site_is_a_conflict_in_whichever_partition_that_is() {
    let fixture = Fixture::start().await;
    for count in [1, 4, 2] {
        append_once(&fixture.of(count), SITES[0], &format!("key-{count}")).await;
    }
    for key in ["key-1", "key-4", "key-2"] {
        for count in [1, 4, 2] {
            for site in &SITES[1..] {
                let outcome = append_once(&fixture.of(count), site, key).await;
                assert_eq!(outcome, IdempotentAppend::KeyConflict, "{key} at {count}");
            }
        }
    }
    assert_eq!(fixture.entries().await, 3);
}

#[tokio::test]
async fn a_registered_key_decides_the_partition_of_a_reading_that_was_not_appended() {
    let fixture = Fixture::start().await;
    fixture.redis.run::<()>(&["SET", "energy_readings:{1}", "no stream"]).await;
    let key = IdempotencyKey::new("key", SITES[0].as_bytes());
    let reading = reading(SITES[0], "device");
    assert!(fixture.of(4).append_idempotent(&reading, "now", &key, TTL).await.is_err());
    fixture.redis.run::<()>(&["DEL", "energy_readings:{1}", "{energy_readings}:partitions"]).await;
    for count in [1, 2] {
        append_once(&fixture.of(count), SITES[0], "key").await;
    }
    let devices = fixture.devices().await;
    assert_eq!(
        devices,
        BTreeMap::from([("energy_readings:{1}".to_owned(), vec!["key".to_owned()])])
    );
    assert!(fixture.is_announced(4).await, "as consumers must read it");
}

#[tokio::test]
async fn the_rows_of_a_batch_are_divided_in_their_order() {
    let fixture = Fixture::start().await;
    let rows = rows(2_500);
    let appended = append_batch(&fixture.of(4), &batch_of(&rows, push), None).await.unwrap();
    assert_eq!((appended.readings, appended.replayed), (2_500, 0));
    let devices = fixture.devices().await;
    for devices in devices.values() {
        assert!(devices.is_sorted(), "rows of a site keep their order");
    }
    assert!(devices.len() > 2);
    assert_eq!(fixture.entries().await, 2_500);
    let (first, last) = appended.entries.unwrap();
    for (id, row) in [(first, 0), (last, 2_499)] {
        let stream =
            fixture.of(4).of_site(&reading(rows[row].0, "d").site_id).keys().stream().to_owned();
        let entries = fixture.redis.entries(&stream).await;
        let entry = entries.iter().find(|entry| entry.id == id.to_string()).unwrap();
        assert_eq!(entry.fields[1].1, rows[row].1);
    }
}

#[tokio::test]
async fn a_batch_with_a_key_is_appended_once_whatever_the_number_of_partitions_is() {
    let fixture = Fixture::start().await;
    let batch = batch_of(&rows(2_500), push);
    for (round, count) in [1, 4, 2].into_iter().enumerate() {
        let key = format!("key-{count}");
        let first = append_batch(&fixture.of(count), &batch, Some(&key)).await.unwrap();
        assert_eq!((first.readings, first.replayed), (2_500, 0));
        for count in [1, 4, 2] {
            let again = append_batch(&fixture.of(count), &batch, Some(&key)).await.unwrap();
            assert_eq!((again.readings, again.replayed), (2_500, 2_500), "{key} with {count}");
            assert_eq!(again.entries, first.entries);
        }
        assert_eq!(fixture.entries().await, 2_500 * (round + 1));
    }
    let other = ChunkKeys::new("key-4", b"other body", TTL);
    for count in [1, 4, 2] {
        let conflict = fixture.of(count).append_batch(&batch, "now", Some(&other), TTL).await;
        assert!(matches!(conflict, Err(AppendBatchError::KeyConflict)), "{count}");
    }
}

/// The outcome of a batch of which a partition cannot be appended.
async fn interrupted(
    partitions: &StreamPartitions,
    batch: &AppendBatch,
    key: Option<&str>,
) -> (usize, bool) {
    match append_batch(partitions, batch, key).await {
        Err(AppendBatchError::Failed(interrupted)) => {
            (interrupted.rows, interrupted.error.outcome_is_unknown())
        }
        outcome => panic!("{outcome:?}"),
    }
}

#[tokio::test]
async fn a_batch_that_was_interrupted_between_partitions_is_completed_by_a_repetition() {
    for (count, key) in [(4, Some("key")), (2, Some("key")), (1, Some("key")), (2, None), (1, None)]
    {
        let fixture = Fixture::start().await;
        fixture.redis.run::<()>(&["SET", "energy_readings:{1}", "no stream"]).await;
        let push = if key.is_some() { push } else { push_keyed };
        let batch = batch_of(&rows(1_500), push);
        assert_eq!(interrupted(&fixture.of(4), &batch, key).await, (0, true));
        let before = fixture.redis.entries("energy_readings:{3}").await.len();
        assert!(before > 0, "other parts are appended");
        fixture.redis.run::<()>(&["DEL", "energy_readings:{1}"]).await;
        let completed = append_batch(&fixture.of(count), &batch, key).await.unwrap();
        assert_eq!(completed.readings, 1_500);
        assert!(completed.replayed >= before);
        assert_eq!(fixture.entries().await, 1_500, "with {count}, {key:?}");
    }
}

#[tokio::test]
async fn nothing_is_open_of_a_batch_that_every_partition_rejects() {
    let fixture = Fixture::start().await;
    for partition in 0..4 {
        let stream = format!("energy_readings:{{{partition}}}");
        fixture.redis.run::<()>(&["SET", &stream, "no stream"]).await;
    }
    let batch = batch_of(&rows(10), push);
    assert_eq!(interrupted(&fixture.of(4), &batch, None).await, (0, false));
}

#[tokio::test]
async fn rows_with_keys_are_known_after_each_change_of_the_number_of_partitions() {
    let fixture = Fixture::start().await;
    let all = rows(1_800);
    for (round, count) in [1, 4, 2, 1].into_iter().enumerate() {
        let known = 400 * round;
        let batch = batch_of(&all[..known + 400], push_keyed);
        let appended = append_batch(&fixture.of(count), &batch, None).await.unwrap();
        assert_eq!((appended.readings, appended.replayed), (known + 400, known), "with {count}");
        assert_eq!(fixture.entries().await, known + 400);
        let again = append_batch(&fixture.of(count), &batch, None).await.unwrap();
        assert_eq!((again.replayed, again.entries), (known + 400, appended.entries));
    }
}

#[tokio::test]
async fn a_key_of_a_row_is_that_of_a_request_in_any_partition() {
    let fixture = Fixture::start().await;
    for (first, second) in [(1, 4), (4, 1), (4, 4), (4, 2)] {
        let key = format!("key-{first}-{second}");
        let IdempotentAppend::Appended(id) = append_once(&fixture.of(first), SITES[1], &key).await
        else {
            panic!("{key} is new")
        };
        let rows =
            [(SITES[1], key.clone()), (SITES[0], key.clone()), (SITES[2], format!("{key}x"))];
        let batch = batch_of(&rows, push_keyed);
        let appended = append_batch(&fixture.of(second), &batch, None).await.unwrap();
        assert_eq!((appended.readings, appended.replayed), (2, 1), "{key}");
        assert_eq!(appended.entries.unwrap().0, id, "the first row is the known one");
        let conflicts: Vec<_> = appended.conflicts.iter().map(|place| place.index).collect();
        assert_eq!(conflicts, [1]);
    }
}

async fn deliver(partitions: &StreamPartitions, site: &str, key: &DeliveryKey) -> usize {
    let mut batch = AppendBatch::default();
    let reading = parse_fields([site, "m", "5", "2024-01-15T10:30:00Z"]).unwrap();
    batch.push_delivery(&reading.into(), key);
    append_batch(partitions, &batch, None).await.unwrap().replayed
}

#[tokio::test]
async fn a_repeated_delivery_is_known_after_each_change_of_the_number_of_partitions() {
    let fixture = Fixture::start().await;
    for (round, count) in (1..).zip([1, 4, 2, 1]) {
        let attempt = DeliveryKey::first("packet 7", b"x", round);
        assert_eq!(deliver(&fixture.of(count), SITES[0], &attempt).await, 0);
        for count in [1, 4, 2] {
            assert_eq!(deliver(&fixture.of(count), SITES[0], &attempt).await, 1, "{count}");
            let repeated = DeliveryKey::repeated("packet 7", b"x");
            assert_eq!(deliver(&fixture.of(count), SITES[0], &repeated).await, 1, "{count}");
        }
        assert_eq!(fixture.entries().await as u64, round);
    }
}

#[tokio::test]
async fn a_delivery_is_new_where_its_packet_id_had_a_message_of_another_partition() {
    let fixture = Fixture::start().await;
    let four = fixture.of(4);
    let repeated = |content: &[u8]| DeliveryKey::repeated("packet 7", content);
    assert_eq!(deliver(&four, SITES[0], &DeliveryKey::first("packet 7", b"x", 1)).await, 0);
    assert_eq!(deliver(&four, SITES[1], &DeliveryKey::first("packet 7", b"y", 2)).await, 0);
    // The first delivery of this message was lost; it has the content of the first one.
    assert_eq!(deliver(&four, SITES[0], &repeated(b"x")).await, 0);
    assert_eq!(deliver(&four, SITES[0], &repeated(b"x")).await, 1);
    assert_eq!(fixture.entries().await, 3);
}

#[tokio::test]
async fn a_rejected_row_has_one_dead_letter_whatever_the_number_of_partitions_is() {
    let fixture = Fixture::start().await;
    let mut rejected = RejectedRows::new("batch");
    rejected.push("site_id: is missing", "", b"{}");
    for count in [4, 1, 2] {
        fixture.of(count).dead_letter_rows(&rejected, TTL).await.unwrap();
        assert_eq!(
            fixture.redis.run::<Vec<String>>(&["KEYS", "*:dead"]).await,
            ["energy_readings:dead"]
        );
        assert_eq!(fixture.redis.run::<usize>(&["XLEN", "energy_readings:dead"]).await, 1);
    }
    let two = fixture.of(2);
    two.refresh().await.unwrap();
    assert_eq!(two.current().len(), 3, "operations show the dead letters of the stream itself");
}
