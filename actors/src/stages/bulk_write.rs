//! `BulkWrite`: the prepared writes of many sites, stored with one Redis pipeline.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use instrumentation::log_throttle::LogThrottle;
use readings::store::codec::StreamEntry;
use readings::store::series::{Deduplication, SiteOutcome};
use readings::store::write_batch::{SiteWrite, WriteBatch, WriteResult};
use readings::store::{ErrorClass, Generation, Partition, StoreError, StreamId};
use tracing::warn;

use super::batch::{PreparedWrite, by_partition, ids, order_by_partition};
use super::fence::Fence;
use super::write_log::log_deleted;
use crate::context::PipelineContext;
use crate::flow::retry::retry_forever;
use crate::flow::traces::CommandTiming;
use crate::metrics::METRICS;
use crate::partition_context::PartitionContext;

/// A bulk write that is in progress.
pub(super) struct BulkWrite {
    context: Arc<PipelineContext>,
    writes: Vec<PreparedWrite>,
    /// The commands of all writes; valid in `generation`, and until entries may have been claimed.
    commands: WriteBatch,
    /// The connection's generation in which the commands were built.
    generation: Generation,
    /// When the first of the entries was requested.
    requested_at: Instant,
}

/// A bulk write that has been confirmed.
pub(super) struct CompletedWrite {
    pub writes: Vec<PreparedWrite>,
    /// For each write: the permanent error that rejected it.
    pub rejections: Vec<Option<StoreError>>,
    /// Has the entries that were not written: claimed by another consumer, or dead-lettered.
    pub fence: Fence,
    /// The connection's generation in which the writes were confirmed.
    pub generation: Generation,
}

type Outcomes = Vec<Result<SiteOutcome, StoreError>>;
/// Entries that were not stored, because another reading is kept.
type Dropped = HashSet<(Partition, StreamId)>;
type Separated = (Vec<Option<StoreError>>, Vec<(usize, SiteOutcome)>);

/// The replies to an attempt that was confirmed.
struct Attempt {
    rejections: Vec<Option<StoreError>>,
    fence: Fence,
    generation: Generation,
}

impl BulkWrite {
    /// A bulk write of these writes; one at least.
    pub fn new(context: Arc<PipelineContext>, mut writes: Vec<PreparedWrite>) -> Self {
        let generation = context.sites.generation();
        let new_sites = writes.iter().filter(|write| write.indexed_in != Some(generation));
        let new_sites = new_sites.map(|write| &write.site);
        let mut commands = WriteBatch::indexing(&context.sites, new_sites);
        order_by_partition(&mut writes);
        for write in &mut writes {
            commands.push(std::mem::take(&mut write.command));
        }
        ask_for_deleted(&mut commands, &writes, &Fence::default());
        let requested_at = writes.iter().map(|write| write.requested_at).min();
        let requested_at = requested_at.unwrap_or_else(Instant::now);
        Self { context, writes, commands, generation, requested_at }
    }

    /// Stores the entries that this consumer still owns, retrying until Redis has confirmed it.
    pub async fn store(self) -> CompletedWrite {
        let Attempt { rejections, fence, generation } =
            retry_forever(&self.context.outage, || self.attempt()).await;
        CompletedWrite { writes: self.writes, rejections, fence, generation }
    }

    async fn attempt(&self) -> Result<Attempt, StoreError> {
        // Checked in each attempt: entries get older while Redis is unavailable. Costs a round trip, so not
        // while no other consumer can have claimed them.
        let is_late = self.context.may_have_been_claimed(self.requested_at);
        let fence = if is_late { Fence::check(&self.writes).await? } else { Fence::default() };
        fail::fail_point!("bulk-write-after-fence");
        // In a new generation the server may have lost its index: all sites are indexed again.
        let is_outdated = self.generation != self.context.sites.generation();
        let rebuilt = (is_late || is_outdated).then(|| self.rebuild(&fence));
        let commands = rebuilt.as_ref().unwrap_or(&self.commands);
        let timing = CommandTiming::start("ZADD");
        let WriteResult { indexed, outcomes, may_be_deleted, generation } =
            self.context.series.write(commands).await?;
        report_index_error(indexed)?;
        let (rejections, outcomes) = self.separated(outcomes, &fence)?;
        let dropped = self.finish_deduplication(outcomes, &fence).await?;
        if may_be_deleted? {
            self.remove_deleted(&rejections, &fence).await?;
        }
        self.context.series.wait_replicas(generation).await?;
        self.record_stored(timing, &rejections, &fence, &dropped);
        Ok(Attempt { rejections, fence, generation })
    }

    /// Removes what this has stored again although it was deleted: see [`readings::store::deleted_ids`].
    async fn remove_deleted(
        &self,
        rejections: &[Option<StoreError>],
        fence: &Fence,
    ) -> Result<(), StoreError> {
        for (write, rejection) in self.writes.iter().zip(rejections) {
            let deleted = write.partition.deleted_ids.among(&ids(&write.entries)).await?;
            let deleted = fence.kept(write).filter(|entry| deleted.contains(&entry.id));
            let deleted: Vec<StreamEntry> = deleted.cloned().collect();
            if !deleted.is_empty() && rejection.is_none() {
                log_deleted(deleted.len());
                self.context.series.remove(&write.site, &deleted).await?;
            }
        }
        Ok(())
    }

