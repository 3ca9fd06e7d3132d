//! Appends the readings of one request in order, and at most once where it has an `Idempotency-Key`.
//!
//! The rows of a request are divided into chunks by their position alone. Each chunk is one script, so that all of it
//! is in the stream or nothing, and is sent when the one before it is confirmed: after a failure the beginning of the
//! request is in the stream. With a key the script records the chunk, too, and returns the record when the chunk is
//! sent again. Decision 42 has the protocol and its races.

mod chunk_keys;
mod scripts;

use std::fmt::Display;
use std::io::Write;

use redis::{Cmd, Script};

pub use self::chunk_keys::ChunkKeys;
use self::scripts::{APPEND, APPEND_ONCE, COMMON, Ids, OF_KEY, Outcome};
use super::reading_stream::{ReadingStream, milliseconds};
use super::trace_context::ProducerSpan;
use crate::reading::Reading;
use crate::store::error::{StoreError, StoreResult};
use crate::store::stream_id::StreamId;

/// Rows of a chunk. Too low: more round trips, and less of a request is all or nothing. Too high: Redis serves nothing
/// else meanwhile (2 ms for 1,000 rows). It is part of the protocol: a request that was interrupted before this number
/// changed is not recognised after it.
pub const CHUNK_ROWS: usize = 1_000;

/// Room for keys, hash and digests in a command. Too low: the command is moved once. Too high: memory without use.
const FIXED_BYTES: usize = 512;

/// The readings of one request, encoded as they are added.
#[derive(Debug, Default)]
pub struct AppendBatch {
    chunks: Vec<Chunk>,
    rows: usize,
}

/// The values of the readings among [`CHUNK_ROWS`] rows, one after the other.
#[derive(Debug, Default)]
struct Chunk {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    readings: usize,
}

impl Chunk {
    fn push(&mut self, value: &str) {
        self.bytes.extend_from_slice(value.as_bytes());
        self.ends.push(self.bytes.len());
    }

    fn push_display(&mut self, value: impl Display) {
        // Err: never, it is written to memory.
        let _ = write!(self.bytes, "{value}");
        self.ends.push(self.bytes.len());
    }

    fn values(&self) -> impl Iterator<Item = &[u8]> {
        let mut start = 0;
        self.ends.iter().map(move |&end| {
            let value = self.bytes.get(start..end).unwrap_or_default();
            start = end;
            value
        })
    }
}

impl AppendBatch {
    /// Adds the reading of the next row.
    pub fn push(&mut self, reading: &Reading) {
        let chunk = self.chunk_of_next_row();
        chunk.push(reading.site_id.as_str());
        chunk.push(reading.device_id.as_str());
        chunk.push_display(reading.power);
        chunk.push(reading.timestamp.as_str());
        chunk.readings += 1;
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Appended {
    /// Number of readings.
    pub readings: usize,
    /// The entries of the first and the last of them.
    pub entries: Option<(StreamId, StreamId)>,
    /// Number of readings that an earlier request with the same key had appended.
    pub replayed: usize,
}

impl Appended {
    fn add(&mut self, chunk: &Chunk, ids: Option<Ids>, is_new: bool) {
        self.readings += chunk.readings;
        self.replayed += if is_new { 0 } else { chunk.readings };
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
    /// appended again.
    ///
    /// # Errors
    /// When the key was used with another body, or the server rejected a chunk or did not reply.
    pub async fn append_batch(
        &self,
        batch: &AppendBatch,
        ingested_at: &str,
        key: Option<&ChunkKeys<'_>>,
    ) -> Result<Appended, AppendBatchError> {
        let mut appended = Appended::default();
        for (index, chunk) in batch.chunks.iter().enumerate() {
            // With a key an empty chunk needs its record all the same: the next one requires it.
            if key.is_none() && chunk.readings == 0 {
                continue;
            }
            let rows = index * CHUNK_ROWS;
            match self.append_chunk(index, chunk, ingested_at, key).await {
                Ok(Outcome::Recorded { ids, is_new }) => appended.add(chunk, ids, is_new),
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
    ) -> StoreResult<Outcome> {
        let (operation, script) = match key {
            None => ("XADD batch", &*APPEND),
            Some(_) => ("XADD batch once", &*APPEND_ONCE),
        };
        let span = ProducerSpan::begin_batch(self.keys().stream(), chunk.readings);
        let mut command = self.command(script, index, chunk, key);
        command.arg(ingested_at).arg(span.as_ref().map_or("", |span| span.header().1));
        for value in chunk.values() {
            command.arg(value);
        }
        let appending = async {
            let reply = self.connection().eval_command(operation, script, &command).await?;
            let outcome = match key {
                None => Outcome::appended(reply),
                Some(key) => Outcome::appended_once(reply, key.body()),
            };
            outcome.ok_or_else(|| self.connection().unexpected_reply(operation))
        };
        ProducerSpan::finish_with(span, appending, Outcome::first).await
    }

    /// The command of a chunk up to the arguments that concern its key.
    fn command(
        &self,
        script: &Script,
        index: usize,
        chunk: &Chunk,
        key: Option<&ChunkKeys<'_>>,
    ) -> Cmd {
        let arguments = 6 + OF_KEY + COMMON + chunk.ends.len();
        let mut command = Cmd::with_capacity(arguments, FIXED_BYTES + chunk.bytes.len());
        command.arg("EVALSHA").arg(script.get_hash());
        let keys = self.keys();
        let Some(key) = key else {
            command.arg(1).arg(keys.stream());
            return command;
        };
        command.arg(3).arg(keys.stream()).arg(keys.idempotency(key.window, key.shard()));
        command.arg(keys.idempotency(key.window.saturating_sub(1), key.shard()));
        command.arg(key.field(index)).arg(key.field_before(index)).arg(key.body());
        // Twice the window: a record that is set at its begin is known until the end of the next one.
        command.arg(milliseconds(key.ttl * 2));
        command
    }
}
