//! What is known of a site, from both ends of its sorted set and what is known of its days.

use super::ends::{self, ScoredMember, instant_of};
use super::plausible::Plausible;
use super::status::{Seen, Status};
use crate::iso8601::Instant;
use crate::store::packed::DaysSummary;

/// Members of an end. Too low and most sites need the third pipeline; too high and each page copies members without
/// need.
pub(super) const LAST_MEMBERS: isize = 3;

/// The interval of a site is from its last reading to one that is this much older, as its devices send together. Less
/// than a minute, which meters send at, never exactly. Too low and such sites are offline between two of their times;
/// too high and silence of a site is seen late.
const MIN_SITE_INTERVAL_MICROS: i64 = 50 * 1_000_000;

/// What is known of a site.
#[derive(Debug, Clone, Default)]
pub struct SiteOverview {
    /// The number of its members, outliers included; `None` without the permission to count.
    pub readings: Option<u64>,
    /// The first plausible instant.
    pub first: Option<Instant>,
    /// When it was last seen.
    pub seen: Seen,
    pub(super) is_empty: bool,
    /// Its packed and archived days.
    pub(super) days: Option<DaysSummary>,
    /// Whether its readings are to be counted by comparing members.
    pub(super) is_uncertain: bool,
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
    pub(super) fn add_last(&mut self, members: &[ScoredMember], plausible: Plausible) {
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
    pub(super) fn add_reference(&mut self, instant: Instant) {
        let Some(last) = self.seen.last else { return };
        let micros = last.epoch_micros().saturating_sub(instant.epoch_micros());
        if micros >= MIN_SITE_INTERVAL_MICROS && self.seen.interval_micros.is_none() {
            self.seen.interval_micros = Some(micros);
        }
    }

    /// Adds what is known of its days, after the ends of its sorted set; returns whether the last reading is of them.
    pub(super) fn add_days(&mut self) -> bool {
        let Some(summary) = self.days.filter(|days| days.members > 0) else { return false };
        self.is_empty = false;
        self.first = self.first.into_iter().chain(summary.first()).min();
        self.readings = self.readings.map(|hot| hot + summary.members);
        summary.last() > self.seen.last
    }

    /// Whether an end is not plausible, so that the ends of what is plausible are to be read.
    pub(super) fn needs_plausible(&self) -> bool {
        !self.is_empty && (self.first.is_none() || self.seen.last.is_none())
    }

    /// The instant before which the reading is that the interval is from, where it is not known.
    pub(super) fn needs_reference(&self) -> Option<Instant> {
        let last = self.seen.last.filter(|_| self.seen.interval_micros.is_none())?;
        let before = last.epoch_micros().saturating_sub(MIN_SITE_INTERVAL_MICROS);
        (self.first? < last).then(|| Instant::from_epoch_micros(before))
    }
}
