//! Appends a reading once, however often it is sent with one `Idempotency-Key`.

use std::sync::LazyLock;
use std::time::Duration;

use redis::{Script, Value};
use sha2::{Digest, Sha256};

use super::key_value::KeyValue;
use super::reading_stream::{ReadingStream, milliseconds};
use super::trace_context::ProducerSpan;
use crate::iso8601::Instant;
use crate::reading::{Reading, ReadingValues};
use crate::store::codec;
use crate::store::connection::reply;
use crate::store::error::StoreResult;
use crate::store::partition::PartitionCount;
use crate::store::stream_id::StreamId;

/// Bytes of a key's digest that are stored: with 2^40 keys the probability that two collide is below one
/// in ten thousand. Too low and a reading is rejected for the key of another; too high and keys take more
/// memory.
const KEY_BYTES: usize = 12;

/// Bytes of a body's digest that are stored: they only distinguish bodies of one key.
const BODY_BYTES: usize = 8;

/// Hashes that the keys of one window are spread over: Redis encodes small ones compactly (36 bytes a key
/// instead of 121). Too low and they outgrow that encoding; too high and each hash costs more than its
/// keys.
const SHARDS: u16 = 1_024;

/// Replies with the value of the key, of this window or the one before; without one, appends the entry
/// and sets the key. In this order: if the entry is rejected (no memory), the key is not set.
static APPEND_ONCE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local known = redis.call('HGET', KEYS[2], ARGV[1]) or redis.call('HGET', KEYS[3], ARGV[1])
         if known then return {0, known} end
         local id = redis.call('XADD', KEYS[1], '*', unpack(ARGV, 4))
         redis.call('HSET', KEYS[2], ARGV[1], ARGV[2] .. id)
         redis.call('PEXPIRE', KEYS[2], ARGV[3])
         return {1, id}",
    )
});

/// A client's name for one attempt to send a reading, with the body that it stands for.
#[derive(Debug, Clone)]
pub struct IdempotencyKey {
    key: [u8; KEY_BYTES],
    body: [u8; BODY_BYTES],
    shard: u16,
}

impl IdempotencyKey {
    /// The key as the client sent it, and the bytes of the body.
    #[must_use]
    pub fn new(key: &str, body: &[u8]) -> Self {
        Self::of_parts(key, [body])
    }

    /// The same with a body in parts.
    #[must_use]
    pub fn of_parts<const N: usize>(key: &str, body: [&[u8]; N]) -> Self {
        let key: [u8; KEY_BYTES] = digest([key.as_bytes()]);
        Self { key, body: digest(body), shard: shard(&key) }
    }

    /// The key of a measurement, of receivers whose senders have no keys: sent again, by whichever receiver, it is the
    /// same reading. It is never a client's key, which has visible characters only.
    #[must_use]
    pub fn of_measurement(reading: &ReadingValues<'_>, instant: Instant) -> Self {
        let (site, device) = (reading.site_id.as_bytes(), reading.device_id.as_bytes());
        let lengths = [site.len(), device.len()].map(usize::to_le_bytes);
        let power = reading.power.watts().to_le_bytes();
        let instant = instant.epoch_micros().to_le_bytes();
        let key: [u8; KEY_BYTES] =
            digest([b"\0measurement", &lengths[0], &lengths[1], site, device, &instant, &power]);
        // The key has all of the reading: it has one body.
        Self { key, body: [0; BODY_BYTES], shard: shard(&key) }
    }

    /// Another key for the same body; [`IdempotencyKey::shard`] is that of the first one.
    pub(super) fn with_key(&self, key: &str) -> Self {
        Self { key: digest([key.as_bytes()]), body: self.body, shard: self.shard }
    }

    pub(super) const fn key(&self) -> &[u8] {
        &self.key
    }

    pub(super) const fn body(&self) -> &[u8] {
        &self.body
    }

    /// The hash of a window that has the key.
    pub(super) const fn shard(&self) -> u16 {
        self.shard
    }
}

fn shard(key: &[u8; KEY_BYTES]) -> u16 {
    let [first, second, ..] = key;
    u16::from_be_bytes([*first, *second]) % SHARDS
}

