//! Overviews of many sites, from both ends of their sorted sets, and summaries of their packed days: how many readings they
//! have changes nothing in the cost.
//!
//! Four pipelines, of which the last two concern few sites: both ends by rank and the summaries, whether there are late
//! readings of packed days, the ends of what is plausible where an end is not, and an earlier reading where the last members are of
//! about the same time. The last day of a site is never packed, so its last readings are in the sorted set, unless
//! they were deleted.

use redis::{Pipeline, Value, pipe};

use super::ends::{self, ScoredMember, instant_of};
use super::overviews::{LAST_MEMBERS, SiteOverview};
use super::plausible::Plausible;
use super::site_days::{self, MAX_ATTEMPTS, ReadingCounter};
use crate::iso8601::Instant;
use crate::reading::SiteId;
use crate::store::connection::{SharedConnection, reply};
use crate::store::error::{StoreError, StoreResult};
use crate::store::error_class::ErrorClass;
use crate::store::packed::{self, FoundSummary};
use crate::store::series::{Order, Selection, SeriesStore};

const ZRANGE: &str = "ZRANGE";

/// The overviews of these sites, in their order.
///
/// # Errors
/// When the server replied with an error or not at all.
pub(super) async fn read(
    series: &SeriesStore,
    sites: &[SiteId],
    plausible: Plausible,
) -> StoreResult<Vec<SiteOverview>> {
    let mut overviews = vec![SiteOverview::default(); sites.len()];
    let reader = Reader { connection: series.connection(), series, sites, plausible };
    reader.read_all_ends(&mut overviews).await?;
    reader.read_plausible(&mut overviews).await?;
    reader.add_days(&mut overviews).await?;
    reader.read_references(&mut overviews).await?;
    Ok(overviews)
}

struct Reader<'a> {
    connection: &'a SharedConnection,
    series: &'a SeriesStore,
    sites: &'a [SiteId],
    plausible: Plausible,
}

