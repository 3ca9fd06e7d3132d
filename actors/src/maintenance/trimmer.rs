//! `Trimmer`: removes from the stream what every group has acknowledged.
//!
//! Without it the stream grows. Any number of replicas may trim: each asks for the bound anew, and the
//! bound only rises.

use std::sync::Arc;
use std::time::Duration;

use readings::store::StoreError;
use tracing::debug;

use crate::config::Shared;
use crate::maintenance::periodic_task::Chore;
use crate::metrics::METRICS;

/// How often the stream is trimmed. Too low and Redis is asked for nothing; too high and it holds that
/// much more (94 bytes a reading).
const TRIM_EVERY: Duration = Duration::from_secs(5);

pub(crate) struct Trimmer(pub Arc<Shared>);

impl Chore for Trimmer {
    const NAME: &'static str = "trimming the stream";

    /// Half the retention at most: a short one is meant to be seen.
    fn pause(&self) -> Option<Duration> {
        Some(TRIM_EVERY.min(self.0.config.stream_retention / 2).max(TRIM_EVERY / 5))
    }

    async fn work(&mut self) -> Result<(), StoreError> {
        let Shared { stream, config, .. } = self.0.as_ref();
        let entries = stream.trim(config.stream_retention).await?;
        METRICS.trimmed(entries);
        debug!(entries, "trimmed the stream");
        Ok(())
    }
}