pub(super) fn digest<const N: usize, const PARTS: usize>(parts: [&[u8]; PARTS]) -> [u8; N] {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part);
    }
    let mut digest = [0; N];
    for (to, from) in digest.iter_mut().zip(hasher.finalize()) {
        *to = from;
    }
    digest
}

/// The outcome of an append with a key to one stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AppendOnce {
    /// As [`IdempotentAppend`] says.
    Done(IdempotentAppend),
    /// Nothing was appended: the key is registered for a partition of this number of them.
    Registered(PartitionCount),
}

/// The outcome of an append with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdempotentAppend {
    /// Appended now, as this entry.
    Appended(StreamId),
    /// A repetition: the entry that the first request appended.
    Replayed(StreamId),
    /// The key was used with another body; nothing was appended.
    KeyConflict,
}

impl AppendOnce {
    const fn entry(&self) -> Option<StreamId> {
        match self {
            Self::Done(IdempotentAppend::Appended(id) | IdempotentAppend::Replayed(id)) => {
                Some(*id)
            }
            Self::Done(IdempotentAppend::KeyConflict) | Self::Registered(_) => None,
        }
    }
}

impl ReadingStream {
    /// Appends an accepted reading to this stream, unless a request with its key did so within `ttl`; then gives the
    /// entry of that request.
    ///
    /// # Errors
    /// When the server rejected it or did not reply; it can be sent again with the same key.
    pub(super) async fn append_once(
        &self,
        reading: &Reading,
        ingested_at: &str,
        key: &IdempotencyKey,
        ttl: Duration,
    ) -> StoreResult<AppendOnce> {
        const OPERATION: &str = "XADD once";
        let window = key_window(ttl);
        let keys = self.keys();
        let mut script = APPEND_ONCE.key(keys.stream());
        script.key(keys.idempotency(window, key.shard));
        script.key(keys.idempotency(window.saturating_sub(1), key.shard));
        // Twice the window: a key that is set at its begin is known until the end of the next one.
        script.arg(&key.key).arg(&key.body).arg(milliseconds(ttl * 2));
        for (name, value) in codec::stream_fields(reading, ingested_at) {
            script.arg(name).arg(value.as_bytes());
        }
        let span = ProducerSpan::begin(keys.stream());
        if let Some((name, value)) = span.as_ref().map(ProducerSpan::header) {
            script.arg(name).arg(value);
        }
        let appending = async {
            let begun = self.connection().begin_confirmed().await?;
            let reply = self.connection().eval(OPERATION, &script).await?;
            // Also of a repetition: the first request may have ended before replicas had its entry.
            self.connection().confirm(begun).await?;
            outcome(reply, &key.body).ok_or_else(|| self.connection().unexpected_reply(OPERATION))
        };
        ProducerSpan::finish_with(span, appending, AppendOnce::entry).await
    }
}

/// Number of the present window of length `ttl`. A key is searched in the present window and the one before,
/// so it is known for one to two windows. The clock is this process', so the clocks of services
/// that share a client must differ by less than a window.
pub(super) fn key_window(ttl: Duration) -> u64 {
    let now = chrono::Utc::now().timestamp_millis();
    u64::try_from(now).unwrap_or_default() / milliseconds(ttl).max(1)
}

fn outcome(reply: Value, body: &[u8]) -> Option<AppendOnce> {
    let [is_new, value] = <[Value; 2]>::try_from(reply::array(reply)?).ok()?;
    let value = reply::bytes(value)?;
    if reply::integer(&is_new)? == 1 {
        return Some(AppendOnce::Done(IdempotentAppend::Appended(entry_id(&value)?)));
    }
    AppendOnce::of(KeyValue::of(&value, body))
}

impl AppendOnce {
    /// That of a key which was known; `None` for a value of another shape.
    pub fn of(value: KeyValue<'_>) -> Option<Self> {
        Some(match value {
            KeyValue::Entry(entry) => Self::Done(IdempotentAppend::Replayed(entry_id(entry)?)),
            KeyValue::Registration(count) => Self::Registered(count),
            KeyValue::OtherBody => Self::Done(IdempotentAppend::KeyConflict),
        })
    }
}

/// The id in the record of a reading.
pub(super) fn entry_id(text: &[u8]) -> Option<StreamId> {
    str::from_utf8(text).ok()?.parse().ok()
}
