//! Overviews of many sites, from both ends of their sorted sets: how many readings they have changes nothing in
//! the cost.
//!
//! Three pipelines, of which the second and the third concern few sites: both ends by rank, the ends of what is
//! plausible where an end is not, and an earlier reading where the last members are of
//! about the same time.

use redis::{Pipeline, Value, pipe};

use super::ends::{self, ScoredMember, instant_of};
use super::plausible::Plausible;
use super::status::{Seen, Status};
use crate::iso8601::Instant;
use crate::reading::SiteId;
use crate::store::connection::{SharedConnection, reply};
use crate::store::error::{StoreError, StoreResult};

/// Members of an end. Too low and most sites need the third pipeline; too high and each page copies members without
/// need.
const LAST_MEMBERS: isize = 3;

/// The interval of a site is from its last reading to one that is this much older, as its devices send together. Less
/// than a minute, which meters send at, never exactly. Too low and such sites are offline between two of their times;
/// too high and silence of a site is seen late.
const MIN_SITE_INTERVAL_MICROS: i64 = 50 * 1_000_000;

const ZRANGE: &str = "ZRANGE";

/// What is known of a site.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SiteOverview {
    /// The number of its members, outliers included; `None` without the permission to count.
    pub readings: Option<u64>,
    /// The first plausible instant.
    pub first: Option<Instant>,
    /// When it was last seen.
    pub seen: Seen,
    is_empty: bool,
}

impl SiteOverview {
    /// The status at a time.
    #[must_use]
    pub fn status(&self, now: Instant) -> Status {
        if self.is_empty { Status::Empty } else { self.seen.status(now) }
    }

    /// Whether it has no readings.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.is_empty
    }

    /// Adds the last members, of which the last one comes first.
    fn add_last(&mut self, members: &[ScoredMember], plausible: Plausible) {
        let (ahead, within): (Vec<_>, Vec<_>) =
            members.iter().partition(|(score, _)| plausible.is_ahead(instant_of(*score)));
        let ingested = |(_, member): &&ScoredMember| ends::ingested_at(member);
        let ahead_ingested_at = ahead.iter().filter_map(ingested).max();
        self.seen.ahead_ingested_at = self.seen.ahead_ingested_at.max(ahead_ingested_at);
        let Some((score, _)) = within.first().filter(|it| plausible.contains(instant_of(it.0)))
        else {
            return;
        };
        self.seen.last = Some(instant_of(*score));
        self.seen.ingested_at = within.iter().find_map(ingested);
        for (score, _) in within {
            self.add_reference(instant_of(*score));
        }
    }

    /// Adds the instant of an earlier reading, from which the interval may be.
    fn add_reference(&mut self, instant: Instant) {
        let Some(last) = self.seen.last else { return };
        let micros = last.epoch_micros().saturating_sub(instant.epoch_micros());
        if micros >= MIN_SITE_INTERVAL_MICROS && self.seen.interval_micros.is_none() {
            self.seen.interval_micros = Some(micros);
        }
    }

    /// Whether an end is not plausible, so that the ends of what is plausible are to be read.
    fn needs_plausible(&self) -> bool {
        !self.is_empty && (self.first.is_none() || self.seen.last.is_none())
    }

    /// The instant before which the reading is that the interval is from, where it is not known.
    fn needs_reference(&self) -> Option<Instant> {
        let last = self.seen.last.filter(|_| self.seen.interval_micros.is_none())?;
        let before = last.epoch_micros().saturating_sub(MIN_SITE_INTERVAL_MICROS);
        (self.first? < last).then(|| Instant::from_epoch_micros(before))
    }
}

