//! `ReadingsRetention`: deletes stored readings that have expired.
//!
//! Without it they stay. A reading that is older than the retention when it is stored is deleted by the
//! next run.

use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

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

pub(crate) struct ReadingsRetention(pub Arc<PipelineContext>);

impl PeriodicTask for ReadingsRetention {
    const NAME: &'static str = "delete expired readings";

    fn interval(&self) -> Option<Duration> {
        Some(EXPIRY_INTERVAL.min(self.0.config.readings_retention? / 2))
    }

    async fn run(&mut self) -> Result<(), StoreError> {
        let Some(oldest_kept) = self.oldest_kept() else { return Ok(()) };
        let PipelineContext { sites, series, draining, .. } = self.0.as_ref();
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
            }
            after = page.into_iter().next_back();
            if after.is_none() {
                break;
            }
        }
        METRICS.expired(expired);
        if expired > 0 {
            info!(expired, "deleted expired readings");
        }
        Ok(())
    }
}

impl ReadingsRetention {
    fn oldest_kept(&self) -> Option<Instant> {
        Instant::before_now(self.0.config.readings_retention?)
    }
}
