//! Appends the readings of one request in order, and at most once where it has an `Idempotency-Key`.
//!
//! The rows of a request are divided into chunks by their position alone. Each chunk is one script, so that all of it
//! is in the stream or nothing, and is sent when the one before it is confirmed: after a failure the beginning of the
//! request is in the stream. With a key the script records the chunk, too, and returns the record when the chunk is
//! sent again (decision 42 has the protocol and its races). Rows may have keys of their own instead: then the script
//! records each row, as a single reading is recorded (decision 49).

mod chunk;
mod chunk_keys;
mod delivery_key;
mod scripts;

use std::time::Duration;

use redis::{Cmd, Script};

use self::chunk::Chunk;
pub use self::chunk::RowPlace;
pub use self::chunk_keys::ChunkKeys;
pub use self::delivery_key::DeliveryKey;
use self::scripts::{APPEND, APPEND_ONCE, APPEND_ROWS_ONCE, COMMON, OF_KEY, Outcome, Recorded};
use super::idempotency::{IdempotencyKey, key_window};
use super::reading_stream::{ReadingStream, milliseconds};
use super::trace_context::ProducerSpan;
use crate::reading::ReadingValues;
use crate::store::error::{StoreError, StoreResult};
use crate::store::stream_id::StreamId;

/// Rows of a chunk. Too low: more round trips, and less of a request is all or nothing. Too high: Redis serves nothing
/// else meanwhile (2 ms for 1,000 rows). It is part of the protocol: a request that was interrupted before this number
/// changed is not recognised after it.
pub const CHUNK_ROWS: usize = 1_000;

/// Room for keys, hash and digests in a command. Too low: the command is moved once. Too high: memory without use.
const FIXED_BYTES: usize = 512;

/// Room for the names of the hashes of a shard. As above.
const SHARD_BYTES: usize = 128;

/// The readings of one request, encoded as they are added.
#[derive(Debug, Default)]
pub struct AppendBatch {
    chunks: Vec<Chunk>,
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
    /// The entries of the first and the last of them.
    pub entries: Option<(StreamId, StreamId)>,
    /// Number of readings among them that an earlier request with the same key had appended.
    pub replayed: usize,
    /// The rows that are not in the stream, as their keys were used with other bodies.
    pub conflicts: Vec<RowPlace>,
}

impl Appended {
    fn add(&mut self, chunk: &Chunk, recorded: Recorded) {
        let Recorded { ids, replayed, conflicts } = recorded;
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

impl ReadingStream {
    /// Appends the readings in their order. With a key, those that an earlier request with it has appended are not
    /// appended again; nor are rows with keys of their own, which are kept for `row_ttl` at least.
    ///
    /// # Errors
    /// When the key was used with another body, or the server rejected a chunk or did not reply.
    pub async fn append_batch(
        &self,
        batch: &AppendBatch,
        ingested_at: &str,
        key: Option<&ChunkKeys<'_>>,
        row_ttl: Duration,
    ) -> Result<Appended, AppendBatchError> {
        let mut appended = Appended::default();
        for (index, chunk) in batch.chunks.iter().enumerate() {
            // With a key an empty chunk needs its record all the same: the next one requires it.
            if key.is_none() && chunk.readings == 0 {
                continue;
            }
            let rows = index * CHUNK_ROWS;
            let ttl = key.map_or(row_ttl, |key| key.ttl);
            match self.append_chunk(index, chunk, ingested_at, key, ttl).await {
                Ok(Outcome::Recorded(recorded)) => appended.add(chunk, recorded),
                Ok(Outcome::Conflict) => return Err(AppendBatchError::KeyConflict),
                Err(error) => {
                    let interrupted = Interrupted { appended, rows, error };
                    return Err(AppendBatchError::Failed(Box::new(interrupted)));
                }
            }
            fail::fail_point!("append-batch-after-chunk");
        }
        Ok(appended)
    }

    async fn append_chunk(
        &self,
        index: usize,
        chunk: &Chunk,
        ingested_at: &str,
        key: Option<&ChunkKeys<'_>>,
        ttl: Duration,
    ) -> StoreResult<Outcome> {
        let (operation, script) = match (key, chunk.packed_keys()) {
            (Some(_), _) => ("XADD batch once", &*APPEND_ONCE),
            (None, Some(_)) => ("XADD rows once", &*APPEND_ROWS_ONCE),
            (None, None) => ("XADD batch", &*APPEND),
        };
        let span = ProducerSpan::begin_batch(self.keys().stream(), chunk.readings);
        let mut command = self.command(script, chunk, key, ttl);
        command.arg(ingested_at).arg(span.as_ref().map_or("", |span| span.header().1));
        command.arg(chunk.values());
        match (key, chunk.packed_keys()) {
            // Twice the window: a record that is set at its begin is known until the end of the next one.
            (Some(key), _) => {
                command.arg(key.field(index)).arg(key.field_before(index)).arg(key.body());
                command.arg(milliseconds(ttl * 2));
            }
            (None, Some((keys, _))) => {
                command.arg(keys).arg(milliseconds(ttl * 2));
            }
            (None, None) => {}
        }
        let appending = async {
            let reply = self.connection().eval_command(operation, script, &command).await?;
            let outcome = match (key, chunk.packed_keys()) {
                (Some(key), _) => Outcome::appended_once(reply, key.body(), chunk.readings),
                (None, Some(_)) => Outcome::appended_rows_once(reply),
                (None, None) => Outcome::appended(reply),
            };
            outcome.ok_or_else(|| self.connection().unexpected_reply(operation))
        };
        ProducerSpan::finish_with(span, appending, Outcome::first).await
    }

    /// The command of a chunk up to its arguments: the stream, and the hashes of its keys.
    fn command(
        &self,
        script: &Script,
        chunk: &Chunk,
        key: Option<&ChunkKeys<'_>>,
        ttl: Duration,
    ) -> Cmd {
        let (packed, shards) = chunk.packed_keys().unwrap_or_default();
        let shards = if key.is_some() { &[] } else { shards };
        let arguments = 3 + 1 + 2 * shards.len().max(1) + COMMON + OF_KEY;
        let bytes = chunk.values().len() + packed.len() + SHARD_BYTES * shards.len();
        let mut command = Cmd::with_capacity(arguments, FIXED_BYTES + bytes);
        command.arg("EVALSHA").arg(script.get_hash());
        let keys = self.keys();
        let of_key = key.map(|key| (key.window, key.shard()));
        let window = if shards.is_empty() { 0 } else { key_window(ttl) };
        let hashes = of_key.into_iter().chain(shards.iter().map(|shard| (window, *shard)));
        command.arg(1 + 2 * (usize::from(key.is_some()) + shards.len())).arg(keys.stream());
        for (window, shard) in hashes {
            command.arg(keys.idempotency(window, shard));
            command.arg(keys.idempotency(window.saturating_sub(1), shard));
        }
        command
    }
}