    fn rebuild(&self, fence: &Fence) -> WriteBatch {
        let sites = self.writes.iter().map(|write| &write.site);
        let mut commands = WriteBatch::indexing(&self.context.sites, sites);
        for write in self.writes.iter().filter(|write| fence.keeps_any(write)) {
            let deduplication = write.partition.deduplication.as_ref();
            commands.push(SiteWrite::new(&write.site, fence.kept(write), deduplication));
        }
        ask_for_deleted(&mut commands, &self.writes, fence);
        commands
    }

    /// The permanent error of each write that has one, and the outcomes of the others, each with the place of its
    /// write; a passing error of any is that of the attempt.
    fn separated(&self, outcomes: Outcomes, fence: &Fence) -> Result<Separated, StoreError> {
        let mut replies = outcomes.into_iter();
        let mut rejections = Vec::with_capacity(self.writes.len());
        let mut outcomes = Vec::with_capacity(self.writes.len());
        for (place, write) in self.writes.iter().enumerate() {
            // A write whose entries are all fenced has no command, and so no reply.
            let reply = if fence.keeps_any(write) { replies.next() } else { None };
            let rejection = match reply.map(split_permanent).transpose()? {
                Some(Ok(outcome)) => {
                    report_recovered(write, outcome.added, fence);
                    outcomes.push((place, outcome));
                    None
                }
                Some(Err(error)) => Some(error),
                None => None,
            };
            rejections.push(rejection);
        }
        Ok((rejections, outcomes))
    }

    /// Writes what a policy has left undecided. Gives the entries that were not stored.
    async fn finish_deduplication(
        &self,
        outcomes: Vec<(usize, SiteOutcome)>,
        fence: &Fence,
    ) -> Result<Dropped, StoreError> {
        let mut dropped = HashSet::new();
        for (place, mut outcome) in outcomes {
            let write = &self.writes[place];
            let Some(deduplication) = &write.partition.deduplication else { break };
            let entries: Vec<_> = fence.kept(write).collect();
            self.context.series.write_undecided(deduplication, &entries, &mut outcome).await?;
            METRICS.deduplicated(outcome.dropped.len(), outcome.replaced.len());
            let partition = write.partition.partition();
            dropped.extend(outcome.dropped.into_iter().map(|id| (partition, id)));
        }
        Ok(dropped)
    }

    /// Counts the stored entries, and adds the command to their traces.
    fn record_stored(
        &self,
        timing: CommandTiming,
        rejections: &[Option<StoreError>],
        fence: &Fence,
        dropped: &Dropped,
    ) {
        let (now, mut count, mut oldest) = (Instant::now(), 0, None);
        let writes = self.writes.iter().zip(rejections);
        for (write, _) in writes.filter(|(_, rejection)| rejection.is_none()) {
            let PartitionContext { clock, traces, .. } = write.partition.as_ref();
            let partition = write.partition.partition();
            let stored = || {
                let ids = fence.kept(write).map(|entry| entry.id);
                ids.filter(|&id| !dropped.contains(&(partition, id)))
            };
            count += stored().count();
            // By the clock of the server that has given the id.
            oldest = oldest.max(stored().min().and_then(|first| clock.age(first, now)));
            traces.record_command(timing, stored());
        }
        METRICS.stored(count, oldest);
    }
}

/// Has a batch ask for deleted ones among the written entries, unless its scripts know them.
fn ask_for_deleted(commands: &mut WriteBatch, writes: &[PreparedWrite], fence: &Fence) {
    for writes in by_partition(writes) {
        let PartitionContext { deduplication, deleted_ids, .. } = writes[0].partition.as_ref();
        let ids = || writes.iter().flat_map(|write| fence.kept(write)).map(|entry| entry.id);
        if !deduplication.as_ref().is_some_and(Deduplication::knows_deleted_ids)
            && let (Some(first), Some(last)) = (ids().min(), ids().max())
        {
            commands.ask_for_deleted(deleted_ids, first, last);
        }
    }
}

/// Separates a permanent error (inner) from one that may pass (outer). Permanent is only that a site's key
/// has the wrong type: no retry changes it, and it concerns this site alone.
fn split_permanent<T>(reply: Result<T, StoreError>) -> Result<Result<T, StoreError>, StoreError> {
    match reply {
        Err(error) if error.class != ErrorClass::WrongType => Err(error),
        reply => Ok(reply),
    }
}

/// An index of the wrong type prevents no reading from being stored; other errors fail the attempt.
fn report_index_error(indexed: Result<(), StoreError>) -> Result<(), StoreError> {
    static THROTTLE: LogThrottle = LogThrottle::new();
    if let Err(error) = split_permanent(indexed)?
        && let Some(suppressed) = THROTTLE.should_log(Instant::now())
    {
        warn!(%error, suppressed, "site index has the wrong type; new sites are not indexed");
    }
    Ok(())
}

/// Counts entries that Redis had lost: deleted from the stream, and not in the series before this write.
fn report_recovered(write: &PreparedWrite, added: u64, fence: &Fence) {
    static THROTTLE: LogThrottle = LogThrottle::new();
    let deleted = fence.deleted(write);
    if deleted == 0 {
        return;
    }
    let written = fence.kept(write).count();
    // Of the added members, those of entries that are in the stream are no recovery. The reply does not say
    // which members were added, so this is the least number.
    let recovered = added.saturating_sub((written - deleted) as u64);
    if recovered > 0 {
        METRICS.recovered_from_memory(recovered);
        if let Some(suppressed) = THROTTLE.should_log(Instant::now()) {
            let site = &write.site;
            warn!(recovered, %site, suppressed, "Redis lost entries; their readings are stored from memory");
        }
    }
}
