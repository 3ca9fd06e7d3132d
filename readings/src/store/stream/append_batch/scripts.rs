//! The scripts that append a chunk, and their replies.

use std::sync::LazyLock;

use redis::{Script, Value};

use crate::store::codec;
use crate::store::connection::reply;
use crate::store::partition::PartitionCount;
use crate::store::stream::key_value::KeyValue;
use crate::store::stream_id::StreamId;

/// Arguments of every script: time, trace context, values.
pub(super) const COMMON: usize = 3;

/// Arguments after those: field, field of the chunk before, body, time to live.
pub(super) const OF_KEY: usize = 4;

/// Names the common arguments and commands: what is looked up once is not looked up for each reading.
const BEGIN: &str = "local call, stream, now, trace = redis.call, KEYS[1], ARGV[1], ARGV[2]
     local values = cmsgpack.unpack(ARGV[3])
     local first, last";

/// Appends the reading whose values begin at the index `i`, and sets `id` to the id of its entry.
fn append_reading() -> String {
    let [site, device, power, timestamp, ingested_at] = codec::FIELD_NAMES;
    let traceparent = instrumentation::trace::TRACEPARENT;
    let xadd = format!(
        "id = call('XADD', stream, '*', '{site}', values[i], '{device}', values[i + 1], '{power}', values[i + 2], \
         '{timestamp}', values[i + 3], '{ingested_at}', now"
    );
    format!(
        "if trace == '' then
             {xadd})
         else
             {xadd}, '{traceparent}', trace)
         end"
    )
}

/// Appends the readings, and sets `ids` to the ids of the first and the last entry, or to an empty text.
fn append_all() -> String {
    format!(
        "for i = 1, #values, 4 do
             local id
             {}
             first = first or id
             last = id
         end
         local ids = first and first .. ' ' .. last or ''",
        append_reading()
    )
}

/// Appends the readings and returns the ids.
pub(super) static APPEND: LazyLock<Script> =
    LazyLock::new(|| Script::new(&format!("{BEGIN}\n{}\nreturn ids", append_all())));

/// Returns the record of the chunk, of this window or the one before. Without one, and if the chunk before has a
/// record of the same body, appends the readings and sets the record, in this order: if Redis rejects an entry, the
/// record is not set.
pub(super) static APPEND_ONCE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(&format!(
        "local function record(field)
             return redis.call('HGET', KEYS[2], field) or redis.call('HGET', KEYS[3], field)
         end
         local known = record(ARGV[4])
         if known then return {{0, known}} end
         if ARGV[5] ~= '' then
             local before = record(ARGV[5])
             if not before then return {{2, ''}} end
             if string.sub(before, 1, #ARGV[6]) ~= ARGV[6] then return {{0, before}} end
         end
         {BEGIN}
         {}
         redis.call('HSET', KEYS[2], ARGV[4], ARGV[6] .. ids)
         redis.call('PEXPIRE', KEYS[2], ARGV[7])
         return {{1, ids}}",
        append_all()
    ))
});

