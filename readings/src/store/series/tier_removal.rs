//! Removes members of a site from all tiers.
//!
//! First from the sorted set, which ends the lease of a process that packs the site: it may have read them before. Then
//! from the packed days, each of which is written again without them, unless it was changed meanwhile. Between the two the
//! days may have been packed or unpacked, and members moved past the removal; so it begins again where the version of the
//! days is another one than when the sorted set was changed, and after each day in which both tiers may have had them.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use redis::{ScriptInvocation, Value};

use super::invalidation::{NO_KEY, REMOVAL};
use super::series_store::{CROSS_SLOT, SeriesStore};
use crate::energy::rollup::Day;
use crate::reading::SiteId;
use crate::store::codec::{self, StreamEntry};
use crate::store::connection::reply;
use crate::store::error::StoreResult;
use crate::store::error_class::ErrorClass;
use crate::store::keys;
use crate::store::packed::{Changed, DayHeader, PackedMembers};

const ZREM: &str = "ZREM";

/// Members that are removed with one script. Too low and a day takes many round trips; too high and Redis serves no other
/// client meanwhile (500 readings take about half a millisecond).
const CHUNK: usize = 500;

/// How often it begins again. Too low and a removal fails while its days are packed and unpacked again and again.
const ATTEMPTS: u32 = 50;

impl SeriesStore {
    /// Removes readings of one site that were written just before, and the rollups of their days.
    ///
    /// # Errors
    /// When the server replied with an error or not at all; the readings can be removed again.
    pub async fn remove(&self, site: &SiteId, entries: &[StreamEntry]) -> StoreResult<()> {
        let day = |entry: &StreamEntry| Day::of(entry.reading.timestamp.instant());
        let members: Vec<_> =
            entries.iter().map(|entry| (day(entry), codec::member(entry))).collect();
        // What writes does not depend on the archive.
        TierRemoval::new(self, site, &members, ArchivedDays::Skipped).run().await.map(drop)
    }

    /// Removes members of one site from all tiers, and the rollups of their days; gives the number that there was.
    ///
    /// # Errors
    /// When the server or the archive replied with an error or not at all; the members can be removed again.
    pub(in crate::store) async fn remove_members(
        &self,
        site: &SiteId,
        members: &[(Day, Vec<u8>)],
    ) -> StoreResult<u64> {
        TierRemoval::new(self, site, members, ArchivedDays::Covered).run().await
    }
}

/// Whether archived days are covered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ArchivedDays {
    /// They are read, and the removal fails where that is not possible.
    Covered,
    /// What is removed was stored just before, and is not archived yet.
    Skipped,
}

/// A removal of members.
struct TierRemoval<'a> {
    series: &'a SeriesStore,
    site: &'a SiteId,
    members: &'a [(Day, Vec<u8>)],
    days: BTreeSet<Day>,
    archived: ArchivedDays,
    /// Those that were in a tier.
    found: HashSet<usize>,
}

impl<'a> TierRemoval<'a> {
    pub fn new(
        series: &'a SeriesStore,
        site: &'a SiteId,
        members: &'a [(Day, Vec<u8>)],
        archived: ArchivedDays,
    ) -> Self {
        let days = members.iter().map(|(day, _)| *day).collect();
        Self { series, site, members, days, archived, found: HashSet::new() }
    }

    /// Removes them; gives the number that there was.
    pub async fn run(mut self) -> StoreResult<u64> {
        if self.members.is_empty() {
            return Ok(0);
        }
        for _ in 0..ATTEMPTS {
            let version = self.remove_hot().await?;
            fail::fail_point!("remove-between-hot-and-packed");
            if !keys::can_be_packed(self.site) || self.remove_packed(version).await? {
                return Ok(self.found.len() as u64);
            }
        }
        let text = format!("the days of site {} change again and again", self.site);
        Err(self.series.connection().found(ZREM, ErrorClass::Busy, text))
    }

    /// Removes them from the sorted set; gives the version of the site's days, if it was the same all the time.
    async fn remove_hot(&mut self) -> StoreResult<Option<Vec<u8>>> {
        let mut versions = BTreeSet::new();
        for first in (0..self.members.len()).step_by(CHUNK) {
            let chunk = &self.members[first..self.members.len().min(first + CHUNK)];
            let reply = self.remove_chunk(chunk).await?;
            let (version, removed) =
                parse(reply).ok_or_else(|| self.series.connection().unexpected_reply(ZREM))?;
            versions.insert(version);
            let removed = removed.into_iter().enumerate().filter(|(_, count)| *count > 0);
            self.found.extend(removed.map(|(place, _)| first + place));
        }
        let version = versions.pop_first();
        Ok(version.filter(|_| versions.is_empty()))
    }

