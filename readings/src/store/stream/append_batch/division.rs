//! Divides the readings of a chunk by the partitions that they belong to.

use std::collections::BTreeMap;

use super::chunk::{Chunk, ChunkRow, RowKey};
use super::scripts::{Ids, Recorded};
use crate::store::partition::Partition;

/// The readings of a chunk that belong to one partition, in the order of the chunk.
#[derive(Debug, Default)]
pub(super) struct Part {
    pub chunk: Chunk,
    /// Their numbers in the divided chunk.
    readings: Vec<usize>,
}

/// Where a reading belongs.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub partition: Partition,
    /// With what the record of its key begins there, if not as in the chunk.
    pub record: Option<Vec<u8>>,
}

impl Chunk {
    /// Divides it by the places of its readings; one without a place is left out.
    pub fn divided(
        &self,
        place_of: impl Fn(usize, &ChunkRow<'_>) -> Option<Place>,
    ) -> BTreeMap<Partition, Part> {
        let mut parts = BTreeMap::<_, Part>::new();
        for (reading, row) in self.rows().enumerate() {
            let Some(Place { partition, record }) = place_of(reading, &row) else { continue };
            let part = parts.entry(partition).or_default();
            let key = row.key.map(|(key, shard)| {
                let record = record.as_deref().unwrap_or(key.record);
                (RowKey { record, ..key }, shard)
            });
            part.chunk.push_divided(row.values, key, self.place(reading).unwrap_or_default());
            part.readings.push(reading);
        }
        parts
    }
}

impl Part {
    /// What was recorded of it, with the numbers of the divided chunk.
    pub fn numbered(&self, recorded: Recorded) -> PartRecorded {
        PartRecorded::of(&self.readings, recorded)
    }
}

/// What was recorded of a part, with the numbers of the divided chunk.
#[derive(Debug, Default)]
pub(super) struct PartRecorded {
    /// The numbers of the first and the last reading with an entry, and their entries.
    pub ends: Option<((usize, usize), Ids)>,
    pub replayed: usize,
    pub conflicts: Vec<usize>,
}

impl PartRecorded {
    /// What was recorded of readings with these numbers in the divided chunk; those that are registered for another
    /// stream were not.
    pub fn of(readings: &[usize], recorded: Recorded) -> Self {
        let Recorded { ids, replayed, conflicts, registered } = recorded;
        let is_elsewhere = |place| registered.iter().any(|(reading, _)| *reading == place);
        let is_entry = |place: &usize| !conflicts.contains(place) && !is_elsewhere(*place);
        let number = |place: usize| readings.get(place).copied();
        let mut entries = (0..readings.len()).filter(is_entry).filter_map(number);
        let first = entries.next();
        let ends = first.map(|first| (first, entries.next_back().unwrap_or(first))).zip(ids);
        let conflicts = conflicts.iter().filter_map(|place| number(*place)).collect();
        Self { ends, replayed, conflicts }
    }
}

/// What was recorded of a chunk: the entries are those of its first and last reading, whichever parts they belong to.
pub(super) fn merged(parts: impl IntoIterator<Item = PartRecorded>) -> Recorded {
    let (mut first, mut last) = (None, None);
    let mut merged = Recorded::default();
    for PartRecorded { ends, replayed, conflicts } in parts {
        merged.replayed += replayed;
        merged.conflicts.extend(conflicts);
        let Some(((begin, end), (first_id, last_id))) = ends else { continue };
        if first.is_none_or(|(number, _)| begin < number) {
            first = Some((begin, first_id));
        }
        if last.is_none_or(|(number, _)| end > number) {
            last = Some((end, last_id));
        }
    }
    merged.ids = first.zip(last).map(|((_, first), (_, last))| (first, last));
    merged
}

#[cfg(test)]
mod properties {
    use proptest::prelude::*;

    use super::*;
    use crate::reading::ReadingValues;
    use crate::store::partition::PartitionCount;
    use crate::store::stream::append_batch::{DeliveryKey, RowPlace};
    use crate::store::stream::idempotency::IdempotencyKey;
    use crate::store::stream_id::StreamId;
    use crate::validation::parse_fields;

    /// A row: its site, and whether it has no key, one of its own, or that of a delivery.
    type Row = (String, u8);

    fn chunk_of(rows: &[Row]) -> Chunk {
        let mut chunk = Chunk::default();
        for (index, (site, kind)) in rows.iter().enumerate() {
            let device = format!("device-{index}");
            let fields = [site, &device, "1.5", "2024-01-15T10:30:00Z"];
            let reading: ReadingValues<'_> = parse_fields(fields).unwrap().into();
            let (place, key) = (RowPlace { index, line: 7 }, device.as_str());
            match kind {
                0 => chunk.push(&reading),
                1 => chunk.push_keyed(&reading, &IdempotencyKey::new(key, b"body"), place),
                _ => chunk.push_delivery(&reading, &DeliveryKey::first(key, b"m", 1), place),
            }
        }
        chunk
    }

    /// The field and the record of a key, whether it is of a delivery, and the shard that its number stands for.
    type KeyContent = (Vec<u8>, Vec<u8>, bool, u16);

    /// The values and the key of a row.
    fn content(row: &ChunkRow<'_>) -> (Vec<u8>, Option<KeyContent>) {
        let key = row
            .key
            .map(|(key, shard)| (key.field.to_vec(), key.record.to_vec(), key.is_delivery, shard));
        (row.values.to_vec(), key)
    }

    proptest! {
        #[test]
        fn each_reading_is_in_the_part_of_its_site_once_and_in_its_order(
            rows in prop::collection::vec(("[a-zü]{1,40}", 0_u8..3), 0..60),
            count in 2_u16..=256,
        ) {
            let chunk = chunk_of(&rows);
            let count = PartitionCount::new(count).unwrap();
            let place = |_, row: &ChunkRow<'_>| {
                Some(Place { partition: count.partition_of_bytes(row.site), record: None })
            };
            let parts = chunk.divided(place);
            let expected: Vec<_> = chunk.rows().map(|row| content(&row)).collect();
            let mut found = vec![None; rows.len()];
            for (partition, part) in &parts {
                prop_assert!(part.readings.is_sorted());
                prop_assert_eq!(part.readings.len(), part.chunk.readings);
                for (number, (reading, row)) in part.readings.iter().zip(part.chunk.rows()).enumerate() {
                    prop_assert_eq!(count.partition_of_bytes(rows[*reading].0.as_bytes()), *partition);
                    if row.key.is_some() {
                        prop_assert_eq!(part.chunk.place(number).unwrap().index, *reading);
                    }
                    prop_assert!(found[*reading].replace(content(&row)).is_none());
                }
            }
            let found: Option<Vec<_>> = found.into_iter().collect();
            prop_assert_eq!(found, Some(expected));
        }
    }

    #[test]
    fn the_ends_of_a_chunk_are_those_of_its_first_and_last_recorded_readings() {
        let id = |seq| StreamId { ms: 1, seq };
        let recorded = |first, last, conflicts: &[usize]| Recorded {
            ids: Some((id(first), id(last))),
            conflicts: conflicts.to_vec(),
            ..Recorded::default()
        };
        let one = PartRecorded::of(&[1, 4, 6], recorded(10, 20, &[0]));
        let other = PartRecorded::of(&[2, 3, 7], recorded(5, 6, &[2]));
        let merged = merged([one, other]);
        assert_eq!(merged.ids, Some((id(5), id(20))), "of the readings 2 and 6");
        assert_eq!(merged.conflicts, [1, 7]);
    }
}
