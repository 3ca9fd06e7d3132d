//! Packs one day of a site.
//!
//! The steps, with the fail point after each; whatever happens between two of them, each reading is in a tier:
//!
//! 1. acquire the lease of the site (`pack-after-lease`);
//! 2. read the header, the hot members and the packed ones (`pack-after-read`);
//! 3. write the value of the union with a header that is not complete (`pack-after-write`);
//! 4. read the value back and compare it (`pack-after-verify`);
//! 5. remove those hot members from the sorted set, some at a time (`pack-after-first-removal`); with the last of them the
//!    header is complete (`pack-after-complete`).
//!
//! A change of the day by another process makes step 3 or 5 fail, and so does a removal of members, which ends the lease.
//! Then the day is read again.

use std::collections::VecDeque;
use std::time::Duration;

use redis::Value;

use super::collected::{CollectError, Collected, collect};
use super::hot_members::HotMembers;
use crate::energy::rollup::Day;
use crate::reading::SiteId;
use crate::store::connection::SharedConnection;
use crate::store::error::{StoreError, StoreResult};
use crate::store::error_class::ErrorClass;
use crate::store::packed::{
    CHANGED_MEMBERS, Changed, DayChange, DayHeader, FoundSummary, MAX_BYTES, PackedDays,
    PackedMembers, PackedValue,
};

/// How long the lease of a site is held without being renewed, which each day does. Too low and another process packs the
/// site while this one waits for Redis; too high and a site of a process that was killed waits that long.
const LEASE: Duration = Duration::from_secs(30);

/// How often a day that changes meanwhile is read. Too low and a day with late readings waits for the next run; too high
/// and one day delays the others.
const ATTEMPTS: u32 = 5;

/// The operation of errors about a packed day.
const HSET: &str = "HSET";

/// What was done with a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DayOutcome {
    /// It is packed.
    Packed {
        /// Members of the packed day.
        readings: u64,
        /// Members that were removed from the sorted set.
        moved: u64,
        /// Bytes of its value.
        bytes: u64,
        /// Members that stay in the sorted set, as they can not be packed.
        left: u64,
    },
    /// None of its hot members can be packed.
    Left(u64),
    /// It has too many bytes.
    TooLarge,
    /// Another process packs the site.
    Leased,
    /// It was changed again and again.
    Contended,
}

/// Packs days, under one token of leases.
#[derive(Debug, Clone)]
pub(super) struct DayPacker {
    connection: SharedConnection,
    days: PackedDays,
    token: String,
}

/// What an attempt has read.
struct Read {
    header: Option<DayHeader>,
    collected: Collected,
}

/// Whether an attempt is to be repeated.
enum Attempt {
    Done(DayOutcome),
    Again,
}

