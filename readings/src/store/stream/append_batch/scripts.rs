//! The scripts that append a chunk, and their replies.

use std::sync::LazyLock;

use redis::{Script, Value};

use crate::store::codec;
use crate::store::connection::reply;
use crate::store::stream_id::StreamId;

/// Values of a reading: the fields of an entry that differ from reading to reading. The last one of the contract,
/// `ingested_at`, does not.
pub(super) const VALUES: usize = 4;

/// Arguments before the values: time and trace context.
pub(super) const COMMON: usize = 2;

/// Arguments before those: field, field of the chunk before, body, time to live.
pub(super) const OF_KEY: usize = 4;

/// Appends the readings whose values begin at this argument, and sets `ids` to the ids of the first and the last entry,
/// or to an empty text.
fn append_from(begin: usize) -> String {
    let [site, device, power, timestamp, ingested_at] = codec::FIELD_NAMES;
    let (time, trace) = (begin - 2, begin - 1);
    let traceparent = instrumentation::trace::TRACEPARENT;
    let xadd = format!(
        "last = redis.call('XADD', KEYS[1], '*', '{site}', ARGV[i], '{device}', ARGV[i + 1], '{power}', ARGV[i + 2], \
         '{timestamp}', ARGV[i + 3], '{ingested_at}', ARGV[{time}]"
    );
    format!(
        "local first, last
         for i = {begin}, #ARGV, {VALUES} do
             if ARGV[{trace}] == '' then
                 {xadd})
             else
                 {xadd}, '{traceparent}', ARGV[{trace}])
             end
             first = first or last
         end
         local ids = first and first .. ' ' .. last or ''"
    )
}

/// Appends the readings and returns the ids.
pub(super) static APPEND: LazyLock<Script> =
    LazyLock::new(|| Script::new(&format!("{}\nreturn ids", append_from(COMMON + 1))));

/// Returns the record of the chunk, of this window or the one before. Without one, and if the chunk before has a
/// record of the same body, appends the readings and sets the record, in this order: if Redis rejects an entry, the
/// record is not set.
pub(super) static APPEND_ONCE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(&format!(
        "local function record(field)
             return redis.call('HGET', KEYS[2], field) or redis.call('HGET', KEYS[3], field)
         end
         local known = record(ARGV[1])
         if known then return {{0, known}} end
         if ARGV[2] ~= '' then
             local before = record(ARGV[2])
             if not before then return {{2, ''}} end
             if string.sub(before, 1, #ARGV[3]) ~= ARGV[3] then return {{0, before}} end
         end
         {}
         redis.call('HSET', KEYS[2], ARGV[1], ARGV[3] .. ids)
         redis.call('PEXPIRE', KEYS[2], ARGV[4])
         return {{1, ids}}",
        append_from(OF_KEY + COMMON + 1)
    ))
});

/// The entries of the first and the last reading of a chunk.
pub(super) type Ids = (StreamId, StreamId);

/// The outcome of a script.
pub(super) enum Outcome {
    /// Appended now, or by an earlier request with the key. A chunk without readings has no ids.
    Recorded { ids: Option<Ids>, is_new: bool },
    /// The key was used with another body.
    Conflict,
}

impl Outcome {
    pub const fn first(&self) -> Option<StreamId> {
        match self {
            Self::Recorded { ids: Some((first, _)), .. } => Some(*first),
            _ => None,
        }
    }

    /// The reply of [`APPEND`]; `None` for one of another shape.
    pub fn appended(reply: Value) -> Option<Self> {
        Self::recorded(&reply::bytes(reply)?, true)
    }

    /// The reply of [`APPEND_ONCE`] for this body; `None` for one of another shape, and where the chunk before has no
    /// record, although it was confirmed: Redis has lost it.
    pub fn appended_once(reply: Value, body: &[u8]) -> Option<Self> {
        let [outcome, value] = <[Value; 2]>::try_from(reply::array(reply)?).ok()?;
        let value = reply::bytes(value)?;
        match (reply::integer(&outcome)?, value.strip_prefix(body)) {
            (1, _) => Self::recorded(&value, true),
            (0, Some(ids)) => Self::recorded(ids, false),
            (0, None) => Some(Self::Conflict),
            _ => None,
        }
    }

    fn recorded(ids: &[u8], is_new: bool) -> Option<Self> {
        if ids.is_empty() {
            return Some(Self::Recorded { ids: None, is_new });
        }
        let (first, last) = str::from_utf8(ids).ok()?.split_once(' ')?;
        let ids = Some((first.parse().ok()?, last.parse().ok()?));
        Some(Self::Recorded { ids, is_new })
    }
}
