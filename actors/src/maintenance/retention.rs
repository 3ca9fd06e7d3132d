//! `ReadingsRetention`: deletes stored readings that have expired.
//!
//! Without it they stay. A reading that is older than the retention when it is stored is deleted by the
//! next run. A packed or archived day is deleted once all of it has expired: to write it again each minute with the rest
//! would cost more than its memory.

use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use readings::energy::rollup::Day;
use readings::store::StoreError;
use readings::{Instant, SiteId};
use tracing::info;

use super::periodic_task::PeriodicTask;
use crate::context::PipelineContext;
use crate::metrics::METRICS;

/// How often expired readings are deleted. Too low and Redis scans all sites for nothing; too high and
/// readings stay that much longer.
const EXPIRY_INTERVAL: Duration = Duration::from_mins(1);

/// Sites of one page of the index. Too low and pages cost round trips; too high and one page delays other
/// commands.
const SITES_PER_PAGE: usize = 1_000;

/// The prefix of all sites.
const ALL_SITES: &str = "";

pub(crate) struct ReadingsRetention {
    context: Arc<PipelineContext>,
    /// The day before which packed days are deleted already.
    kept_from: Option<Day>,
}

impl PeriodicTask for ReadingsRetention {
    const NAME: &'static str = "delete expired readings";

    fn interval(&self) -> Option<Duration> {
        Some(EXPIRY_INTERVAL.min(self.context.config.readings_retention? / 2))
    }

    async fn run(&mut self) -> Result<(), StoreError> {
        let Some(oldest_kept) = self.oldest_kept() else { return Ok(()) };
        let kept_from = Day::of(oldest_kept);
        let days_expire = self.kept_from != Some(kept_from);
        let PipelineContext { sites, series, draining, .. } = self.context.as_ref();
        let mut after: Option<SiteId> = None;
        let mut expired = 0;
        loop {
            let start =
                after.as_ref().map_or(Bound::Unbounded, |site| Bound::Excluded(site.as_str()));
            let page = sites.list(start, ALL_SITES, SITES_PER_PAGE).await?;
            for site in &page {
                if draining.is_cancelled() {
                    return Ok(());
                }
                expired += series.expire_before(site, oldest_kept).await?;
                if days_expire {
                    expired += series.expire_days(site, kept_from).await?;
                }
            }
            after = page.into_iter().next_back();
            if after.is_none() {
                break;
            }
        }
        self.kept_from = Some(kept_from);
        METRICS.expired(expired);
        if expired > 0 {
            info!(expired, "deleted expired readings");
        }
        Ok(())
    }
}

impl ReadingsRetention {
    pub const fn new(context: Arc<PipelineContext>) -> Self {
        Self { context, kept_from: None }
    }

    fn oldest_kept(&self) -> Option<Instant> {
        Instant::before_now(self.context.config.readings_retention?)
    }
}
