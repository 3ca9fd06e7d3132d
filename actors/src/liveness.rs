//! `Liveness`: whether the pipeline makes progress, for the liveness probe of the process.

use std::sync::Arc;
use std::time::Instant;

use crate::context::PipelineContext;
use crate::flow::progress::Stalled;
use crate::partition_context::PartitionContext;
use crate::running_partitions::RunningPartitions;

/// Watches a running pipeline; cloning it is cheap.
#[derive(Debug, Clone)]
pub struct Liveness {
    context: Arc<PipelineContext>,
    partitions: RunningPartitions,
}

impl Liveness {
    pub(crate) const fn new(context: Arc<PipelineContext>, partitions: RunningPartitions) -> Self {
        Self { context, partitions }
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
        self.partitions.all().iter().try_for_each(|partition| self.check_partition(partition, now))
    }

    fn check_partition(&self, partition: &PartitionContext, now: Instant) -> Result<(), Stalled> {
        let PartitionContext { outage, draining, progress, .. } = partition;
        let limit = self.context.config.progress_timeout;
        // For as long after an outage, too: the turn that it interrupted is still to be finished.
        if draining.is_cancelled() || outage.failed_within(limit, now) {
            return Ok(());
        }
        let mut sources = progress.overdue(now, self.context.window.idle_for(now));
        sources
            .find(|stalled| stalled.since > limit)
            .or_else(|| self.stalled_entries(partition, now))
            .map_or(Ok(()), Err)
    }

    fn stalled_entries(&self, partition: &PartitionContext, now: Instant) -> Option<Stalled> {
        let config = &self.context.config;
        let since = partition.window.stalled_for(now)?;
        // The artificial delay is part of the processing, and comes before each reading, also of the other partitions.
        let others = self.context.window.len().saturating_sub(partition.window.len());
        let delays = u32::try_from(others).unwrap_or(u32::MAX).saturating_add(2);
        let limit = config.progress_timeout + config.processing_delay.saturating_mul(delays);
        (since > limit).then_some(Stalled { component: "entries_in_flight", since })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::flow::progress::Source;
    use crate::test_support::{beside, context, permit};

    const TOO_LONG: Duration = Duration::from_secs(121);

    /// Of a pipeline with one partition.
    fn liveness() -> (Liveness, Arc<PartitionContext>) {
        let partition = Arc::new(context());
        assert!(partition.pipeline.config.progress_timeout < TOO_LONG);
        let running = RunningPartitions::default();
        running.insert(Arc::clone(&partition));
        (Liveness::new(Arc::clone(&partition.pipeline), running), partition)
    }

    fn stalled(liveness: &Liveness) -> Option<&'static str> {
        let stalled = liveness.check_at(Instant::now() + TOO_LONG).err();
        stalled.map(|stalled| stalled.component)
    }

    /// As both sources do while they wait for permits, or for Redis.
    fn wait(partition: &PartitionContext) {
        for source in [Source::StreamReader, Source::PendingReclaimer] {
            std::mem::forget(partition.progress.turns(source).wait());
        }
    }

    #[test]
    fn a_pipeline_that_has_just_been_started_is_live() {
        assert_eq!(liveness().0.check(), Ok(()));
    }

    #[test]
    fn a_source_that_takes_no_turn_in_time_stalls_the_pipeline() {
        let (liveness, partition) = liveness();
        assert_eq!(stalled(&liveness), Some("stream_reader"));
        let now = Instant::now() + TOO_LONG;
        partition.progress.turns(Source::StreamReader).begin(now);
        assert_eq!(stalled(&liveness), Some("pending_reclaimer"));
        partition.progress.turns(Source::PendingReclaimer).begin(now);
        assert_eq!(stalled(&liveness), None);
    }

    #[test]
    fn sources_that_still_wait_though_no_entry_is_in_flight_stall_it() {
        let (liveness, partition) = liveness();
        wait(&partition);
        assert_eq!(liveness.check(), Ok(()));
        assert_eq!(stalled(&liveness), Some("stream_reader"));
    }

    #[tokio::test]
    async fn an_entry_in_flight_that_is_not_finished_in_time_stalls_it() {
        let (liveness, partition) = liveness();
        wait(&partition);
        let permit = permit(&partition, &[1]).await;
        assert_eq!(stalled(&liveness), Some("entries_in_flight"));
        permit.settle();
        assert_eq!(liveness.check(), Ok(()));
    }

    #[test]
    fn an_outage_of_redis_does_not_stall_it_however_long_it_lasts() {
        let (liveness, partition) = liveness();
        partition.pipeline.outage.record_failure(Instant::now() + TOO_LONG);
        assert_eq!(stalled(&liveness), None);
    }

    #[test]
    fn a_pipeline_that_drains_is_live() {
        let (liveness, partition) = liveness();
        partition.pipeline.draining.cancel();
        assert_eq!(stalled(&liveness), None);
    }

    #[test]
    fn a_partition_that_makes_no_progress_stalls_it_though_another_one_does() {
        let (liveness, partition) = liveness();
        let other = beside(&partition, 1);
        let now = Instant::now() + TOO_LONG;
        for source in [Source::StreamReader, Source::PendingReclaimer] {
            partition.progress.turns(source).begin(now);
        }
        assert_eq!(stalled(&liveness), None);
        liveness.partitions.insert(other);
        assert_eq!(stalled(&liveness), Some("stream_reader"));
        // One whose stream cannot be read is in an outage of its own.
        liveness.partitions.all()[1].outage.record_failure(now);
        assert_eq!(stalled(&liveness), None);
    }
}
