//! `Liveness`: whether the pipeline makes progress, for the liveness probe of the process.

use std::sync::Arc;
use std::time::Instant;

use crate::context::PipelineContext;
use crate::flow::progress::Stalled;

/// Watches a running pipeline; cloning it is cheap.
#[derive(Debug, Clone)]
pub struct Liveness(Arc<PipelineContext>);

impl Liveness {
    pub(crate) const fn new(context: Arc<PipelineContext>) -> Self {
        Self(context)
    }

    /// Fails when a source should have taken a turn, or an entry in flight should have been finished, within
    /// [`progress_timeout`](crate::PipelineConfig::progress_timeout): restarting the process would help.
    ///
    /// An outage of Redis never fails it, nor does the drain, which has a time limit of its own.
    ///
    /// # Errors
    /// The part of the pipeline that makes no progress.
    pub fn check(&self) -> Result<(), Stalled> {
        self.check_at(Instant::now())
    }

    fn check_at(&self, now: Instant) -> Result<(), Stalled> {
        let PipelineContext { config, outage, draining, progress, window, .. } = self.0.as_ref();
        let limit = config.progress_timeout;
        // For as long after an outage, too: the turn that it interrupted is still to be finished.
        if draining.is_cancelled() || outage.failed_within(limit, now) {
            return Ok(());
        }
        let mut sources = progress.overdue(now, window.idle_for(now));
        sources
            .find(|stalled| stalled.since > limit)
            .or_else(|| self.stalled_entries(now))
            .map_or(Ok(()), Err)
    }

    fn stalled_entries(&self, now: Instant) -> Option<Stalled> {
        let PipelineContext { config, window, .. } = self.0.as_ref();
        let since = window.stalled_for(now)?;
        // The artificial delay is part of the processing, and comes before each reading.
        let limit = config.progress_timeout + config.processing_delay * 2;
        (since > limit).then_some(Stalled { component: "entries_in_flight", since })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use readings::store::StreamId;

    use super::*;
    use crate::flow::progress::Source;
    use crate::test_support::context;

    const TOO_LONG: Duration = Duration::from_secs(121);

    fn liveness() -> Liveness {
        let context = context();
        assert!(context.config.progress_timeout < TOO_LONG);
        Liveness::new(Arc::new(context))
    }

    fn stalled(liveness: &Liveness) -> Option<&'static str> {
        let stalled = liveness.check_at(Instant::now() + TOO_LONG).err();
        stalled.map(|stalled| stalled.component)
    }

    /// As both sources do while they wait for permits, or for Redis.
    fn wait(liveness: &Liveness) {
        for source in [Source::StreamReader, Source::PendingReclaimer] {
            std::mem::forget(liveness.0.progress.turns(source).wait());
        }
    }

    #[test]
    fn a_pipeline_that_has_just_been_started_is_live() {
        assert_eq!(liveness().check(), Ok(()));
    }

    #[test]
    fn a_source_that_takes_no_turn_in_time_stalls_the_pipeline() {
        let liveness = liveness();
        assert_eq!(stalled(&liveness), Some("stream_reader"));
        let now = Instant::now() + TOO_LONG;
        liveness.0.progress.turns(Source::StreamReader).begin(now);
        assert_eq!(stalled(&liveness), Some("pending_reclaimer"));
        liveness.0.progress.turns(Source::PendingReclaimer).begin(now);
        assert_eq!(stalled(&liveness), None);
    }

    #[test]
    fn sources_that_still_wait_though_no_entry_is_in_flight_stall_it() {
        let liveness = liveness();
        wait(&liveness);
        assert_eq!(liveness.check(), Ok(()));
        assert_eq!(stalled(&liveness), Some("stream_reader"));
    }

    #[tokio::test]
    async fn an_entry_in_flight_that_is_not_finished_in_time_stalls_it() {
        let liveness = liveness();
        wait(&liveness);
        let batch_size = liveness.0.config.batch_size;
        let reservation = liveness.0.window.reserve(batch_size).await;
        let permit = reservation.fill(vec![StreamId { ms: 1, seq: 0 }]);
        assert_eq!(stalled(&liveness), Some("entries_in_flight"));
        permit.settle();
        assert_eq!(liveness.check(), Ok(()));
    }

    #[test]
    fn an_outage_of_redis_does_not_stall_it_however_long_it_lasts() {
        let liveness = liveness();
        liveness.0.outage.record_failure(Instant::now() + TOO_LONG);
        assert_eq!(stalled(&liveness), None);
    }

    #[test]
    fn a_pipeline_that_drains_is_live() {
        let liveness = liveness();
        liveness.0.draining.cancel();
        assert_eq!(stalled(&liveness), None);
    }
}
