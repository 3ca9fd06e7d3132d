//! The rollups of some days of a site: cached, stored, or computed of their members.

use std::time::Instant as Clock;

use instrumentation::log_throttle::LogThrottle;
use tokio::task;
use tracing::warn;

use super::day_cache::DayCache;
use super::day_members::DaysBuilder;
use super::keep::{Keeper, Kept};
use super::pause::Pause;
use super::stored_days::{self, DayState, StoredDay, StoredDays};
use crate::energy::calendar::Range;
use crate::energy::rollup::{Day, DayBuilder, DayRollup};
use crate::iso8601::Instant;
use crate::reading::SiteId;
use crate::store::connection::SharedConnection;
use crate::store::device_sample::DeviceSample;
use crate::store::error::{StoreError, StoreResult};
use crate::store::error_class::ErrorClass;
use crate::store::series::SeriesStore;

/// Gives rollups of days.
#[derive(Debug, Clone)]
pub(super) struct Days {
    connection: SharedConnection,
    /// Stores what was computed.
    primary: SharedConnection,
    series: SeriesStore,
    cache: DayCache,
    /// Of storing rollups.
    pause: Pause,
}

/// What was given.
pub(super) struct Given {
    /// Days that have members.
    pub days: u64,
    /// How many of them had no valid rollup.
    pub computed: u64,
    /// The first later day that may have members, up to the last that was asked for.
    pub next: Option<Day>,
    /// Whether the rollups that were computed are stored now.
    pub kept: StoreResult<()>,
}

impl Days {
    pub fn new(
        connection: SharedConnection,
        primary: SharedConnection,
        series: SeriesStore,
    ) -> Self {
        Self { connection, primary, series, cache: DayCache::default(), pause: Pause::default() }
    }

    /// Gives the rollups of the first days from one on until another, which is excluded, in their order; computes
    /// and stores those that are missing. A failure to store them is logged.
    pub async fn each<E: From<StoreError>>(
        &self,
        site: &SiteId,
        from: Day,
        until: Day,
        add: &mut impl FnMut(&DayRollup) -> Result<(), E>,
    ) -> Result<Given, E> {
        let stored = stored_days::read(&self.connection, &self.cache, site, from, until).await?;
        let keeper = Keeper {
            primary: &self.primary,
            reads: &self.connection,
            read_in: stored.version.connection,
        };
        let mut kept = Kept::new(keeper, site, stored.version.rollups.clone());
        if self.pause.is_active() {
            kept.disable();
        }
        let computed = self.give(site, &stored, &mut kept, add).await?;
        let kept = kept.finish().await;
        if let Err(error) = &kept {
            self.log_not_kept(error);
        }
        Ok(Given { days: stored.days.len() as u64, computed, next: stored.next, kept })
    }

    /// Gives how many days had no valid rollup.
    async fn give<E: From<StoreError>>(
        &self,
        site: &SiteId,
        stored: &StoredDays,
        kept: &mut Kept<'_>,
        add: &mut impl FnMut(&DayRollup) -> Result<(), E>,
    ) -> Result<u64, E> {
        let (mut missing, mut computed): (&[StoredDay], u64) = (&[], 0);
        let mut decoded = Vec::new();
        for (place, day) in stored.days.iter().enumerate() {
            let state = day.state(&mut decoded);
            let is_next = missing.last().is_none_or(|last| last.day.next() == day.day);
            if !(matches!(state, DayState::Missing) && is_next) {
                self.compute(site, missing, kept, add).await?;
                missing = &[];
            }
            computed += u64::from(!matches!(state, DayState::Valid(_)));
            match state {
                DayState::Missing => missing = &stored.days[place - missing.len()..=place],
                DayState::Stale(rollup) => self.renew(site, day, &rollup, kept, add).await?,
                DayState::Valid(rollup) => {
                    add(&rollup)?;
                    yield_after(place).await;
                }
            }
        }
        self.compute(site, missing, kept, add).await?;
        self.cache.insert(site, &stored.version, decoded);
        Ok(computed)
    }

    /// Computes a rollup again: that of a day in the sorted set alone from its last quarter on, where there are as many
    /// members before it as there were.
    async fn renew<E: From<StoreError>>(
        &self,
        site: &SiteId,
        day: &StoredDay,
        stale: &DayRollup,
        kept: &mut Kept<'_>,
        add: &mut impl FnMut(&DayRollup) -> Result<(), E>,
    ) -> Result<(), E> {
        self.cache.remove_day(site, day.day);
        let only = std::slice::from_ref(day);
        if !day.is_hot() {
            return self.compute(site, only, kept, add).await;
        }
        let from = stale.last_quarter().unwrap_or_else(|| day.day.start());
        let before = [day.day.start(), from];
        let members = stored_days::members_between(&self.connection, site, before).await?;
        let later = if members == stale.readings_before(from) {
            self.rollup_from(site, day.day, from).await?
        } else {
            None
        };
        let Some(later) = later else {
            return self.compute(site, only, kept, add).await;
        };
        let rollup = stale.followed_by(from, later);
        add(&rollup)?;
        kept.push(rollup, only).await;
        Ok(())
    }

    /// The rollup of the members of a day from an instant on; `None` where a rounded score moved a reading to it.
    async fn rollup_from(
        &self,
        site: &SiteId,
        day: Day,
        from: Instant,
    ) -> StoreResult<Option<DayRollup>> {
        let mut samples = self.series.samples(site, Range::between(from, day.next().start()));
        let (mut builder, mut members) = (DayBuilder::new(day), 0);
        while let Some(page) = samples.next_page().await? {
            for DeviceSample { device, sample } in page {
                if sample.instant < from || builder.push(&device, sample).is_err() {
                    return Ok(None);
                }
                members += 1;
            }
        }
        Ok(Some(builder.finish(members)))
    }

    /// Computes the rollups of neighbouring days, of which there may be none, from their members.
    async fn compute<E: From<StoreError>>(
        &self,
        site: &SiteId,
        days: &[StoredDay],
        kept: &mut Kept<'_>,
        add: &mut impl FnMut(&DayRollup) -> Result<(), E>,
    ) -> Result<(), E> {
        let (Some(first), Some(last)) = (days.first(), days.last()) else { return Ok(()) };
        let range = Range::between(first.day.start(), last.day.next().start());
        let mut samples = self.series.samples(site, range);
        let mut builder = DaysBuilder::default();
        while let Some(page) = samples.next_page().await? {
            for DeviceSample { device, sample } in page {
                if let Some(rollup) = builder.push(&device, sample) {
                    add(&rollup)?;
                    kept.push(rollup, days).await;
                }
            }
        }
        if let Some(rollup) = builder.finish() {
            add(&rollup)?;
            kept.push(rollup, days).await;
        }
        Ok(())
    }

    /// A question is answered all the same: a full Redis, or one that rejects writes, has all readings.
    fn log_not_kept(&self, error: &StoreError) {
        static THROTTLE: LogThrottle = LogThrottle::new();
        if error.class == ErrorClass::Denied {
            self.pause.begin();
        }
        if let Some(suppressed) = THROTTLE.should_log(Clock::now()) {
            warn!(%error, suppressed, "rollups were not stored, the next question computes them again");
        }
    }
}

/// Days after which other requests have their turn. Too low and a year costs more than it must; too high and they wait
/// for a site with many devices.
const DAYS_OF_A_TURN: usize = 16;

async fn yield_after(place: usize) {
    if place % DAYS_OF_A_TURN == DAYS_OF_A_TURN - 1 {
        task::yield_now().await;
    }
}
