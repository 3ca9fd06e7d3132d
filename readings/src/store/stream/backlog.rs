//! How much is on its way: what a consumer group has not been delivered, and what is pending.
//!
//! All who ask ask here. The `lag` that `XINFO GROUPS` reports is no answer: Redis 7.0 does not write
//! the count of entries read to replicas and into the append-only file, so after a failover, or a
//! restart after `BGREWRITEAOF`, it is too high for ever; so it is after an `XTRIM` of unread entries,
//! and with `XGROUP SETID … ENTRIESREAD` it is what was given there.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use redis::{Script, Value};

use super::group_info::{self, GroupStatus};
use super::looking::Looking;
use super::reading_stream::ReadingStream;
use super::script_library::{MOST_COUNTED, MOST_COUNTED_BYTES, with_library};
use super::tally::{Look, Tally};
use crate::store::StreamId;
use crate::store::connection::Epoch;
use crate::store::connection::reply;
use crate::store::error::StoreResult;

/// Looks in a row at most, as long as the number is only bounded: each counts on from where the last
/// stopped. Too low and a large backlog is known late after Redis was restarted; too high and a request
/// waits for it (some 15 ms).
const LOOKS: usize = 10;

/// Groups of which something is remembered. Too low and large backlogs of many groups are counted again
/// and again; too high and names of groups that are long gone are kept.
const MOST_GROUPS: usize = 100;

