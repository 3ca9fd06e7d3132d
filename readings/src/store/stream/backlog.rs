//! The backlog of a consumer group: its unread and pending entries.
//!
//! The `lag` of `XINFO GROUPS` may be wrong: Redis 7.0 does not write the number of entries read to
//! replicas and into the append-only file, so it is too high for ever after a failover, after a restart
//! following `BGREWRITEAOF`, and after an `XTRIM` of unread entries; and `XGROUP SETID … ENTRIESREAD` sets
//! it to any number. So unread entries are counted, where needed over several samples
//! ([`UnreadTracker`](super::unread::UnreadTracker)).

use std::sync::LazyLock;

use redis::{Script, Value};

use super::cache::StreamCache;
use super::info::{self, GroupInfo};
use super::reading_stream::ReadingStream;
use super::script_library::{MAX_COUNTED, MAX_COUNTED_BYTES, with_library};
use super::unread::{GroupSample, Unread};
use crate::store::connection::reply;
use crate::store::error::StoreResult;
use crate::store::stream_id::StreamId;

/// Samples in a row at most, while the number is only a bound; each continues the count of the one
/// before. Too low and a large backlog is known late after Redis was restarted; too high and a request
/// waits for it (10 take some 15 ms).
const MAX_SAMPLES: usize = 10;

/// Samples a group. Replies with the length of the stream, the group, the number of entries counted after
/// an id (by default the last delivered one), the last counted id, whether no more follow, whether
/// delivered entries are in the stream, on demand the entries ever added, and the bytes of the counted and
/// of the previewed entries. Where the user may not read entries, "no more follow" is concluded from the
/// last generated id.
static SAMPLE: LazyLock<Script> = LazyLock::new(|| {
    with_library(
        "local length, found = redis.call('XLEN', KEYS[1]), group(ARGV[1])
         if not found then return {length} end
         local delivered, most = found['last-delivered-id'], tonumber(ARGV[3])
         local counted, last, all, bytes
         if most > 0 then
             local after = ARGV[2] == '' and delivered or ARGV[2]
             counted, last, all, bytes = count(after, most, tonumber(ARGV[4]))
         end
         local added, below, shown = false, true, 0
         if ARGV[5] == '1' or (most > 0 and not counted) then
             local stream = named(redis.call('XINFO', 'STREAM', KEYS[1]))
             added = stream['entries-added'] or false
             shown = size(stream['first-entry']) + size(stream['last-entry'])
             all = all or stream['last-generated-id'] == delivered
         end
         if counted and not all then
             local entry = redis.call('XRANGE', KEYS[1], '-', delivered, 'COUNT', 1)[1]
             below, bytes = entry ~= nil, bytes + size(entry)
         end
         local read, lag = found['entries-read'] or false, found.lag or false
         return {length, {'name', found.name, 'consumers', found.consumers, 'pending', found.pending,
             'last-delivered-id', delivered, 'entries-read', read, 'lag', lag},
             counted or false, last or '', all and 1 or 0, below and 1 or 0, added, bytes or 0, shown}",
    )
});

/// The backlog of a group.
#[derive(Debug, Clone, Default)]
pub struct GroupBacklog {
    /// The group, with its pending entries.
    pub group: GroupInfo,
    /// Its unread entries.
    pub unread: Unread,
    /// Entries in the stream, read or not.
    pub stream_length: u64,
    /// Entries ever added to the stream; `None` where that was not requested, and before Redis 7.
    pub entries_added: Option<u64>,
}

impl GroupBacklog {
    /// Unprocessed entries: unread or pending. Pending entries that were deleted from the stream cannot be
    /// processed any more, so the stream's length is a bound.
    #[must_use]
    pub fn unprocessed(&self) -> u64 {
        self.stream_length.min(self.unread.entries.saturating_add(self.group.pending))
    }

    /// Entries that were processed since the stream was created: delivered and acknowledged, or removed
    /// before; `None` where that is unknown.
    #[must_use]
    pub fn processed(&self) -> Option<u64> {
        let unprocessed = self.unread.entries + self.group.pending;
        let added = self.entries_added.filter(|_| self.unread.is_exact);
        added.map(|added| added.saturating_sub(unprocessed))
    }
}