/// The overviews of these sites, in their order.
///
/// # Errors
/// When the server replied with an error or not at all.
pub(super) async fn read(
    connection: &SharedConnection,
    sites: &[SiteId],
    plausible: Plausible,
) -> StoreResult<Vec<SiteOverview>> {
    let mut overviews = vec![SiteOverview::default(); sites.len()];
    let reader = Reader { connection, sites, plausible };
    reader.read_ends(&mut overviews).await?;
    reader.read_plausible(&mut overviews).await?;
    reader.read_references(&mut overviews).await?;
    Ok(overviews)
}

struct Reader<'a> {
    connection: &'a SharedConnection,
    sites: &'a [SiteId],
    plausible: Plausible,
}

impl Reader<'_> {
    async fn read_ends(&self, overviews: &mut [SiteOverview]) -> StoreResult<()> {
        let mut commands = pipe();
        for site in self.sites {
            commands.add_command(ends::count(site));
            commands.add_command(ends::by_rank(site, 0, 0));
            commands.add_command(ends::by_rank(site, -LAST_MEMBERS, -1));
        }
        let mut replies = self.send(&commands).await?;
        for overview in overviews {
            let count = ends::permitted(self.next(&mut replies)?)?;
            overview.readings = count.as_ref().and_then(reply::integer);
            let first = self.members(&mut replies)?;
            overview.is_empty = first.is_empty();
            let first = first.first().map(|(score, _)| instant_of(*score));
            overview.first = first.filter(|first| self.plausible.contains(*first));
            let mut last = self.members(&mut replies)?;
            last.reverse();
            overview.add_last(&last, self.plausible);
        }
        Ok(())
    }

    async fn read_plausible(&self, overviews: &mut [SiteOverview]) -> StoreResult<()> {
        let (first, last) = (self.plausible.first(), self.plausible.last());
        let needs = |overview: &SiteOverview| overview.needs_plausible();
        let limit = LAST_MEMBERS.unsigned_abs();
        let mut commands = pipe();
        for (site, _) in self.sites.iter().zip(&*overviews).filter(|(_, it)| needs(it)) {
            commands.add_command(ends::first_plausible(site, self.plausible));
            commands.add_command(ends::downwards(site, last, first, limit));
        }
        let mut replies = self.send(&commands).await?;
        for overview in overviews.iter_mut().filter(|it| needs(it)) {
            let first = self.members(&mut replies)?;
            overview.first = first.first().map(|(score, _)| instant_of(*score));
            overview.add_last(&self.members(&mut replies)?, self.plausible);
        }
        Ok(())
    }

    async fn read_references(&self, overviews: &mut [SiteOverview]) -> StoreResult<()> {
        let mut commands = pipe();
        for (site, overview) in self.sites.iter().zip(&*overviews) {
            if let Some(before) = overview.needs_reference() {
                let command = ends::downwards(site, before, self.plausible.first(), 1);
                commands.add_command(command);
            }
        }
        let mut replies = self.send(&commands).await?;
        for overview in overviews.iter_mut().filter(|it| it.needs_reference().is_some()) {
            let members = self.members(&mut replies)?;
            for (score, _) in &members {
                overview.add_reference(instant_of(*score));
            }
        }
        Ok(())
    }

    async fn send(
        &self,
        commands: &Pipeline,
    ) -> StoreResult<std::vec::IntoIter<StoreResult<Value>>> {
        if commands.is_empty() {
            return Ok(Vec::new().into_iter());
        }
        let (replies, _) = self.connection.send_all(ZRANGE, commands).await?;
        Ok(replies.into_iter())
    }

    fn next(
        &self,
        replies: &mut impl Iterator<Item = StoreResult<Value>>,
    ) -> StoreResult<StoreResult<Value>> {
        replies.next().ok_or_else(|| self.unexpected())
    }

    fn members(
        &self,
        replies: &mut impl Iterator<Item = StoreResult<Value>>,
    ) -> StoreResult<Vec<ScoredMember>> {
        ends::members(self.next(replies)?)?.ok_or_else(|| self.unexpected())
    }

    fn unexpected(&self) -> StoreError {
        self.connection.unexpected_reply(ZRANGE)
    }
}
