//! Finds orphaned entries: delivered, and neither pending nor stored nor dead-lettered.
//!
//! `XGROUP DELCONSUMER` orphans the pending entries of a consumer: they are no longer pending, and not
//! delivered again, without any notice. So an operator searches for them on demand.

use std::collections::{HashMap, HashSet};
use std::ops::AddAssign;
use std::sync::Arc;

use redis::{Cmd, Value, cmd};

use super::consumers::CLAIMABLE_NOW_IDLE;
use super::paging;
use super::reading_stream::{ReadingStream, milliseconds};
use super::stored_entries::StoredEntries;
use crate::iso8601::Instant;
use crate::reading::SiteId;
use crate::store::archive::DayArchive;
use crate::store::codec::{self, StreamEntry};
use crate::store::connection::reply::{self, RawEntry};
use crate::store::deleted_ids::DeletedIds;
use crate::store::error::StoreResult;
use crate::store::stream_id::StreamId;

/// Entries that are checked together. Too low and few are checked with a round trip; too high and Redis
/// serves no other client meanwhile (about a microsecond an entry).
const PAGE: usize = 1_000;

/// Bytes that are checked together, roughly. Too low and a round trip checks few entries; too high and
/// large entries fill memory.
const PAGE_BYTES: usize = 8 * 1024 * 1024;

/// Entries that are read before their size is known.
const FIRST_PAGE: usize = 16;

/// The consumer that orphaned entries are made pending for; services claim them from it at once.
const RECONCILE_CONSUMER: &str = "reconcile";

/// Where delivered entries were found.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct ReconcileCounts {
    /// Pending: being processed, or waiting to be claimed.
    pub pending: usize,
    /// Dead-lettered, now or before.
    pub dead_lettered: usize,
    /// In the sorted set of their site, packed or archived.
    pub stored: usize,
    /// Older than the retention: stored and expired, or not worth storing.
    pub expired: usize,
    /// Deleted on demand, or not kept by `DEDUP_POLICY`.
    pub deleted: usize,
    /// Of a site that had readings and has none any more: an operator deleted it.
    pub site_deleted: usize,
}

/// Checks the stream of a partition page by page, from its first entry to the last delivered id at the beginning.
#[derive(Debug)]
pub struct Reconciler {
    stream: ReadingStream,
    stored: StoredEntries,
    after: Option<StreamId>,
    until: StreamId,
    expired_before: Option<Instant>,
    next_count: usize,
    /// Where entries were found so far.
    pub counts: ReconcileCounts,
    /// The orphaned entries so far, oldest first.
    pub missing: Vec<StreamId>,
}

impl AddAssign for ReconcileCounts {
    fn add_assign(&mut self, other: Self) {
        self.pending += other.pending;
        self.dead_lettered += other.dead_lettered;
        self.stored += other.stored;
        self.expired += other.expired;
        self.deleted += other.deleted;
        self.site_deleted += other.site_deleted;
    }
}

impl Reconciler {
    /// Checks the entries delivered until now; readings from before `expired_before` are expected to be
    /// gone. Those that are archived are looked for in the archive. `None` when the group does not exist, and so no entry was delivered.
    ///
    /// # Errors
    /// When the server replied with an error or not at all.
    pub async fn begin(
        stream: ReadingStream,
        expired_before: Option<Instant>,
        archive: Option<Arc<dyn DayArchive>>,
    ) -> StoreResult<Option<Self>> {
        let Some(group) = stream.group().await? else { return Ok(None) };
        Ok(Some(Self {
            stored: StoredEntries::new(stream.connection().clone(), archive),
            stream,
            after: None,
            until: group.last_delivered_id,
            expired_before,
            next_count: FIRST_PAGE,
            counts: ReconcileCounts::default(),
            missing: Vec::new(),
        }))
    }

    /// Checks the next entries; gives their number, which is 0 at the end.
    ///
    /// # Errors
    /// When the server replied with an error or not at all: begin again.
    pub async fn next_page(&mut self) -> StoreResult<usize> {
        let entries = self.read().await?;
        let (Some(first), Some(last)) = (entries.first(), entries.last()) else { return Ok(0) };
        let (first, last) = (first.id, last.id);
        let count = entries.len();
        let bytes = entries.iter().map(RawEntry::field_bytes).sum();
        // In this order: an entry that stops being pending meanwhile is stored or dead-lettered by then,
        // as both happen before its acknowledgement. In another order it would be reported as missing.
        let pending = self.stream.pending_between(first, last).await?;
        let (pending, rest) = split(entries, &pending);
        let ids = rest.iter().map(|entry| entry.id);
        let dead_lettered = self.stream.dead_lettered_ids(ids).await?;
        let (dead_lettered, rest) = split(rest, &dead_lettered);
        self.counts.pending += pending.len();
        self.counts.dead_lettered += dead_lettered.len();
        self.check_sites(rest).await?;
        self.after = Some(last);
        self.next_count = paging::entries_within_budget(count, bytes, PAGE_BYTES).min(PAGE);
        Ok(count)
    }

