//! `ReadingsRetention`: removes stored readings that are older than they may get.
//!
//! Without it old readings stay. A late write of an old reading is no race: whatever is too old goes
//! with the next round, also what came after the last.

use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use readings::store::StoreError;
use readings::{Instant, SiteId};
use tracing::info;

use crate::config::Shared;
use crate::maintenance::periodic_task::Chore;
use crate::metrics::METRICS;

/// How often a round begins. Too low and Redis is asked for nothing; too high and readings stay that
/// much longer.
const ROUND_EVERY: Duration = Duration::from_mins(1);

/// Sites that are listed at a time.
const SITES: usize = 1_000;

pub(crate) struct ReadingsRetention(pub Arc<Shared>);

impl Chore for ReadingsRetention {
    const NAME: &'static str = "removing old readings";

    fn pause(&self) -> Option<Duration> {
        Some(ROUND_EVERY.min(self.0.config.readings_retention? / 2))
    }

    /// Goes through all sites once.
    async fn work(&mut self) -> Result<(), StoreError> {
        let Some(before) = self.oldest_kept() else { return Ok(()) };
        let Shared { sites, series, draining, .. } = self.0.as_ref();
        let (mut after, mut removed) = (None, 0);
        loop {
            let page: Vec<_> = sites.list(after.as_ref(), SITES).await?;
            let page: Vec<SiteId> = page.into_iter().filter_map(SiteId::new).collect();
            for site in &page {
                if draining.is_cancelled() {
                    return Ok(());
                }
                removed += series.remove_before(site, before).await?;
            }
            after = page.into_iter().next_back();
            if after.is_none() {
                break;
            }
        }
        METRICS.expired(removed);
        if removed > 0 {
            info!(removed, "removed readings for their age");
        }
        Ok(())
    }
}

impl ReadingsRetention {
    fn oldest_kept(&self) -> Option<Instant> {
        let age = i64::try_from(self.0.config.readings_retention?.as_micros()).ok()?;
        Some(Instant::from_epoch_micros(Utc::now().timestamp_micros().saturating_sub(age)))
    }
}
