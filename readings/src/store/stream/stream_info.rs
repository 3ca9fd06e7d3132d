//! The stream as `XINFO STREAM` describes it, with its first and last entry cut to some KB.
//!
//! They are cut in Redis: entries of other writers may be of 100 MB, and this is asked for again and
//! again.

use std::sync::LazyLock;

use redis::{Script, Value};

use super::reading_stream::ReadingStream;
use super::script_library::with_library;
use crate::store::StreamId;
use crate::store::connection::reply;
use crate::store::error::StoreResult;

/// Bytes of an entry's names and values that are shown. Too low and a long reading is not shown whole;
/// too high and entries of other writers make answers large.
const SHOWN_BYTES: usize = 4_096;

/// The length, the entries ever added, and of the first and last entry the id, all bytes, the fields
/// that are shown and the number of those that are not. A longer value ends with its length.
static DESCRIBE: LazyLock<Script> = LazyLock::new(|| {
    with_library(
        "local function cut(entry)
             if not entry then return false end
             local fields, room = {}, tonumber(ARGV[1])
             for i = 1, #entry[2], 2 do
                 if room <= 0 then break end
                 local name, value = shorten(entry[2][i], room), entry[2][i + 1]
                 fields[#fields + 1] = name
                 fields[#fields + 1] = shorten(value, math.max(room - #name, 0))
                 room = room - #name - #value
             end
             return {entry[1], size(entry), fields, (#entry[2] - #fields) / 2}
         end
         local described = redis.pcall('XINFO', 'STREAM', KEYS[1])
         if described.err then return described end
         local stream = named(described)
         local added = stream['entries-added'] or false
         return {stream.length, added, cut(stream['first-entry']), cut(stream['last-entry'])}",
    )
});

/// The stream.
#[derive(Debug, Clone, Default)]
pub struct StreamStatus {
    /// Entries in it, read or not.
    pub length: u64,
    /// Entries that were ever added to it; `None` before Redis 7.
    pub entries_added: Option<u64>,
    /// The oldest entry.
    pub first_entry: Option<DisplayedEntry>,
    /// The newest entry.
    pub last_entry: Option<DisplayedEntry>,
}

/// A stream entry for people to look at.
#[derive(Debug, Clone)]
pub struct DisplayedEntry {
    /// The entry's id.
    pub id: StreamId,
    /// Its fields, 4 KB of them; bytes that are no UTF-8 are replaced.
    pub fields: Vec<(String, String)>,
    /// The bytes of all its names and values.
    pub bytes: u64,
}

impl ReadingStream {
    /// Describes the stream; `None` when there is none. Where the first or the last entry is large, both
    /// may be those of some seconds ago.
    ///
    /// # Errors
    /// When the server did not answer or refused.
    pub async fn status(&self) -> StoreResult<Option<StreamStatus>> {
        let mut known = self.looking().ends.lock().await;
        if !self.looking().shown.are_affordable()
            && let Some(known) = known.clone()
        {
            let length = self.length().await?;
            return Ok(Some(StreamStatus { length, entries_added: None, ..known }));
        }
        let status = self.describe().await?;
        let ends = status.iter().flat_map(|status| [&status.first_entry, &status.last_entry]);
        self.looking().shown.spent(ends.flatten().map(|entry| entry.bytes).sum());
        known.clone_from(&status);
        Ok(status)
    }

    /// The bytes that an entry may have: those of the larger one of the first and the last.
    ///
    /// # Errors
    /// When the server did not answer or refused.
    pub async fn likely_entry_bytes(&self) -> StoreResult<usize> {
        let status = self.status().await?.unwrap_or_default();
        let bytes = status.first_entry.iter().chain(&status.last_entry).map(|entry| entry.bytes);
        Ok(usize::try_from(bytes.max().unwrap_or_default()).unwrap_or(usize::MAX))
    }

    async fn describe(&self) -> StoreResult<Option<StreamStatus>> {
        const OPERATION: &str = "XINFO STREAM";
        let mut script = DESCRIBE.key(self.keys().stream());
        script.arg(SHOWN_BYTES);
        let reply = match self.connection().run(OPERATION, &script).await {
            Err(error) if error.is_missing_key() => return Ok(None),
            reply => reply?,
        };
        status(reply).map(Some).ok_or_else(|| self.connection().unexpected_reply(OPERATION))
    }
}

fn status(reply: Value) -> Option<StreamStatus> {
    let [length, added, first, last] = <[Value; 4]>::try_from(reply::array(reply)?).ok()?;
    Some(StreamStatus {
        length: reply::integer(&length)?,
        entries_added: reply::integer(&added),
        first_entry: displayed(first),
        last_entry: displayed(last),
    })
}

fn displayed(entry: Value) -> Option<DisplayedEntry> {
    let [id, bytes, fields, hidden] = <[Value; 4]>::try_from(reply::array(entry)?).ok()?;
    let text = |value| Some(String::from_utf8_lossy(&reply::bytes(value)?).into_owned());
    let fields = reply::map(fields)?.into_iter();
    let mut fields: Vec<_> =
        fields.filter_map(|(n, value)| Some((text(n)?, text(value)?))).collect();
    match reply::integer(&hidden)? {
        0 => {}
        hidden => fields.push(("…".to_owned(), format!("{hidden} more fields"))),
    }
    Some(DisplayedEntry { id: reply::stream_id(id)?, fields, bytes: reply::integer(&bytes)? })
}