    async fn remove_chunk(&self, chunk: &[(Day, Vec<u8>)]) -> StoreResult<Value> {
        let days: BTreeSet<Day> = chunk.iter().map(|(day, _)| *day).collect();
        let connection = self.series.connection();
        if !connection.is_cluster() {
            match connection.eval(ZREM, &self.script(chunk, &days, true)).await {
                Err(error) if error.code() == Some(CROSS_SLOT) => {}
                reply => return reply,
            }
        }
        // A script may not have keys of several hash slots. The rollups are invalidated before as well: a process that ends
        // between the steps leaves none that were stored before.
        self.series.invalidate(self.site, &days).await?;
        let removed = connection.eval(ZREM, &self.script(chunk, &days, false)).await?;
        self.series.invalidate(self.site, &days).await?;
        Ok(removed)
    }

    fn script(
        &self,
        chunk: &[(Day, Vec<u8>)],
        days: &BTreeSet<Day>,
        with_rollups: bool,
    ) -> ScriptInvocation<'static> {
        let mut script = REMOVAL.key(keys::series(self.site));
        let mut next = 1;
        let mut place = |is_key: bool| {
            next += usize::from(is_key);
            if is_key { next } else { NO_KEY }
        };
        let places = [place(keys::can_be_packed(self.site)), place(with_rollups)];
        if places[0] != NO_KEY {
            script.key(keys::days(self.site));
        }
        if with_rollups {
            script.key(keys::rollups(self.site));
        }
        script.arg(&places).arg(keys::ROLLUP_GENERATION);
        script.arg(keys::PACKING_LEASE).arg(keys::DAYS_VERSION).arg(days.len());
        for day in days {
            script.arg(day.number());
        }
        for (_, member) in chunk {
            script.arg(member.as_slice());
        }
        script
    }

    /// Removes them from the packed days; `false` where it is to begin again.
    async fn remove_packed(&mut self, version: Option<Vec<u8>>) -> StoreResult<bool> {
        let Some(version) = version else { return Ok(false) };
        let days: Vec<_> = self.days.iter().copied().collect();
        let (present, headers) = self.series.packed().headers(self.site, &days).await?;
        if present.unwrap_or_default() != version {
            return Ok(false);
        }
        let headers: BTreeMap<Day, DayHeader> = headers
            .into_iter()
            .zip(days)
            .filter_map(|(header, day)| Some((day, header.filter(DayHeader::has_members)?)))
            .collect();
        for (day, header) in headers {
            if !self.remove_of_day(day, &header).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn remove_of_day(&mut self, day: Day, header: &DayHeader) -> StoreResult<bool> {
        let places: Vec<_> =
            (0..self.members.len()).filter(|it| self.members[*it].0 == day).collect();
        let removed: HashSet<&[u8]> =
            places.iter().map(|place| self.members[*place].1.as_slice()).collect();
        let Some(packed) = self.series.packed().members_of(self.site, day, header).await? else {
            return Ok(false);
        };
        let archived = match header.archived() {
            Some(expected) if self.archived == ArchivedDays::Covered => {
                self.series.archived_members(self.site, day, expected).await?
            }
            _ => PackedMembers::default(),
        };
        let found: HashSet<&[u8]> =
            packed.iter().chain(archived.iter()).filter(|it| removed.contains(it)).collect();
        if found.is_empty() {
            return Ok(true);
        }
        let changed =
            self.series.rewrite_without((self.site, day), header, (&packed, &archived), &removed);
        if changed.await? != Changed::Yes {
            return Ok(false);
        }
        let are_found =
            places.into_iter().filter(|place| found.contains(self.members[*place].1.as_slice()));
        self.found.extend(are_found);
        // The sorted set may have got some of them since.
        Ok(header.is_complete)
    }
}

/// The version of the days, and for each member how many there were.
fn parse(reply: Value) -> Option<(Vec<u8>, Vec<u64>)> {
    let [version, removed] = <[Value; 2]>::try_from(reply::array(reply)?).ok()?;
    let removed = reply::array(removed)?.iter().map(reply::integer).collect::<Option<_>>()?;
    Some((reply::bytes(version)?, removed))
}
