//! Rows whose keys are known: from a request with another site, or when the number of partitions was another.

use std::collections::{BTreeSet, HashMap};

use super::chunk::{Chunk, ChunkRow};
use super::division::{PartRecorded, Place};
use crate::store::partition::PartitionCount;
use crate::store::stream::idempotency::entry_id;
use crate::store::stream::key_value::{KeyValue, registration};

/// What follows from the values of the keys of a chunk.
#[derive(Default)]
pub(super) struct KnownRows {
    /// By the numbers of the readings: where they were appended, or are to be.
    pub places: HashMap<usize, Place>,
    /// The numbers of partitions of those places.
    pub counts: BTreeSet<PartitionCount>,
    /// What is known of the others.
    pub recorded: Vec<PartRecorded>,
}

impl KnownRows {
    /// By the values of keys that were known, by the numbers of their readings.
    pub fn of(chunk: &Chunk, values: &HashMap<usize, Vec<u8>>) -> Self {
        let mut known = Self::default();
        if !values.is_empty() {
            for (reading, row) in chunk.rows().enumerate() {
                if let Some(value) = values.get(&reading) {
                    known.add(reading, &row, value);
                }
            }
        }
        known
    }

    fn add(&mut self, reading: usize, row: &ChunkRow<'_>, value: &[u8]) {
        let Some((key, _)) = row.key else { return };
        match KeyValue::of(value, key.record) {
            KeyValue::Registration(count) => {
                let partition = count.partition_of_bytes(row.site);
                let of_delivery = registration(value).filter(|_| key.is_delivery);
                let record = of_delivery.map(|(record, _)| record.to_vec());
                self.places.insert(reading, Place { partition, record });
                self.counts.insert(count);
            }
            KeyValue::Entry(id) => {
                let id = entry_id(id).filter(|_| !key.is_delivery);
                let ends = id.map(|id| ((reading, reading), (id, id)));
                self.recorded.push(PartRecorded { ends, replayed: 1, conflicts: Vec::new() });
            }
            KeyValue::OtherBody => {
                let conflicts = vec![reading];
                self.recorded.push(PartRecorded { conflicts, ..PartRecorded::default() });
            }
        }
    }
}