/// Appends each reading whose key has no record, and sets its record, in this order: if Redis rejects an entry, the
/// readings before it have their records, and the others none. Returns the ids of the first and the last reading, new or
/// not, how many were not new, and the numbers of those whose keys have records of other bodies; the record of a
/// delivery is replaced instead. Last the numbers and values of keys that are registered for a partition, of which
/// nothing was appended.
///
/// The time to live of a hash is set once in a script: records are set in it as long as its window lasts, so that which
/// of them sets it does not matter.
pub(super) static APPEND_ROWS_ONCE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(&format!(
        "{BEGIN}
         local keys, replayed, conflicts, expires, registered = cmsgpack.unpack(ARGV[4]), 0, {{}}, {{}}, {{}}
         local k = 1
         for i = 1, #values, 4 do
             local field, body, hash, id = keys[k], keys[k + 1], 2 * keys[k + 2], nil
             k = k + 3
             local replaces = hash < 0
             if replaces then hash = -hash end
             local known = hash > 0 and (call('HGET', KEYS[hash], field) or call('HGET', KEYS[hash + 1], field))
             local is_same = known and string.sub(known, 1, #body) == body
             if not known or replaces and not is_same then
                 {}
                 if hash > 0 then
                     call('HSET', KEYS[hash], field, body .. id)
                     if not expires[hash] then
                         call('PEXPIRE', KEYS[hash], ARGV[5])
                         expires[hash] = true
                     end
                 end
             elseif is_same and string.match(known, '@%d+$') then
                 registered[#registered + 1] = (i - 1) / 4
                 registered[#registered + 1] = known
             elseif is_same then
                 -- The record of a delivery may have more before the id than was compared.
                 id = not replaces and string.sub(known, #body + 1) or nil
                 replayed = replayed + 1
             else
                 conflicts[#conflicts + 1] = (i - 1) / 4
             end
             if id then
                 first = first or id
                 last = id
             end
         end
         return {{first and first .. ' ' .. last or '', replayed, conflicts, registered}}",
        append_reading()
    ))
});

/// The entries of the first and the last reading of a chunk.
pub(super) type Ids = (StreamId, StreamId);

/// What a script did.
#[derive(Debug, Default)]
pub(super) struct Recorded {
    /// A chunk without readings has none.
    pub ids: Option<Ids>,
    /// Number of readings that were in the stream before.
    pub replayed: usize,
    /// The numbers of the readings whose keys were used with other bodies.
    pub conflicts: Vec<usize>,
    /// The numbers of the readings whose keys are registered for a partition, and the values of those.
    pub registered: Vec<(usize, Vec<u8>)>,
}

/// The outcome of a script.
pub(super) enum Outcome {
    /// The readings are in the stream, except for conflicts.
    Recorded(Recorded),
    /// The key of the request was used with another body.
    Conflict,
    /// The key of the request is registered for partitions of this number of them.
    Registered(PartitionCount),
}

impl Outcome {
    pub const fn first(&self) -> Option<StreamId> {
        match self {
            Self::Recorded(Recorded { ids: Some((first, _)), .. }) => Some(*first),
            _ => None,
        }
    }

    /// The reply of [`APPEND`]; `None` for one of another shape.
    pub fn appended(reply: Value) -> Option<Self> {
        Self::recorded(&reply::bytes(reply)?, 0)
    }

    /// The reply of [`APPEND_ONCE`] for this body; `None` for one of another shape, and where the chunk before has no
    /// record, although it was confirmed: Redis has lost it.
    pub fn appended_once(reply: Value, body: &[u8], readings: usize) -> Option<Self> {
        let [outcome, value] = <[Value; 2]>::try_from(reply::array(reply)?).ok()?;
        let value = reply::bytes(value)?;
        match reply::integer(&outcome)? {
            1 => Self::recorded(&value, 0),
            0 => match KeyValue::of(&value, body) {
                KeyValue::Entry(ids) => Self::recorded(ids, readings),
                KeyValue::Registration(count) => Some(Self::Registered(count)),
                KeyValue::OtherBody => Some(Self::Conflict),
            },
            _ => None,
        }
    }

    /// The reply of [`APPEND_ROWS_ONCE`]; `None` for one of another shape.
    pub fn appended_rows_once(reply: Value) -> Option<Self> {
        let parts = <[Value; 4]>::try_from(reply::array(reply)?).ok()?;
        let [ids, replayed, conflicts, registered] = parts;
        let number = |value: &Value| usize::try_from(reply::integer(value)?).ok();
        let conflicts = reply::array(conflicts)?.iter().map(number).collect::<Option<_>>()?;
        let ids = Self::ids(&reply::bytes(ids)?)?;
        let registered = reply::numbered(registered)?;
        Some(Self::Recorded(Recorded { ids, replayed: number(&replayed)?, conflicts, registered }))
    }

    fn recorded(ids: &[u8], replayed: usize) -> Option<Self> {
        let ids = Self::ids(ids)?;
        Some(Self::Recorded(Recorded { ids, replayed, ..Recorded::default() }))
    }

    #[allow(clippy::option_option, reason = "no ids, and a reply of another shape")]
    fn ids(ids: &[u8]) -> Option<Option<Ids>> {
        if ids.is_empty() {
            return Some(None);
        }
        let (first, last) = str::from_utf8(ids).ok()?.split_once(' ')?;
        Some(Some((first.parse().ok()?, last.parse().ok()?)))
    }
}