    async fn read(&self) -> StoreResult<Vec<RawEntry>> {
        const XRANGE: &str = "XRANGE";
        let start = self.after.map_or_else(|| "-".to_owned(), |id| format!("({id}"));
        let mut command = cmd(XRANGE);
        command.arg(self.stream.keys().stream()).arg(start).arg(self.until.to_string());
        command.arg("COUNT").arg(self.next_count);
        let reply = self.stream.connection().send(XRANGE, &command).await?;
        reply::entries(reply).ok_or_else(|| self.stream.connection().unexpected_reply(XRANGE))
    }

    async fn check_sites(&mut self, entries: Vec<RawEntry>) -> StoreResult<()> {
        let mut missing = Vec::new();
        let mut sites: HashMap<SiteId, Vec<StreamEntry>> = HashMap::new();
        let mut expired = 0;
        for RawEntry { id, fields } in entries {
            match fields.map(|fields| codec::decode(id, &fields)) {
                Some(Ok(entry)) if self.has_expired(&entry) => expired += 1,
                Some(Ok(entry)) => {
                    sites.entry(entry.reading.site_id.clone()).or_default().push(entry);
                }
                // Not a reading, and not dead-lettered; or deleted from the stream.
                _ => missing.push(id),
            }
        }
        self.counts.expired += expired;
        for (site, entries) in sites {
            missing.extend(self.check_site(&site, &entries).await?);
        }
        missing.sort();
        self.missing.extend(missing);
        Ok(())
    }

    async fn check_site(
        &mut self,
        site: &SiteId,
        entries: &[StreamEntry],
    ) -> StoreResult<Vec<StreamId>> {
        let mut absent = self.stored.absent(site, entries).await?;
        self.counts.stored += entries.len() - absent.len();
        // Only now: an id is added before its reading is removed.
        let (keys, connection) = (self.stream.keys(), self.stream.connection().clone());
        let deleted = DeletedIds::new(keys, connection).among(&absent).await?;
        absent.retain(|id| !deleted.contains(id));
        self.counts.deleted += deleted.len();
        // Only now: a site is deleted at any time, and then all of its entries are absent.
        if !absent.is_empty() && self.stored.site_was_deleted(self.stream.keys(), site).await? {
            self.counts.site_deleted += absent.len();
            return Ok(Vec::new());
        }
        Ok(absent)
    }

    fn has_expired(&self, entry: &StreamEntry) -> bool {
        self.expired_before.is_some_and(|before| entry.reading.timestamp.instant() < before)
    }
}

fn split(entries: Vec<RawEntry>, ids: &HashSet<StreamId>) -> (Vec<RawEntry>, Vec<RawEntry>) {
    entries.into_iter().partition(|entry| ids.contains(&entry.id))
}

impl ReadingStream {
    /// Makes orphaned entries pending, so that services claim and process them; gives their number.
    /// Entries that were trimmed meanwhile cannot be made pending.
    ///
    /// # Errors
    /// When the server replied with an error or not at all; the call can be repeated with the same ids.
    pub async fn make_pending(&self, ids: &[StreamId]) -> StoreResult<usize> {
        const XCLAIM: &str = "XCLAIM";
        let mut claimed = 0;
        for ids in ids.chunks(PAGE) {
            let mut command = cmd(XCLAIM);
            command.arg(self.keys().stream()).arg(self.keys().group());
            command.arg(RECONCILE_CONSUMER).arg(0);
            for id in ids {
                command.arg(id.to_string());
            }
            command.arg("IDLE").arg(milliseconds(CLAIMABLE_NOW_IDLE)).arg("FORCE").arg("JUSTID");
            claimed += self.array(XCLAIM, &command).await?.len();
        }
        Ok(claimed)
    }

    async fn pending_between(
        &self,
        first: StreamId,
        last: StreamId,
    ) -> StoreResult<HashSet<StreamId>> {
        const XPENDING: &str = "XPENDING";
        let mut pending = HashSet::new();
        let mut start = first.to_string();
        loop {
            let mut command = cmd(XPENDING);
            command.arg(self.keys().stream()).arg(self.keys().group());
            command.arg(&start).arg(last.to_string()).arg(PAGE);
            let id = |entry| reply::stream_id(reply::array(entry)?.into_iter().next()?);
            let page = self.array(XPENDING, &command).await?.into_iter().map(id);
            let page: Option<Vec<_>> = page.collect();
            let page = page.ok_or_else(|| self.connection().unexpected_reply(XPENDING))?;
            pending.extend(&page);
            match page.last() {
                Some(last) if page.len() == PAGE => start = format!("({last}"),
                _ => return Ok(pending),
            }
        }
    }

    async fn array(&self, operation: &'static str, command: &Cmd) -> StoreResult<Vec<Value>> {
        let reply = self.connection().send(operation, command).await?;
        reply::array(reply).ok_or_else(|| self.connection().unexpected_reply(operation))
    }
}