/// Looks at a group: the length of the stream, the group, the entries counted after an id (or after
/// what was delivered last), the last of them, whether these were all, and whether there are entries
/// that were delivered. Where the user may not read entries, whether all were delivered is told by the
/// last id that was ever generated. On demand the entries ever added. And the
/// bytes of the entries that were counted, and of those at the ends of the stream.
static LOOK: LazyLock<Script> = LazyLock::new(|| {
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

/// A number of entries that a group has not been delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Unread {
    /// So many; at least so many where it is only bounded. (A user who may not read entries gets what
    /// the server reports, until a look finds that all are delivered.)
    pub entries: u64,
    /// Whether it is known, and not only bounded.
    pub is_exact: bool,
}

/// What a group has before it.
#[derive(Debug, Clone, Default)]
pub struct GroupBacklog {
    /// The group.
    pub group: GroupStatus,
    /// What it has not been delivered.
    pub unread: Unread,
    /// Entries in the stream, read or not.
    pub stream_length: u64,
    /// Entries that were ever added to the stream; `None` where that was not asked for, and before Redis
    /// 7.
    pub entries_added: Option<u64>,
}

impl GroupBacklog {
    /// Entries that are not processed: unread or pending. What was trimmed while it was pending is not
    /// there to be processed.
    #[must_use]
    pub fn unprocessed(&self) -> u64 {
        self.stream_length.min(self.unread.entries.saturating_add(self.group.pending))
    }

    /// Entries that were delivered and acknowledged since the stream was made, and those removed from it
    /// before; `None` where it is not known.
    #[must_use]
    pub fn done(&self) -> Option<u64> {
        let on_their_way = self.unread.entries + self.group.pending;
        let added = self.entries_added.filter(|_| self.unread.is_exact);
        added.map(|added| added.saturating_sub(on_their_way))
    }
}

/// What is known of the groups from one look to the next.
#[derive(Debug, Default)]
pub(super) struct Tallies(Mutex<HashMap<String, (Epoch, Tally)>>);

impl Tallies {
    /// Does something with what is known of a group in an epoch: nothing in a new one, as the server
    /// that is there now may count differently.
    fn with<T>(&self, group: &str, epoch: Epoch, act: impl FnOnce(&mut Tally) -> T) -> T {
        // Each tally is whole after each of its changes, also when a thread panicked between them.
        let mut tallies = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if tallies.len() > MOST_GROUPS {
            tallies.clear();
        }
        let known = tallies.entry(group.to_owned()).or_insert_with(|| (epoch, Tally::default()));
        if known.0 != epoch {
            *known = (epoch, Tally::default());
        }
        act(&mut known.1)
    }

    fn forget(&self, group: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(group);
    }
}

impl ReadingStream {
    /// What this stream's own consumer group has before it; `None` if there is no such group.
    ///
    /// # Errors
    /// When the server did not answer or refused.
    pub async fn backlog(&self) -> StoreResult<Option<GroupBacklog>> {
        self.backlog_of(self.keys().group(), false).await
    }

    /// As [`ReadingStream::backlog`], with the entries that were ever added.
    ///
    /// # Errors
    /// When the server did not answer or refused.
    pub async fn backlog_and_entries_added(&self) -> StoreResult<Option<GroupBacklog>> {
        self.backlog_of(self.keys().group(), true).await
    }

    /// What each consumer group of the stream has before it; none when there is no stream.
    ///
    /// # Errors
    /// When the server did not answer or refused.
    pub async fn backlogs(&self) -> StoreResult<Vec<GroupBacklog>> {
        let mut backlogs = Vec::new();
        for group in self.groups().await? {
            backlogs.extend(self.backlog_of(&group.name, false).await?);
        }
        Ok(backlogs)
    }

    async fn backlog_of(&self, group: &str, with_added: bool) -> StoreResult<Option<GroupBacklog>> {
        for looks in 1.. {
            let Some((look, unread)) = self.look(group, with_added).await? else { break };
            // A count that deliveries have overtaken is worth one more look.
            let is_enough = looks >= LOOKS && (unread.entries > 0 || looks >= 2 * LOOKS);
            if unread.is_exact || look.counted.is_none() || is_enough {
                let Look { length: stream_length, added: entries_added, group, .. } = look;
                return Ok(Some(GroupBacklog { group, unread, stream_length, entries_added }));
            }
        }
        Ok(None)
    }

    /// Looks once. While large entries were handed to scripts lately, nothing is counted.
    async fn look(&self, group: &str, with_added: bool) -> StoreResult<Option<(Look, Unread)>> {
        const OPERATION: &str = "XINFO backlog";
        let (epoch, Looking { tallies, counted, shown, .. }) = (self.epoch(), self.looking());
        let from = tallies.with(group, epoch, |tally| tally.counts_on_from());
        let mut script = LOOK.key(self.keys().stream());
        script.arg(group).arg(from.map(|id| id.to_string()).unwrap_or_default());
        script.arg(if counted.are_affordable() { MOST_COUNTED } else { 0 });
        script.arg(MOST_COUNTED_BYTES).arg(u8::from(with_added && shown.are_affordable()));
        let reply = self.connection().run(OPERATION, &script).await?;
        let reply =
            reply::array(reply).ok_or_else(|| self.connection().unexpected_reply(OPERATION))?;
        if reply.len() == 1 {
            tallies.forget(group);
            return Ok(None);
        }
        let seen = look(reply).ok_or_else(|| self.connection().unexpected_reply(OPERATION))?;
        counted.spent(seen.counted_bytes);
        shown.spent(seen.shown_bytes);
        let unread = tallies.with(group, epoch, |tally| tally.judge(&seen));
        Ok(Some((seen, unread)))
    }
}

fn look(parts: Vec<Value>) -> Option<Look> {
    let [length, group, counted, last, all, below, added, counted_bytes, shown_bytes] =
        <[Value; 9]>::try_from(parts).ok()?;
    let group = group_info::group(group)?;
    let last = if counted == Value::Nil { StreamId::ZERO } else { reply::stream_id(last)? };
    Some(Look {
        length: reply::integer(&length)?,
        group,
        counted: reply::integer(&counted),
        last,
        all: reply::integer(&all)? == 1,
        below: reply::integer(&below)? == 1,
        added: reply::integer(&added),
        counted_bytes: reply::integer(&counted_bytes)?,
        shown_bytes: reply::integer(&shown_bytes)?,
    })
}
