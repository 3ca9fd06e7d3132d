//! Appending a reading once, however often it is sent with one key.

use std::sync::LazyLock;
use std::time::Duration;

use redis::{Script, Value};
use sha2::{Digest, Sha256};

use super::reading_stream::{ReadingStream, milliseconds};
use super::trace_context::Sending;
use crate::reading::Reading;
use crate::store::StreamId;
use crate::store::codec;
use crate::store::connection::reply;
use crate::store::error::StoreResult;

/// Bytes of a key's digest that are kept: at 2^40 keys the chance that two are taken for one is below
/// one in ten thousand.
const KEY_BYTES: usize = 12;

/// Bytes of a body's digest that are kept: they only tell two bodies of one key apart.
const BODY_BYTES: usize = 8;

/// Hashes that the keys of one period are spread over: Redis keeps small ones compactly (36 bytes a
/// key instead of 121).
const SHARDS: u16 = 1_024;

/// Gives what is known of the key, in this period or the one before; if nothing is, appends the entry
/// and notes the key. If the entry is refused (no memory), the key is not noted.
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
        let (key, body): ([u8; KEY_BYTES], _) =
            (digest(key.as_bytes()), digest::<BODY_BYTES>(body));
        let [first, second, ..] = key;
        Self { key, body, shard: u16::from_be_bytes([first, second]) % SHARDS }
    }
}

fn digest<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut digest = [0; N];
    for (to, from) in digest.iter_mut().zip(Sha256::digest(bytes)) {
        *to = from;
    }
    digest
}

/// What became of a reading that was sent with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppendedOnce {
    /// The entry that was appended for it now.
    Now(StreamId),
    /// The entry that was appended for it the first time.
    Before(StreamId),
    /// The key stands for another body.
    OtherBody,
}

impl AppendedOnce {
    const fn entry(&self) -> Option<StreamId> {
        match self {
            Self::Now(id) | Self::Before(id) => Some(*id),
            Self::OtherBody => None,
        }
    }
}

impl ReadingStream {
    /// Appends an accepted reading unless its key is known from the last `ttl` at least; then gives
    /// the entry that was appended the first time.
    ///
    /// # Errors
    /// When the server did not take it, or did not say so; it can be sent again with the same key.
    pub async fn append_once(
        &self,
        reading: &Reading,
        ingested_at: &str,
        key: &IdempotencyKey,
        ttl: Duration,
    ) -> StoreResult<AppendedOnce> {
        const OPERATION: &str = "XADD once";
        let period = period(ttl);
        let keys = self.keys();
        let mut script = APPEND_ONCE.key(keys.stream());
        script.key(keys.idempotency(period, key.shard));
        script.key(keys.idempotency(period.saturating_sub(1), key.shard));
        script.arg(&key.key).arg(&key.body).arg(milliseconds(ttl * 2));
        for (name, value) in codec::stream_fields(reading, ingested_at) {
            script.arg(name).arg(value.as_bytes());
        }
        let sending = Sending::begin(keys.stream());
        if let Some((name, value)) = sending.as_ref().map(Sending::field) {
            script.arg(name).arg(value);
        }
        let adding = async {
            let reply = self.connection().run(OPERATION, &script).await?;
            outcome(reply, &key.body).ok_or_else(|| self.connection().unexpected_reply(OPERATION))
        };
        Sending::around(sending, adding, AppendedOnce::entry).await
    }
}

/// Counts periods of the length of `ttl`: a key is looked for in the present and the last one, so it
/// is known for one to two of them. The clock is ours; senders of one key may reach servers whose
/// clocks differ by less than the period.
fn period(ttl: Duration) -> u64 {
    let now = chrono::Utc::now().timestamp_millis();
    u64::try_from(now).unwrap_or_default() / milliseconds(ttl).max(1)
}

fn outcome(reply: Value, body: &[u8]) -> Option<AppendedOnce> {
    let [is_new, value] = <[Value; 2]>::try_from(reply::array(reply)?).ok()?;
    let value = reply::bytes(value)?;
    if reply::integer(&is_new)? == 1 {
        return Some(AppendedOnce::Now(id(&value)?));
    }
    match value.strip_prefix(body) {
        Some(value) => Some(AppendedOnce::Before(id(value)?)),
        None => Some(AppendedOnce::OtherBody),
    }
}

fn id(text: &[u8]) -> Option<StreamId> {
    str::from_utf8(text).ok()?.parse().ok()
}
