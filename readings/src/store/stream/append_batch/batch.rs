//! The readings of one request, and what became of them.

use super::chunk::{Chunk, RowPlace};
use super::delivery_key::DeliveryKey;
use super::scripts::Recorded;
use crate::reading::ReadingValues;
use crate::store::error::StoreError;
use crate::store::stream::idempotency::IdempotencyKey;
use crate::store::stream_id::StreamId;

/// Rows of a chunk. Too low: more round trips, and less of a request is all or nothing. Too high: Redis serves nothing
/// else meanwhile (2 ms for 1,000 rows). It is part of the protocol: a request that was interrupted before this number
/// changed is not recognised after it.
pub const CHUNK_ROWS: usize = 1_000;

/// The readings of one request, encoded as they are added.
#[derive(Debug, Default)]
pub struct AppendBatch {
    pub(super) chunks: Vec<Chunk>,
    rows: usize,
}

impl AppendBatch {
    /// Adds the reading of the next row.
    pub fn push(&mut self, reading: &ReadingValues<'_>) {
        self.chunk_of_next_row().push(reading);
    }

    /// Adds the reading of the next row, which begins on this line and is appended only if no row or request with its
    /// key was.
    pub fn push_keyed(&mut self, reading: &ReadingValues<'_>, key: &IdempotencyKey, line: u64) {
        let place = RowPlace { index: self.rows, line };
        self.chunk_of_next_row().push_keyed(reading, key, place);
    }

    /// Adds the reading of the next row, which is appended only if no delivery of its message was.
    pub fn push_delivery(&mut self, reading: &ReadingValues<'_>, key: &DeliveryKey) {
        let place = RowPlace { index: self.rows, line: 0 };
        self.chunk_of_next_row().push_delivery(reading, key, place);
    }

    /// Adds a row without a valid reading.
    pub fn skip(&mut self) {
        self.chunk_of_next_row();
    }

    /// Number of rows, valid or not.
    #[must_use]
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// Number of readings.
    #[must_use]
    pub fn readings(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.readings).sum()
    }

    /// Whether a row has a key.
    #[must_use]
    pub fn has_keys(&self) -> bool {
        self.chunks.iter().any(|chunk| chunk.packed_keys().is_some())
    }

    fn chunk_of_next_row(&mut self) -> &mut Chunk {
        let index = self.rows / CHUNK_ROWS;
        self.rows += 1;
        if self.chunks.len() <= index {
            self.chunks.push(Chunk::default());
        }
        &mut self.chunks[index]
    }
}

/// What is in the stream of a request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Appended {
    /// Number of readings.
    pub readings: usize,
    /// The entries of the first and the last of them, which may be in different partitions.
    pub entries: Option<(StreamId, StreamId)>,
    /// Number of readings among them that an earlier request with the same key had appended.
    pub replayed: usize,
    /// The rows that are not in the stream, as their keys were used with other bodies.
    pub conflicts: Vec<RowPlace>,
}

impl Appended {
    pub(super) fn add(&mut self, chunk: &Chunk, recorded: Recorded) {
        let Recorded { ids, replayed, conflicts, .. } = recorded;
        self.readings += chunk.readings - conflicts.len().min(chunk.readings);
        self.replayed += replayed;
        self.conflicts.extend(conflicts.into_iter().filter_map(|reading| chunk.place(reading)));
        if let Some((first, last)) = ids {
            self.entries = Some((self.entries.map_or(first, |(first, _)| first), last));
        }
    }
}

/// Why not all readings of a request are in the stream.
#[derive(Debug)]
pub enum AppendBatchError {
    /// The key was used with another body; nothing was appended.
    KeyConflict,
    /// Redis failed.
    Failed(Box<Interrupted>),
}

/// A request of which Redis took the beginning only.
#[derive(Debug)]
pub struct Interrupted {
    /// What is in the stream for certain: the readings of the first `rows` rows.
    pub appended: Appended,
    /// Number of those rows. If the outcome of the error is unknown, the readings of the [`CHUNK_ROWS`] after them
    /// may be in the stream, too.
    pub rows: usize,
    /// The error.
    pub error: StoreError,
}
