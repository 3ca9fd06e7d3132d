//! Describes the stream (`XINFO STREAM`), with previews of its first and last entry.
//!
//! The previews are cut in Redis: entries of other writers may have 100 MB, and the description is read
//! periodically.

use std::sync::LazyLock;

use redis::{Script, Value};

use super::info::{EntryPreview, StreamInfo};
use super::reading_stream::ReadingStream;
use super::script_library::with_library;
use crate::store::connection::reply;
use crate::store::error::StoreResult;

/// Bytes of an entry's names and values in a preview. Too low and a long reading is not shown whole; too
/// high and entries of other writers make responses large.
const PREVIEW_BYTES: usize = 4_096;

/// Replies with the length, the entries ever added, and of the first and last entry the id, all bytes,
/// the previewed fields and the number of the others. A cut value ends with its length.
static DESCRIBE: LazyLock<Script> = LazyLock::new(|| {
    with_library(
        "local function cut(entry)
             if not entry then return false end
             local fields, budget = {}, tonumber(ARGV[1])
             for i = 1, #entry[2], 2 do
                 if budget <= 0 then break end
                 local name, value = shorten(entry[2][i], budget), entry[2][i + 1]
                 fields[#fields + 1] = name
                 fields[#fields + 1] = shorten(value, math.max(budget - #name, 0))
                 budget = budget - #name - #value
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

impl ReadingStream {
    /// Describes the stream; `None` when it does not exist. Where the first or the last entry is large,
    /// both may be some seconds old.
    ///
    /// # Errors
    /// When the server replied with an error or not at all.
    pub async fn info(&self) -> StoreResult<Option<StreamInfo>> {
        let cache = self.cache();
        let mut last = cache.last_info.lock().await;
        // Large entries were read lately: only the length is read, which is cheap.
        if !cache.previews.allows()
            && let Some(last) = last.clone()
        {
            let length = self.length().await?;
            return Ok(Some(StreamInfo { length, entries_added: None, ..last }));
        }
        let info = self.describe().await?;
        let ends = info.iter().flat_map(|info| [&info.first_entry, &info.last_entry]);
        cache.previews.charge(ends.flatten().map(|entry| entry.bytes).sum());
        last.clone_from(&info);
        Ok(info)
    }

    /// The bytes that an entry is expected to have: those of the larger one of the first and the last.
    ///
    /// # Errors
    /// When the server replied with an error or not at all.
    pub async fn estimated_entry_bytes(&self) -> StoreResult<usize> {
        let info = self.info().await?.unwrap_or_default();
        let bytes = info.first_entry.iter().chain(&info.last_entry).map(|entry| entry.bytes);
        Ok(usize::try_from(bytes.max().unwrap_or_default()).unwrap_or(usize::MAX))
    }

    async fn describe(&self) -> StoreResult<Option<StreamInfo>> {
        const OPERATION: &str = "XINFO STREAM";
        let mut script = DESCRIBE.key(self.keys().stream());
        script.arg(PREVIEW_BYTES);
        let reply = match self.connection().eval(OPERATION, &script).await {
            Err(error) if error.is_missing_key() => return Ok(None),
            reply => reply?,
        };
        parse(reply).map(Some).ok_or_else(|| self.connection().unexpected_reply(OPERATION))
    }
}

fn parse(reply: Value) -> Option<StreamInfo> {
    let [length, added, first, last] = <[Value; 4]>::try_from(reply::array(reply)?).ok()?;
    Some(StreamInfo {
        length: reply::integer(&length)?,
        entries_added: reply::integer(&added),
        first_entry: preview(first),
        last_entry: preview(last),
    })
}

fn preview(entry: Value) -> Option<EntryPreview> {
    let [id, bytes, fields, hidden] = <[Value; 4]>::try_from(reply::array(entry)?).ok()?;
    let text = |value| Some(String::from_utf8_lossy(&reply::bytes(value)?).into_owned());
    let fields = reply::map(fields)?.into_iter();
    let mut fields: Vec<_> =
        fields.filter_map(|(n, value)| Some((text(n)?, text(value)?))).collect();
    match reply::integer(&hidden)? {
        0 => {}
        hidden => fields.push(("…".to_owned(), format!("{hidden} more fields"))),
    }
    Some(EntryPreview { id: reply::stream_id(id)?, fields, bytes: reply::integer(&bytes)? })
}
