//! Accounting for what was delivered: an entry is pending, stored or a dead letter, or nobody has it.
//!
//! The last is what `XGROUP DELCONSUMER` does to entries that are pending: Redis forgets that they are,
//! and that they were delivered it does not forget. Nobody is told; so an operator asks.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use redis::{Cmd, Value, cmd};

use super::paging;
use super::reading_stream::{ReadingStream, milliseconds};
use crate::iso8601::Instant;
use crate::reading::SiteId;
use crate::store::StreamId;
use crate::store::codec::{self, StreamEntry};
use crate::store::connection::reply::{self, RawEntry};
use crate::store::error::StoreResult;
use crate::store::error_class::ErrorClass;
use crate::store::keys;

/// Entries that are looked at together. Too low and it takes a round trip for few; too high and Redis
/// serves nobody else meanwhile (about a microsecond an entry).
const PAGE: usize = 1_000;

/// Bytes that are looked at together, roughly.
const PAGE_BYTES: usize = 8 * 1024 * 1024;

/// Entries that are looked at before it is known how large they are.
const FIRST_PAGE: usize = 16;

/// The consumer that entries are given to so that services take them over from it at once.
const RESTORED_TO: &str = "reconcile";

/// Above every `CLAIM_MIN_IDLE_MS`.
const ANYBODYS: Duration = Duration::from_hours(24);

/// Where delivered entries are.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// Being worked on, or waiting to be taken over.
    pub pending: usize,
    /// Dead letters, or were.
    pub buried: usize,
    /// In the sorted set of their site.
    pub stored: usize,
    /// Older than readings may get: stored and removed again, or not worth storing.
    pub expired: usize,
    /// Of a site that had readings and has none any more: somebody removed it.
    pub removed: usize,
}

/// Goes through the stream, from its first entry to the last that was delivered when it began.
#[derive(Debug)]
pub struct Accounting {
    stream: ReadingStream,
    after: Option<StreamId>,
    until: StreamId,
    expired_before: Option<Instant>,
    ask_for: usize,
    /// Where entries were found so far.
    pub found: Found,
    /// Entries that nobody has, oldest first.
    pub missing: Vec<StreamId>,
}

impl Accounting {
    /// Of the entries delivered until now; of readings from before `expired_before` nobody minds that
    /// they are gone. `None` when there is no group, and so nothing was delivered.
    ///
    /// # Errors
    /// When the server did not answer or refused.
    pub async fn begin(
        stream: ReadingStream,
        expired_before: Option<Instant>,
    ) -> StoreResult<Option<Self>> {
        let Some(group) = stream.group().await? else { return Ok(None) };
        Ok(Some(Self {
            stream,
            after: None,
            until: group.last_delivered_id,
            expired_before,
            ask_for: FIRST_PAGE,
            found: Found::default(),
            missing: Vec::new(),
        }))
    }

    /// Looks at some more entries and says how many; 0 at the end.
    ///
    /// # Errors
    /// When the server did not answer or refused: begin anew.
    pub async fn go_on(&mut self) -> StoreResult<usize> {
        let entries = self.read().await?;
        let (Some(first), Some(last)) = (entries.first(), entries.last()) else { return Ok(0) };
        let (first, last, count) = (first.id, last.id, entries.len());
        let bytes = entries.iter().map(RawEntry::bytes).sum();
        // In this order: what stops being pending meanwhile is stored, or buried.
        let pending = self.stream.pending_between(first, last).await?;
        let (pending, rest) = split(entries, &pending);
        let buried = self.stream.buried_ids(rest.iter().map(|entry| entry.id)).await?;
        let (buried, rest) = split(rest, &buried);
        self.found.pending += pending.len();
        self.found.buried += buried.len();
        self.look_in_sites(rest).await?;
        self.after = Some(last);
        self.ask_for = paging::affordable(count, bytes, PAGE_BYTES).min(PAGE);
        Ok(count)
    }

    async fn read(&self) -> StoreResult<Vec<RawEntry>> {
        const XRANGE: &str = "XRANGE";
        let start = self.after.map_or_else(|| "-".to_owned(), |id| format!("({id}"));
        let mut command = cmd(XRANGE);
        command.arg(self.stream.keys().stream()).arg(start).arg(self.until.to_string());
        command.arg("COUNT").arg(self.ask_for);
        let reply = self.stream.connection().send(XRANGE, &command).await?;
        reply::entries(reply).ok_or_else(|| self.stream.connection().unexpected_reply(XRANGE))
    }