impl ReadingStream {
    /// The backlog of this stream's own consumer group; `None` when the group does not exist.
    ///
    /// # Errors
    /// When the server replied with an error or not at all.
    pub async fn backlog(&self) -> StoreResult<Option<GroupBacklog>> {
        self.backlog_of(self.keys().group(), false).await
    }

    /// As [`ReadingStream::backlog`], with the entries ever added.
    ///
    /// # Errors
    /// When the server replied with an error or not at all.
    pub async fn backlog_and_entries_added(&self) -> StoreResult<Option<GroupBacklog>> {
        self.backlog_of(self.keys().group(), true).await
    }

    /// The backlog of each consumer group of the stream; empty without a stream.
    ///
    /// # Errors
    /// When the server replied with an error or not at all.
    pub async fn backlogs(&self) -> StoreResult<Vec<GroupBacklog>> {
        let mut backlogs = Vec::new();
        for group in self.groups().await? {
            backlogs.extend(self.backlog_of(&group.name, false).await?);
        }
        Ok(backlogs)
    }

    async fn backlog_of(&self, group: &str, with_added: bool) -> StoreResult<Option<GroupBacklog>> {
        // Each sample continues the count of the one before, until the number is exact.
        for samples in 1.. {
            let Some((sample, unread)) = self.sample(group, with_added).await? else { break };
            // Once deliveries have overtaken the count, the bound is 0: it is worth some more samples.
            let is_enough =
                samples >= MAX_SAMPLES && (unread.entries > 0 || samples >= 2 * MAX_SAMPLES);
            if unread.is_exact || sample.counted.is_none() || is_enough {
                let GroupSample { length: stream_length, entries_added, group, .. } = sample;
                return Ok(Some(GroupBacklog { group, unread, stream_length, entries_added }));
            }
        }
        Ok(None)
    }

    /// Takes one sample. While scripts have read large entries lately, it counts none.
    async fn sample(
        &self,
        group: &str,
        with_added: bool,
    ) -> StoreResult<Option<(GroupSample, Unread)>> {
        const OPERATION: &str = "XINFO backlog";
        let StreamCache { trackers, counting, previews, .. } = self.cache();
        let generation = self.generation();
        let after = trackers.with(group, generation, |tracker| tracker.continues_after());
        let mut script = SAMPLE.key(self.keys().stream());
        script.arg(group).arg(after.map(|id| id.to_string()).unwrap_or_default());
        script.arg(if counting.allows() { MAX_COUNTED } else { 0 });
        script.arg(MAX_COUNTED_BYTES).arg(u8::from(with_added && previews.allows()));
        let reply = self.connection().eval(OPERATION, &script).await?;
        let parts =
            reply::array(reply).ok_or_else(|| self.connection().unexpected_reply(OPERATION))?;
        // Only the length: the group does not exist.
        if parts.len() == 1 {
            trackers.remove(group);
            return Ok(None);
        }
        let sample =
            parse(parts, after).ok_or_else(|| self.connection().unexpected_reply(OPERATION))?;
        counting.charge(sample.counted_bytes);
        previews.charge(sample.preview_bytes);
        let unread = trackers.with(group, generation, |tracker| tracker.update(&sample));
        Ok(Some((sample, unread)))
    }
}

/// The reply of the script, which counted after this id.
fn parse(parts: Vec<Value>, after: Option<StreamId>) -> Option<GroupSample> {
    let [length, group, counted, last, is_complete, delivered, added, counted_bytes, preview_bytes] =
        <[Value; 9]>::try_from(parts).ok()?;
    let group = info::group(group)?;
    let last_counted = if counted == Value::Nil { StreamId::ZERO } else { reply::stream_id(last)? };
    Some(GroupSample {
        length: reply::integer(&length)?,
        counted_after: after.unwrap_or(group.last_delivered_id),
        group,
        counted: reply::integer(&counted),
        last_counted,
        is_complete: reply::integer(&is_complete)? == 1,
        has_delivered: reply::integer(&delivered)? == 1,
        entries_added: reply::integer(&added),
        counted_bytes: reply::integer(&counted_bytes)?,
        preview_bytes: reply::integer(&preview_bytes)?,
    })
}
