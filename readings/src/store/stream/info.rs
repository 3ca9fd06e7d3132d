//! Replies of `XINFO` on the stream, its groups and their consumers, as plain data.

use std::time::Duration;

use redis::Value;

use crate::store::connection::reply;
use crate::store::stream_id::StreamId;

/// A consumer group as `XINFO GROUPS` describes it.
#[derive(Debug, Default, Clone)]
pub struct GroupInfo {
    /// Its name.
    pub name: String,
    /// Its consumers, running or not.
    pub consumers: u64,
    /// Entries delivered and not acknowledged.
    pub pending: u64,
    /// The `lag`: unread entries as Redis counts them, which may be wrong, or unknown to Redis. See
    /// [`ReadingStream::backlog`](super::ReadingStream::backlog) for the true number.
    pub reported_lag: Option<i64>,
    /// Entries ever delivered as Redis counts them, which may be wrong, or unknown to Redis.
    pub entries_read: Option<u64>,
    /// The highest id that was delivered.
    pub last_delivered_id: StreamId,
}

/// A consumer as `XINFO CONSUMERS` describes it.
#[derive(Debug, Default, Clone)]
pub struct ConsumerInfo {
    /// Its name.
    pub name: String,
    /// Entries delivered to it and not acknowledged.
    pub pending: u64,
    /// Time since its last read, claim or heartbeat.
    pub idle: Duration,
}

/// The stream as `XINFO STREAM` describes it.
#[derive(Debug, Clone, Default)]
pub struct StreamInfo {
    /// Entries in it, read or not.
    pub length: u64,
    /// Entries ever added to it; `None` before Redis 7.
    pub entries_added: Option<u64>,
    /// The oldest entry.
    pub first_entry: Option<EntryPreview>,
    /// The newest entry.
    pub last_entry: Option<EntryPreview>,
}

/// The beginning of a stream entry, to be read by people.
#[derive(Debug, Clone)]
pub struct EntryPreview {
    /// The entry's id.
    pub id: StreamId,
    /// Its first fields, 4 KB of them; bytes that are not UTF-8 are replaced.
    pub fields: Vec<(String, String)>,
    /// Bytes of all its field names and values.
    pub bytes: u64,
}

/// Parses one element of the reply of `XINFO CONSUMERS`.
pub(super) fn consumer(value: Value) -> Option<ConsumerInfo> {
    let mut info = ConsumerInfo::default();
    for (name, value) in reply::map(value)? {
        match reply::text(name)?.as_str() {
            "name" => info.name = reply::text(value)?,
            "pending" => info.pending = reply::integer(&value)?,
            "idle" => info.idle = Duration::from_millis(reply::integer(&value)?),
            _ => {}
        }
    }
    Some(info)
}

/// Parses one element of the reply of `XINFO GROUPS`.
pub(super) fn group(value: Value) -> Option<GroupInfo> {
    let mut info = GroupInfo::default();
    for (name, value) in reply::map(value)? {
        match reply::text(name)?.as_str() {
            "name" => info.name = reply::text(value)?,
            "consumers" => info.consumers = reply::integer(&value)?,
            "pending" => info.pending = reply::integer(&value)?,
            "lag" => info.reported_lag = signed(&value),
            "entries-read" => info.entries_read = reply::integer(&value),
            "last-delivered-id" => info.last_delivered_id = reply::stream_id(value)?,
            _ => {}
        }
    }
    Some(info)
}

/// Redis reports a lag below 0 where `XGROUP SETID … ENTRIESREAD` gave more entries than there were.
const fn signed(value: &Value) -> Option<i64> {
    match value {
        Value::Int(number) => Some(*number),
        _ => None,
    }
}