    async fn look_in_sites(&mut self, entries: Vec<RawEntry>) -> StoreResult<()> {
        let mut missing = Vec::new();
        let mut sites: HashMap<SiteId, Vec<StreamEntry>> = HashMap::new();
        let mut expired = 0;
        for RawEntry { id, fields } in entries {
            match fields.map(|fields| codec::decode(id, &fields)) {
                Some(Ok(entry)) if self.has_expired(&entry) => expired += 1,
                Some(Ok(entry)) => {
                    sites.entry(entry.reading.site_id.clone()).or_default().push(entry);
                }
                _ => missing.push(id),
            }
        }
        self.found.expired += expired;
        for (site, entries) in sites {
            missing.extend(self.look_in_site(&site, &entries).await?);
        }
        missing.sort();
        self.missing.extend(missing);
        Ok(())
    }

    async fn look_in_site(
        &mut self,
        site: &SiteId,
        entries: &[StreamEntry],
    ) -> StoreResult<Vec<StreamId>> {
        let absent = self.stream.not_stored(site, entries).await?;
        self.found.stored += entries.len() - absent.len();
        if !absent.is_empty() && self.stream.was_removed(site).await? {
            self.found.removed += absent.len();
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
    /// Makes entries pending that nobody has, so that the services take them over and work on them;
    /// says how many. Those that have been trimmed meanwhile cannot be.
    ///
    /// # Errors
    /// When the server did not answer or refused; the ids can be given again.
    pub async fn restore(&self, ids: &[StreamId]) -> StoreResult<usize> {
        const XCLAIM: &str = "XCLAIM";
        let mut restored = 0;
        for ids in ids.chunks(PAGE) {
            let mut command = cmd(XCLAIM);
            command.arg(self.keys().stream()).arg(self.keys().group()).arg(RESTORED_TO).arg(0);
            for id in ids {
                command.arg(id.to_string());
            }
            command.arg("IDLE").arg(milliseconds(ANYBODYS)).arg("FORCE").arg("JUSTID");
            restored += self.list(XCLAIM, &command).await?.len();
        }
        Ok(restored)
    }

    async fn pending_between(
        &self,
        first: StreamId,
        last: StreamId,
    ) -> StoreResult<HashSet<StreamId>> {
        const XPENDING: &str = "XPENDING";
        let (mut pending, mut start) = (HashSet::new(), first.to_string());
        loop {
            let mut command = cmd(XPENDING);
            command.arg(self.keys().stream()).arg(self.keys().group());
            command.arg(&start).arg(last.to_string()).arg(PAGE);
            let id = |entry| reply::stream_id(reply::array(entry)?.into_iter().next()?);
            let page = self.list(XPENDING, &command).await?.into_iter().map(id);
            let page: Option<Vec<_>> = page.collect();
            let page = page.ok_or_else(|| self.connection().unexpected_reply(XPENDING))?;
            pending.extend(&page);
            match page.last() {
                Some(last) if page.len() == PAGE => start = format!("({last}"),
                _ => return Ok(pending),
            }
        }
    }

    /// Which of a site's entries are not in its sorted set. A key that holds something else has none.
    async fn not_stored(
        &self,
        site: &SiteId,
        entries: &[StreamEntry],
    ) -> StoreResult<Vec<StreamId>> {
        const ZMSCORE: &str = "ZMSCORE";
        let mut command = cmd(ZMSCORE);
        command.arg(keys::series(site));
        for entry in entries {
            command.arg(codec::member(entry));
        }
        let scores = match self.list(ZMSCORE, &command).await {
            Err(error) if error.class == ErrorClass::WrongType => vec![Value::Nil; entries.len()],
            scores => scores?,
        };
        let absent = entries.iter().zip(scores).filter(|(_, score)| *score == Value::Nil);
        Ok(absent.map(|(entry, _)| entry.id).collect())
    }

    /// Whether a site had readings and has none any more: it is in the index, and its sorted set is
    /// gone. Entries of such a site are not missing, somebody wanted to be rid of them.
    async fn was_removed(&self, site: &SiteId) -> StoreResult<bool> {
        let mut known = cmd("ZSCORE");
        known.arg(self.keys().sites()).arg(site.as_str());
        let mut left = cmd("ZCARD");
        left.arg(keys::series(site));
        let is_known = self.connection().send("ZSCORE", &known).await? != Value::Nil;
        let is_gone = match self.connection().send("ZCARD", &left).await {
            Err(error) if error.class == ErrorClass::WrongType => false,
            count => count? == Value::Int(0),
        };
        Ok(is_known && is_gone)
    }

    async fn list(&self, operation: &'static str, command: &Cmd) -> StoreResult<Vec<Value>> {
        let reply = self.connection().send(operation, command).await?;
        reply::array(reply).ok_or_else(|| self.connection().unexpected_reply(operation))
    }
}
