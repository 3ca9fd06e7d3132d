//! Appends a chunk to one stream.

use std::time::Duration;

use redis::{Cmd, Script};

use super::chunk::Chunk;
use super::chunk_keys::ChunkKeys;
use super::scripts::{APPEND, APPEND_ONCE, APPEND_ROWS_ONCE, COMMON, OF_KEY, Outcome};
use crate::store::error::StoreResult;
use crate::store::stream::idempotency::key_window;
use crate::store::stream::reading_stream::{ReadingStream, milliseconds};
use crate::store::stream::trace_context::ProducerSpan;

/// Room for keys, hash and digests in a command. Too low: the command is moved once. Too high: memory without use.
const FIXED_BYTES: usize = 512;

/// Room for the names of the hashes of a shard. As above.
const SHARD_BYTES: usize = 128;

/// By what a chunk of a request with a key is recognised.
#[derive(Debug, Clone, Copy)]
pub(super) struct ChunkRecord<'a> {
    pub key: &'a ChunkKeys<'a>,
    /// The number of the chunk in its request.
    pub index: usize,
    /// That of the chunk before which has a record in the same stream.
    pub before: Option<usize>,
}

impl ReadingStream {
    /// Appends its readings to this stream, and records the chunk, or each row that has a key.
    pub(super) async fn append_chunk(
        &self,
        chunk: &Chunk,
        ingested_at: &str,
        record: Option<&ChunkRecord<'_>>,
        ttl: Duration,
    ) -> StoreResult<Outcome> {
        let (operation, script) = match (record, chunk.packed_keys()) {
            (Some(_), _) => ("XADD batch once", &*APPEND_ONCE),
            (None, Some(_)) => ("XADD rows once", &*APPEND_ROWS_ONCE),
            (None, None) => ("XADD batch", &*APPEND),
        };
        let span = ProducerSpan::begin_batch(self.keys().stream(), chunk.readings);
        let mut command = self.command(script, chunk, record, ttl);
        command.arg(ingested_at).arg(span.as_ref().map_or("", |span| span.header().1));
        command.arg(chunk.values());
        // Twice the window: a record that is set at its begin is known until the end of the next one.
        let ttl = milliseconds(ttl * 2);
        match (record, chunk.packed_keys()) {
            (Some(ChunkRecord { key, index, before }), _) => {
                command
                    .arg(key.field(*index))
                    .arg(key.field_before(*before))
                    .arg(key.body())
                    .arg(ttl);
            }
            (None, Some((keys, _))) => {
                command.arg(keys).arg(ttl);
            }
            (None, None) => {}
        }
        let appending = async {
            let begun = self.connection().begin_confirmed().await?;
            let reply = self.connection().eval_command(operation, script, &command).await?;
            self.connection().confirm(begun).await?;
            let outcome = match (record, chunk.packed_keys()) {
                (Some(record), _) => {
                    Outcome::appended_once(reply, record.key.body(), chunk.readings)
                }
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
        record: Option<&ChunkRecord<'_>>,
        ttl: Duration,
    ) -> Cmd {
        let (packed, shards) = chunk.packed_keys().unwrap_or_default();
        let shards = if record.is_some() { &[] } else { shards };
        let arguments = 3 + 1 + 2 * shards.len().max(1) + COMMON + OF_KEY;
        let bytes = chunk.values().len() + packed.len() + SHARD_BYTES * shards.len();
        let mut command = Cmd::with_capacity(arguments, FIXED_BYTES + bytes);
        command.arg("EVALSHA").arg(script.get_hash());
        let keys = self.keys();
        let of_key = record.map(|record| (record.key.window, record.key.shard()));
        let window = if shards.is_empty() { 0 } else { key_window(ttl) };
        let hashes = of_key.into_iter().chain(shards.iter().map(|shard| (window, *shard)));
        command.arg(1 + 2 * (usize::from(record.is_some()) + shards.len())).arg(keys.stream());
        for (window, shard) in hashes {
            command.arg(keys.idempotency(window, shard));
            command.arg(keys.idempotency(window.saturating_sub(1), shard));
        }
        command
    }
}