impl Reader<'_> {
    /// Reads the ends of all sites; those of a site whose days change meanwhile again.
    async fn read_all_ends(&self, overviews: &mut [SiteOverview]) -> StoreResult<()> {
        let mut places: Vec<usize> = (0..self.sites.len()).collect();
        for _ in 0..MAX_ATTEMPTS {
            places = self.read_ends(&places, overviews).await?;
            if places.is_empty() {
                break;
            }
        }
        self.read_late(overviews).await
    }

    async fn add_days(&self, overviews: &mut [SiteOverview]) -> StoreResult<()> {
        for (site, overview) in self.sites.iter().zip(overviews) {
            if overview.add_days() {
                self.read_last(site, overview).await?;
            }
            if overview.is_uncertain && overview.readings.is_some() {
                let (connection, packed) = (self.connection, self.series.packed());
                let counter = ReadingCounter { connection, packed, site };
                overview.readings = Some(counter.count().await?);
            }
        }
        Ok(())
    }

    /// The last readings of a site whose last reading is not in its sorted set.
    async fn read_last(&self, site: &SiteId, overview: &mut SiteOverview) -> StoreResult<()> {
        let end = self.plausible.last().epoch_micros().saturating_add(1);
        let selection = Selection {
            end: Some(Instant::from_epoch_micros(end)),
            order: Order::Descending,
            ..Selection::default()
        };
        let wanted = LAST_MEMBERS.unsigned_abs();
        let mut reader = self.series.select(site, selection, wanted);
        let mut last = Vec::new();
        while last.len() < wanted {
            let page = match reader.next_page().await {
                // When it was seen is known without the archive.
                Err(error) if error.class == ErrorClass::Archive => break,
                page => page?,
            };
            let Some(page) = page else { break };
            let members = page.readings.into_iter().filter_map(|selected| {
                Some((selected.position.instant()?.epoch_seconds(), selected.member))
            });
            last.extend(members.take(wanted - last.len()));
        }
        let summary_last = overview.days.and_then(|days| days.last());
        overview.seen.last = summary_last.filter(|last| self.plausible.contains(*last));
        overview.add_last(&last, self.plausible);
        Ok(())
    }

    /// Reads the ends of sites, between two reads of the version of their days; gives those whose days have changed between
    /// these.
    async fn read_ends(
        &self,
        places: &[usize],
        overviews: &mut [SiteOverview],
    ) -> StoreResult<Vec<usize>> {
        let mut commands = pipe();
        for site in places.iter().map(|place| &self.sites[*place]) {
            commands.add_command(packed::summary(site));
            commands.add_command(ends::count(site));
            commands.add_command(ends::by_rank(site, 0, 0));
            commands.add_command(ends::by_rank(site, -LAST_MEMBERS, -1));
            commands.add_command(site_days::version(site));
        }
        let mut replies = self.send(&commands).await?;
        let (mut changed, mut stale) = (Vec::new(), Vec::new());
        for place in places {
            let found = self.series.packed().summary_of(self.next(&mut replies)??)?;
            let overview = &mut overviews[*place];
            *overview = self.ends(&mut replies)?;
            let version = reply::bytes(self.next(&mut replies)??);
            match (found, version) {
                (FoundSummary::NoDays, None) => {}
                (FoundSummary::Known(of, days), Some(version)) if of == version => {
                    overview.days = Some(days);
                }
                (FoundSummary::Stale, version) => stale.push((*place, version)),
                _ => changed.push(*place),
            }
        }
        self.read_headers(stale, overviews, &mut changed).await?;
        Ok(changed)
    }

    /// Summarizes the days of sites without a summary of these versions.
    async fn read_headers(
        &self,
        stale: Vec<(usize, Option<Vec<u8>>)>,
        overviews: &mut [SiteOverview],
        changed: &mut Vec<usize>,
    ) -> StoreResult<()> {
        let sites: Vec<_> = stale.iter().map(|(place, _)| &self.sites[*place]).collect();
        let days = self.series.packed().of_sites(&sites).await?;
        for ((place, version), days) in stale.into_iter().zip(days) {
            if days.version == version {
                overviews[place].days = days.summary();
            } else {
                changed.push(place);
            }
        }
        Ok(())
    }

    fn ends(
        &self,
        replies: &mut impl Iterator<Item = StoreResult<Value>>,
    ) -> StoreResult<SiteOverview> {
        let mut overview = SiteOverview::default();
        let count = ends::permitted(self.next(replies)?)?;
        overview.readings = count.as_ref().and_then(reply::integer);
        let first = self.members(replies)?;
        overview.is_empty = first.is_empty();
        let first = first.first().map(|(score, _)| instant_of(*score));
        overview.first = first.filter(|first| self.plausible.contains(*first));
        let mut last = self.members(replies)?;
        last.reverse();
        overview.add_last(&last, self.plausible);
        Ok(overview)
    }

    /// Finds the sites whose number of readings is not the sum of their tiers: members are being moved, or there are late
    /// ones, which may be packed as well.
    async fn read_late(&self, overviews: &mut [SiteOverview]) -> StoreResult<()> {
        let mut commands = pipe();
        for (site, overview) in self.sites.iter().zip(&*overviews) {
            if let Some(summary) = &overview.days {
                commands.add_command(site_days::late_members(site, summary));
            }
        }
        let mut replies = self.send(&commands).await?;
        for overview in overviews {
            let Some(summary) = &overview.days else { continue };
            let late = ends::permitted(self.next(&mut replies)?)?;
            let has_late = late.as_ref().and_then(reply::integer) != Some(0);
            overview.is_uncertain = has_late || summary.moving > 0;
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
            let hot = members.first().map(|(score, _)| instant_of(*score));
            let before = overview.needs_reference();
            let packed = overview.days.and_then(|days| days.last());
            let packed = packed.filter(|last| Some(*last) <= before);
            if let Some(reference) = hot.max(packed) {
                overview.add_reference(reference);
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
