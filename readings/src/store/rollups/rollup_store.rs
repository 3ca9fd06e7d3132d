//! Aggregates of a site, from rollups and members.

use std::time::Instant as Clock;

use instrumentation::log_throttle::LogThrottle;
use tracing::warn;

use super::days::{Days, Given};
use super::pause::Pause;
use super::question::Question;
use crate::energy::calendar::Range;
use crate::energy::integration::{IntegrateError, Integrator, SiteBuckets, TooManyFilled};
use crate::energy::rollup::{Day, DayRollup, Part, plan};
use crate::iso8601::Instant;
use crate::reading::SiteId;
use crate::store::connection::SharedConnection;
use crate::store::device_sample::DeviceSample;
use crate::store::error::{StoreError, StoreResult};
use crate::store::error_class::ErrorClass;
use crate::store::series::SeriesStore;

/// Rollups of the days of all sites, over a connection that others may share.
#[derive(Debug, Clone)]
pub struct RollupStore {
    series: SeriesStore,
    days: Days,
    /// Of reading rollups.
    pause: Pause,
}

/// A question without an answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AggregateError {
    /// The server replied with an error or not at all.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The devices of the site have too many buckets together.
    #[error(transparent)]
    TooMany(#[from] TooManyFilled),
}

/// What [`RollupStore::build`] has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Built {
    /// Days that have a valid rollup now.
    pub days: u64,
    /// How many of them were computed.
    pub computed: u64,
    /// Where to continue; `None` after the last day.
    pub next: Option<Day>,
}

impl RollupStore {
    /// The rollups of the server that the connection leads to.
    #[must_use]
    pub fn new(connection: SharedConnection) -> Self {
        Self::reading_from(SeriesStore::new(connection.clone()), connection)
    }

    /// As [`RollupStore::new`], with readings of another connection, which may lead to a replica: what is computed of its
    /// readings is stored over that to the primary, which refuses it where a reading was removed since the replica's
    /// state (see [`crate::store::rollups`]).
    #[must_use]
    pub fn reading_from(series: SeriesStore, primary: SharedConnection) -> Self {
        let days = Days::new(series.connection().clone(), primary, series.clone());
        Self { series, days, pause: Pause::default() }
    }

    /// Buckets of the devices of a site. Rollups that are missing or not valid are computed and stored; a
    /// failure to store them is logged. A user that may not read them gets the same from members.
    ///
    /// # Errors
    /// When the server replied with an error or not at all, or the buckets are too many.
    pub async fn aggregate(
        &self,
        site: &SiteId,
        question: &Question,
    ) -> Result<SiteBuckets, AggregateError> {
        if self.pause.is_active() {
            return self.from_members(site, question).await;
        }
        match self.integrate(site, question, plan(&question.aggregation)).await {
            Ok(Ok(integrator)) => Ok(integrator.finish()),
            Ok(Err(IntegrateError::TooMany(error))) => Err(error.into()),
            // A rollup that is no summary of its day, which its checksum does not exclude.
            Ok(Err(IntegrateError::Compose(_))) => self.from_members(site, question).await,
            Err(error) if error.class == ErrorClass::Denied => {
                self.pause.begin();
                log_not_permitted(&error);
                self.from_members(site, question).await
            }
            Err(error) => Err(error.into()),
        }
    }

    /// As [`RollupStore::aggregate`], from members alone.
    ///
    /// # Errors
    /// As of [`RollupStore::aggregate`].
    pub async fn from_members(
        &self,
        site: &SiteId,
        question: &Question,
    ) -> Result<SiteBuckets, AggregateError> {
        let members = vec![Part::Members(question.aggregation.reach())];
        match self.integrate(site, question, members).await? {
            Ok(integrator) => Ok(integrator.finish()),
            Err(_) => Err(TooManyFilled.into()),
        }
    }

    /// Stores the missing rollups of the first days from one on (`None`: from the first).
    ///
    /// # Errors
    /// When the server replied with an error or not at all; the same days can be built again.
    pub async fn build(&self, site: &SiteId, from: Option<Day>) -> StoreResult<Built> {
        let (built, kept) = self.visit(site, from, LAST_DAY, &mut |_| ()).await?;
        kept.map(|()| built)
    }

    /// As [`RollupStore::build`], of days before another one; gives each rollup in the order of days, and whether
    /// those that were missing are stored.
    ///
    /// # Errors
    /// When the server replied with an error or not at all.
    pub async fn visit(
        &self,
        site: &SiteId,
        from: Option<Day>,
        until: Day,
        visit: &mut impl FnMut(&DayRollup),
    ) -> StoreResult<(Built, StoreResult<()>)> {
        let from = from.unwrap_or(FIRST_DAY);
        let mut add = |rollup: &DayRollup| {
            visit(rollup);
            Ok::<_, StoreError>(())
        };
        let Given { days, computed, next, kept } =
            self.days.each(site, from, until, &mut add).await?;
        Ok((Built { days, computed, next }, kept))
    }

    async fn integrate(
        &self,
        site: &SiteId,
        question: &Question,
        parts: Vec<Part>,
    ) -> StoreResult<Result<Integrator, IntegrateError>> {
        let mut integrator = Integrator::new(question.aggregation.clone());
        for part in parts {
            let into = (question, &mut integrator);
            let added = match part {
                Part::Members(range) => self.add_members(site, range, into).await,
                Part::Rollups(range) => self.add_rollups(site, range, into).await,
            };
            match added {
                Err(Failed::Store(error)) => return Err(error),
                Err(Failed::Integrate(error)) => return Ok(Err(error)),
                Ok(()) => {}
            }
        }
        Ok(Ok(integrator))
    }

    async fn add_members(
        &self,
        site: &SiteId,
        range: Range,
        (question, integrator): (&Question, &mut Integrator),
    ) -> Result<(), Failed> {
        let mut samples = self.series.samples(site, range);
        while let Some(page) = samples.next_page().await? {
            for DeviceSample { device, sample } in page {
                if question.includes(&device) {
                    integrator.push(&device, sample).map_err(IntegrateError::from)?;
                }
            }
        }
        Ok(())
    }

    async fn add_rollups(
        &self,
        site: &SiteId,
        range: Range,
        (question, integrator): (&Question, &mut Integrator),
    ) -> Result<(), Failed> {
        let (first, last) = (Day::of(range.start()), Day::of(before(range.end())));
        let mut next = Some(first);
        let mut add = |rollup: &DayRollup| -> Result<(), Failed> {
            for (device, summaries) in rollup.within(range) {
                if question.includes(device) {
                    integrator.push_summaries(device, summaries)?;
                }
            }
            Ok(())
        };
        while let Some(from) = next {
            next = self.days.each(site, from, last.next(), &mut add).await?.next;
        }
        Ok(())
    }
}

/// Days of the years 1 to 9999, and a day around them.
const FIRST_DAY: Day = Day::from_number(-719_163);
const LAST_DAY: Day = Day::from_number(2_932_898);

const fn before(instant: Instant) -> Instant {
    Instant::from_epoch_micros(instant.epoch_micros() - 1)
}

/// The members have all that is asked for, and take longer.
fn log_not_permitted(error: &StoreError) {
    static THROTTLE: LogThrottle = LogThrottle::new();
    if let Some(suppressed) = THROTTLE.should_log(Clock::now()) {
        warn!(%error, suppressed, "rollups may not be read, questions are answered from members");
    }
}

/// Why a part of a question was not added.
enum Failed {
    Store(StoreError),
    Integrate(IntegrateError),
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<IntegrateError> for Failed {
    fn from(error: IntegrateError) -> Self {
        Self::Integrate(error)
    }
}
