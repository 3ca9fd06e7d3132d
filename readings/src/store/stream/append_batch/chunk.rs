//! The readings of a chunk as arguments of its script: `MessagePack`, which Redis' Lua unpacks in C.
//!
//! As arguments of their own, the values of 1,000 readings are 4,000 objects that Redis allocates, hands to Lua and
//! frees (decision 49 has what that costs).

use super::delivery_key::DeliveryKey;
use crate::reading::ReadingValues;
use crate::store::stream::idempotency::IdempotencyKey;
use crate::store::stream::packed_array::{PackedArray, PackedItems};

/// Items of a reading among the values: the fields of an entry that differ from reading to reading. The last one of the
/// contract, `ingested_at`, does not.
const VALUES: u32 = 4;

/// Items of a reading among the keys: field, with what its record begins, number of its hash (negative: a record that
/// begins otherwise is replaced).
const KEY_ITEMS: u32 = 3;

/// Where a row with a key is in its request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RowPlace {
    /// Its position among the rows, from 0.
    pub index: usize,
    /// The line of the body where it begins, from 1.
    pub line: u64,
}

/// The readings among the rows of a chunk.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    values: PackedArray,
    pub readings: usize,
    /// Only of a chunk in which a row has a key.
    keys: Option<Box<Keys>>,
}

/// For each reading of a chunk its key, if it has one.
#[derive(Debug, Default)]
struct Keys {
    packed: PackedArray,
    places: Vec<RowPlace>,
    /// The hashes of the keys, each once: that of number 1 is the first.
    shards: Vec<u16>,
    /// By shard: the number of its hash, 0 for none.
    numbers: Vec<i16>,
}

impl Chunk {
    pub fn push(&mut self, reading: &ReadingValues<'_>) {
        if let Some(keys) = &mut self.keys {
            keys.push_none();
        }
        self.push_values(reading);
    }

    /// Adds the reading whose values these are, and its key.
    pub fn push_divided(&mut self, values: &[u8], key: Option<(RowKey<'_>, u16)>, place: RowPlace) {
        if let Some((key, shard)) = key {
            let number = self.keys().number(shard);
            let number = if key.is_delivery { -number } else { number };
            self.keys().push(key.field, key.record, number, place);
        } else if let Some(keys) = &mut self.keys {
            keys.push_none();
        }
        self.values.push_raw(values);
        self.values.count(VALUES);
        self.readings += 1;
    }

    /// The readings in their order.
    pub fn rows(&self) -> Rows<'_> {
        let values = PackedItems::of(self.values.bytes());
        let keys = self.keys.as_deref().map(|keys| (PackedItems::of(keys.packed.bytes()), keys));
        Rows { values, keys, left: self.readings }
    }

    pub fn push_keyed(
        &mut self,
        reading: &ReadingValues<'_>,
        key: &IdempotencyKey,
        place: RowPlace,
    ) {
        let number = self.keys().number(key.shard());
        self.keys().push(key.key(), key.body(), number, place);
        self.push_values(reading);
    }

    pub fn push_delivery(
        &mut self,
        reading: &ReadingValues<'_>,
        key: &DeliveryKey,
        place: RowPlace,
    ) {
        let number = self.keys().number(key.shard());
        self.keys().push(key.field(), key.message(), -number, place);
        self.push_values(reading);
    }

    /// The keys, with none for each reading so far when this is the first one.
    fn keys(&mut self) -> &mut Keys {
        let readings = self.readings;
        self.keys.get_or_insert_with(|| {
            let mut keys = Box::<Keys>::default();
            (0..readings).for_each(|_| keys.push_none());
            keys
        })
    }

    fn push_values(&mut self, reading: &ReadingValues<'_>) {
        self.values.push(reading.site_id.as_bytes());
        self.values.push(reading.device_id.as_bytes());
        self.values.push_display(reading.power);
        self.values.push(reading.timestamp.as_bytes());
        self.values.count(VALUES);
        self.readings += 1;
    }

    /// The values of the readings, in the order of the fields.
    pub fn values(&self) -> &[u8] {
        self.values.bytes()
    }

    /// The keys of the readings and the shards that they are in; `None` where no row has a key.
    pub fn packed_keys(&self) -> Option<(&[u8], &[u16])> {
        self.keys.as_ref().map(|keys| (keys.packed.bytes(), &keys.shards[..]))
    }

    /// Where the reading of this number is, which has a key.
    pub fn place(&self, reading: usize) -> Option<RowPlace> {
        self.keys.as_ref()?.places.get(reading).copied()
    }
}

/// The readings of a chunk, one after the other.
pub(super) struct Rows<'a> {
    values: PackedItems<'a>,
    keys: Option<(PackedItems<'a>, &'a Keys)>,
    left: usize,
}

/// A reading as it is in a chunk.
pub(super) struct ChunkRow<'a> {
    pub site: &'a [u8],
    /// All its values, packed.
    pub values: &'a [u8],
    /// Its key and the shard of it, if it has one.
    pub key: Option<(RowKey<'a>, u16)>,
}

/// A key of a row.
#[derive(Debug, Clone, Copy)]
pub(super) struct RowKey<'a> {
    pub field: &'a [u8],
    /// With what its record begins.
    pub record: &'a [u8],
    /// Whether a record that begins otherwise is replaced.
    pub is_delivery: bool,
}

impl<'a> Iterator for Rows<'a> {
    type Item = ChunkRow<'a>;

    fn next(&mut self) -> Option<ChunkRow<'a>> {
        self.left = self.left.checked_sub(1)?;
        let begin = self.values.clone();
        let site = self.values.text();
        for _ in 1..VALUES {
            self.values.text();
        }
        let values = self.values.raw_since(&begin);
        Some(ChunkRow { site, values, key: self.next_key() })
    }
}

impl<'a> Rows<'a> {
    fn next_key(&mut self) -> Option<(RowKey<'a>, u16)> {
        let (packed, keys) = self.keys.as_mut()?;
        let (field, record, number) = (packed.text(), packed.text(), packed.number());
        let index = usize::from(number.unsigned_abs()).checked_sub(1)?;
        let shard = keys.shards.get(index).copied()?;
        Some((RowKey { field, record, is_delivery: number < 0 }, shard))
    }
}

impl Keys {
    fn push_none(&mut self) {
        self.packed.push(b"");
        self.packed.push(b"");
        self.packed.push_number(0);
        self.packed.count(KEY_ITEMS);
        self.places.push(RowPlace::default());
    }

    fn push(&mut self, field: &[u8], record: &[u8], number: i16, place: RowPlace) {
        self.packed.push(field);
        self.packed.push(record);
        self.packed.push_number(number);
        self.packed.count(KEY_ITEMS);
        self.places.push(place);
    }

    fn number(&mut self, shard: u16) -> i16 {
        let index = usize::from(shard);
        if self.numbers.len() <= index {
            self.numbers.resize(index + 1, 0);
        }
        let number = &mut self.numbers[index];
        if *number == 0 {
            self.shards.push(shard);
            *number = i16::try_from(self.shards.len()).unwrap_or(i16::MAX);
        }
        *number
    }
}
