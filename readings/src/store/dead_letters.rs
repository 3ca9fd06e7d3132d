//! Entries that cannot become readings, kept with the reason.

use redis::pipe;

use super::StreamId;
use super::codec::{self, StreamEntry, Undecodable};
use super::error::{StoreError, StoreResult};
use super::stream::ReadingStream;

/// How many dead letters are kept, roughly (Redis trims by whole nodes); the oldest go first. Too low
/// and a burst of poison drives out what an operator has yet to read; too high and it fills Redis.
const MAX_DEAD_LETTERS: usize = 100_000;

/// Acknowledges an entry when it is the newest dead letter: a transaction goes on after a command that
/// failed, and an entry that was not added there must stay pending here.
const ACKNOWLEDGE_IF_BURIED: &str = "
    local newest = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
    if not newest or newest[2][2] ~= ARGV[2] then
        return redis.error_reply('ERR the entry is not among the dead letters')
    end
    return redis.call('XACK', KEYS[2], ARGV[1], ARGV[2])";

/// An entry to be moved, and why.
#[derive(Debug, Clone)]
pub struct DeadLetter {
    /// The entry's id in the stream of readings.
    pub id: StreamId,
    /// All its fields, in their order.
    pub fields: Vec<(Vec<u8>, Vec<u8>)>,
    /// The rule it breaks.
    pub reason: String,
}

impl From<Undecodable> for DeadLetter {
    fn from(Undecodable { id, fields, reason }: Undecodable) -> Self {
        Self { id, fields, reason: reason.to_string() }
    }
}

impl DeadLetter {
    /// An entry that Redis will never store, because of the key that it belongs to.
    #[must_use]
    pub fn refused(entry: &StreamEntry, error: &StoreError) -> Self {
        let bytes = |text: &str| text.as_bytes().to_vec();
        let fields = codec::stream_fields(&entry.reading, &entry.ingested_at);
        let fields = fields.iter().map(|(name, value)| (bytes(name), bytes(value))).collect();
        Self { id: entry.id, fields, reason: error.to_string() }
    }
}

impl ReadingStream {
    /// Moves an entry to the dead-letter stream: one transaction that adds it there, with its fields
    /// and the reason, and acknowledges it here.
    ///
    /// # Errors
    /// When the server did not answer or refused; without an answer the entry may have been moved.
    pub async fn bury(&self, entry: &DeadLetter, consumer: &str) -> StoreResult<()> {
        let keys = self.keys();
        let id = entry.id.to_string();
        let mut transaction = pipe();
        let add = transaction.atomic().cmd("XADD").arg(keys.dead_letters());
        add.arg("MAXLEN").arg("~").arg(MAX_DEAD_LETTERS).arg("*");
        add.arg("original_id").arg(&id).arg("reason").arg(&entry.reason);
        add.arg("consumer").arg(consumer);
        for (name, value) in &entry.fields {
            add.arg([b"field:", name.as_slice()].concat()).arg(value);
        }
        let acknowledge = transaction.cmd("EVAL").arg(ACKNOWLEDGE_IF_BURIED).arg(2);
        acknowledge.arg(keys.dead_letters()).arg(keys.stream()).arg(keys.group()).arg(&id);
        self.connection().send_all("MULTI XADD XACK", &transaction).await.map(drop)
    }
}