impl DayPacker {
    /// Packs by this connection.
    pub fn new(connection: SharedConnection) -> Self {
        let token = format!("{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..));
        Self { days: PackedDays::new(connection.clone()), connection, token }
    }

    pub const fn connection(&self) -> &SharedConnection {
        &self.connection
    }

    pub const fn hot<'a>(&'a self, site: &'a SiteId) -> HotMembers<'a> {
        HotMembers { connection: &self.connection, site }
    }

    /// Packs the hot members of a day.
    ///
    /// # Errors
    /// When the server replied with an error or not at all, or what it has is damaged: each reading is in a tier, and the
    /// day can be packed again.
    pub async fn pack(&self, site: &SiteId, day: Day) -> StoreResult<DayOutcome> {
        for _ in 0..ATTEMPTS {
            if !self.days.acquire(site, &self.token, LEASE).await? {
                return Ok(DayOutcome::Leased);
            }
            fail::fail_point!("pack-after-lease");
            if let Attempt::Done(outcome) = self.attempt(site, day).await? {
                return Ok(outcome);
            }
        }
        Ok(DayOutcome::Contended)
    }

    /// Summarizes the days of a site.
    ///
    /// # Errors
    /// As [`PackedDays::summarize`].
    pub async fn summarize(&self, site: &SiteId) -> StoreResult<()> {
        self.days.summarize(site).await
    }

    /// Ends the lease of a site.
    ///
    /// # Errors
    /// As [`PackedDays::release`].
    pub async fn release(&self, site: &SiteId) -> StoreResult<()> {
        self.days.release(site, &self.token).await
    }

    async fn attempt(&self, site: &SiteId, day: Day) -> StoreResult<Attempt> {
        let read = match self.read(site, day).await? {
            Some(Ok(read)) => read,
            Some(Err(CollectError::TooLarge)) => return Ok(Attempt::Done(DayOutcome::TooLarge)),
            Some(Err(CollectError::Unknown)) => {
                return Err(self.damaged(site, day, "unknown member"));
            }
            None => return Ok(Attempt::Again),
        };
        fail::fail_point!("pack-after-read");
        if read.collected.moved.is_empty() {
            let is_complete = self.complete(site, day, read.header.as_ref()).await?;
            let outcome = Attempt::Done(DayOutcome::Left(read.collected.left));
            return Ok(if is_complete { outcome } else { Attempt::Again });
        }
        self.write(site, day, read).await
    }

    /// Completes a day of which nothing is left to be moved: a packer has ended after it wrote the value, and the hot members
    /// were removed since. `false` where it was changed, or members of the site removed.
    async fn complete(
        &self,
        site: &SiteId,
        day: Day,
        header: Option<&DayHeader>,
    ) -> StoreResult<bool> {
        let Some(header) = header.filter(|header| !header.is_complete) else { return Ok(true) };
        let change = DayChange {
            day,
            expected: Some(header),
            lease: Some(&self.token),
            header: &DayHeader { is_complete: true, ..header.clone() },
            value: PackedValue::Kept,
            added: &[],
            removed: &[],
        };
        Ok(self.days.change(site, &change).await? == Changed::Yes)
    }

    /// The days of a site before one whose packing has not ended.
    ///
    /// # Errors
    /// As [`PackedDays::of_site`].
    pub async fn unfinished(&self, site: &SiteId, until: Day) -> StoreResult<VecDeque<Day>> {
        let days = self.days.of_site(site).await?.headers.into_iter();
        let unfinished = days.filter(|(day, header)| *day < until && !header.is_complete);
        Ok(unfinished.map(|(day, _)| day).collect())
    }

    /// Whether a site may have such days, by the reply to [`summary`](crate::store::packed::summary).
    ///
    /// # Errors
    /// As [`PackedDays::summary_of`].
    pub fn may_have_unfinished(&self, summary: Value) -> StoreResult<bool> {
        Ok(match self.days.summary_of(summary)? {
            FoundSummary::NoDays => false,
            FoundSummary::Known(_, summary) => summary.moving > 0,
            FoundSummary::Stale => true,
        })
    }

    /// Reads a day; `None` where it was changed meanwhile.
    async fn read(
        &self,
        site: &SiteId,
        day: Day,
    ) -> StoreResult<Option<Result<Read, CollectError>>> {
        let header = self.days.header(site, day).await?;
        let packed = match &header {
            Some(header) => self.days.members_of(site, day, header).await?,
            None => Some(PackedMembers::default()),
        };
        let Some(packed) = packed else { return Ok(None) };
        let hot = self.hot(site).of_day(day, MAX_BYTES).await?;
        let Some(hot) = hot else { return Ok(Some(Err(CollectError::TooLarge))) };
        let id = site.clone();
        let collected = blocking(move || collect(&id, day, hot, &packed)).await;
        let collected = collected.ok_or_else(|| self.damaged(site, day, "packing has panicked"))?;
        Ok(Some(collected.map(|collected| Read { header, collected })))
    }

    async fn write(&self, site: &SiteId, day: Day, read: Read) -> StoreResult<Attempt> {
        let Read { header: before, collected: Collected { members, moved, left } } = read;
        let revision = before.as_ref().map_or(0, |header| header.revision.wrapping_add(1));
        let archived = before.as_ref().and_then(|header| header.archived);
        let text = members.text().clone();
        let block =
            blocking(move || Some((members.contents(), members.to_dense_block(revision).ok()?)));
        let block = block.await.flatten();
        let Some((packed, block)) = block else {
            return Err(self.damaged(site, day, "it can not be compressed"));
        };
        let header = DayHeader { revision, is_complete: false, packed, archived };
        let bytes = block.len() as u64;
        let change = DayChange {
            day,
            expected: before.as_ref(),
            lease: Some(&self.token),
            header: &header,
            value: PackedValue::Set(block),
            added: &[],
            removed: &[],
        };
        if self.days.change(site, &change).await? != Changed::Yes {
            return Ok(Attempt::Again);
        }
        fail::fail_point!("pack-after-write");
        if !self.is_stored(site, day, &header, &text).await? {
            return Ok(Attempt::Again);
        }
        fail::fail_point!("pack-after-verify");
        if !self.remove(site, day, &header, &moved).await? {
            return Ok(Attempt::Again);
        }
        let (readings, moved) = (packed.count, moved.len() as u64);
        Ok(Attempt::Done(DayOutcome::Packed { readings, moved, bytes, left }))
    }

    /// Whether the value that was written is the one that is read; `false` where the day was changed since.
    async fn is_stored(
        &self,
        site: &SiteId,
        day: Day,
        header: &DayHeader,
        text: &[u8],
    ) -> StoreResult<bool> {
        let value = self.days.members(site, &[day]).await?.pop().flatten();
        let is_same = |(revision, members): &(u32, PackedMembers)| {
            *revision == header.revision && members.text() == text
        };
        if value.as_ref().is_some_and(is_same) {
            return Ok(true);
        }
        if self.days.header(site, day).await?.as_ref() == Some(header) {
            return Err(self.damaged(site, day, "the value is not the one that was written"));
        }
        Ok(false)
    }

    /// Removes the members from the sorted set; `false` where the day was changed, or members of the site removed.
    async fn remove(
        &self,
        site: &SiteId,
        day: Day,
        header: &DayHeader,
        members: &[Vec<u8>],
    ) -> StoreResult<bool> {
        let complete = DayHeader { is_complete: true, ..header.clone() };
        let mut chunks = members.chunks(CHANGED_MEMBERS).peekable();
        while let Some(chunk) = chunks.next() {
            let is_last = chunks.peek().is_none();
            let removed: Vec<_> = chunk.iter().map(Vec::as_slice).collect();
            let change = DayChange {
                day,
                expected: Some(header),
                lease: Some(&self.token),
                header: if is_last { &complete } else { header },
                value: PackedValue::Kept,
                added: &[],
                removed: &removed,
            };
            if self.days.change(site, &change).await? != Changed::Yes {
                return Ok(false);
            }
            if !is_last {
                fail::fail_point!("pack-after-first-removal");
            }
        }
        fail::fail_point!("pack-after-complete");
        Ok(true)
    }

    fn damaged(&self, site: &SiteId, day: Day, what: &str) -> StoreError {
        let text = format!("the packed day {day} of site {site}: {what}");
        self.connection.found(HSET, ErrorClass::Other, text)
    }
}

/// Runs what takes the processor for long in another thread: this one has other tasks. `None` when it has panicked.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    tokio::task::spawn_blocking(work).await.ok()
}
