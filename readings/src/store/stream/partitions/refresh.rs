//! Which partitions are current, as Redis has it: those of this process' count and of all counts that were announced
//! lately, and others while they have entries that are not processed.

use std::collections::BTreeSet;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use redis::{Script, Value, cmd, pipe};
use tokio::time::sleep;
use tracing::{debug, info, warn};

use super::announce::PAUSE_IF_DENIED;
use super::recorded_counts::RecordedCounts;
use super::stream_partitions::StreamPartitions;
use crate::store::connection::reply;
use crate::store::error::{StoreError, StoreResult};
use crate::store::error_class::ErrorClass;
use crate::store::metrics::METRICS;
use crate::store::partition::{Partition, PartitionCount};
use crate::store::stream::reading_stream::ReadingStream;

/// Interval between two refreshes. Too low: needless commands. Too high: the first entries of new partitions wait.
const INTERVAL: Duration = Duration::from_secs(5);

/// A partition retires when its newest entry is older. Too low: one that has entries now and then, as a service does not
/// announce it, retires and comes back. Too high: idle readers.
const QUIET: Duration = Duration::from_mins(1);

/// Entries that are left of a stream that is trimmed as far as whole nodes are removed (`stream-node-max-entries` is 100
/// by default). Too low: partitions never retire. Too high: acknowledged entries of retired ones, which are not trimmed
/// any more, take memory.
const MAX_UNTRIMMED: u64 = 128;

/// Removes a count that was not announced since.
static FORGET: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "if redis.call('HGET', KEYS[1], ARGV[1]) == ARGV[2] then redis.call('HDEL', KEYS[1], ARGV[1]) end",
    )
});

impl StreamPartitions {
    /// Refreshes the current partitions every five seconds, forever.
    pub async fn keep_current(self) {
        loop {
            if let Err(error) = self.refresh().await {
                // Redis is down, which others report; the partitions stay as they are.
                debug!(%error, "the partitions in use are not known");
            }
            sleep(INTERVAL).await;
        }
    }

    /// Finds the partitions that may have entries, for [`StreamPartitions::current`]. With one partition, and where no
    /// other count was ever announced, it is one command.
    ///
    /// # Errors
    /// When the server replied with an error or not at all: the partitions stay as they are.
    pub async fn refresh(&self) -> StoreResult<()> {
        let recorded = self.recorded_counts().await?;
        let own = self.count();
        let mut current: BTreeSet<_> = own.partitions().collect();
        if !recorded.is_empty() || own > PartitionCount::ONE {
            let now = self.connection().server_time(&self.keys().partition_counts()).await?;
            current.extend(recorded.fresh(now).flat_map(PartitionCount::partitions));
            let whole = [PartitionCount::ONE];
            let others = recorded.counts().chain(whole).flat_map(PartitionCount::partitions);
            let others: BTreeSet<_> = others.filter(|other| !current.contains(other)).collect();
            current.extend(self.in_use(others, now).await?);
            self.warn_of_differing(recorded.fresh(now).filter(|count| *count != own).collect());
        }
        METRICS.partition_counts(1 + self.set().state().differing.len() as u64);
        self.set().state().recorded = recorded;
        self.set_current(current);
        Ok(())
    }

    fn set_current(&self, current: BTreeSet<Partition>) {
        let names: Vec<_> = current.iter().map(ToString::to_string).collect();
        if self.set().set_current(current) {
            info!(partitions = names.join(" "), "the partitions in use have changed");
        }
    }

    /// The announced counts. A user of a service with one partition may lack the permission: it was not needed before
    /// there were partitions.
    async fn recorded_counts(&self) -> StoreResult<RecordedCounts> {
        const HGETALL: &str = "HGETALL";
        if self.set().state().denied_until.is_some_and(|until| Instant::now() < until) {
            return Ok(RecordedCounts::default());
        }
        let mut command = cmd(HGETALL);
        command.arg(self.keys().partition_counts());
        match self.connection().send(HGETALL, &command).await {
            Err(error) if self.count() == PartitionCount::ONE && is_refused(&error) => {
                warn!(%error, "other numbers of partitions are not known; entries of their partitions are not read");
                self.set().state().denied_until = Some(Instant::now() + PAUSE_IF_DENIED);
                Ok(RecordedCounts::default())
            }
            reply => RecordedCounts::parse(reply?)
                .ok_or_else(|| self.connection().unexpected_reply(HGETALL)),
        }
    }

    /// Those of these partitions that have entries which are not processed or not trimmed, or dead letters.
    async fn in_use(
        &self,
        partitions: BTreeSet<Partition>,
        now: Duration,
    ) -> StoreResult<Vec<Partition>> {
        const XLEN: &str = "XLEN";
        let mut lengths = pipe();
        for partition in &partitions {
            let keys = self.keys().of_partition(*partition);
            lengths.cmd(XLEN).arg(keys.stream()).cmd(XLEN).arg(keys.dead_letters());
        }
        if partitions.is_empty() {
            return Ok(Vec::new());
        }
        let (lengths, _) = self.connection().send_all(XLEN, &lengths).await?;
        let states = partitions.into_iter().zip(lengths.chunks(2)).map(|(partition, lengths)| {
            // A key of another type, which its readers report.
            let length = |reply: &StoreResult<Value>| {
                reply.as_ref().ok().and_then(reply::integer).unwrap_or(u64::MAX)
            };
            let lengths = [lengths.first(), lengths.get(1)].map(|reply| reply.map_or(0, length));
            async move { Ok(self.is_in_use(partition, lengths, now).await?.then_some(partition)) }
        });
        Ok(try_join_all(states).await?.into_iter().flatten().collect())
    }

    async fn is_in_use(
        &self,
        partition: Partition,
        [entries, dead_letters]: [u64; 2],
        now: Duration,
    ) -> StoreResult<bool> {
        if dead_letters > 0 || entries > MAX_UNTRIMMED {
            return Ok(true);
        }
        if entries == 0 {
            return Ok(false);
        }
        has_work(&self.of_partition(partition), now).await
    }

    fn warn_of_differing(&self, differing: BTreeSet<PartitionCount>) {
        let mut state = self.set().state();
        for other in differing.difference(&state.differing) {
            let own = self.count();
            warn!(
                %own, %other,
                "another service has another STREAM_PARTITIONS; all services should have the same, but while it is changed"
            );
        }
        state.differing = differing;
    }

    /// Forgets the counts that no service has had for seven days, and whose partitions are retired.
    ///
    /// # Errors
    /// When the server replied with an error or not at all.
    pub(super) async fn forget_counts(&self) -> StoreResult<()> {
        let recorded = self.set().state().recorded.clone();
        if recorded.is_empty() {
            return Ok(());
        }
        let now = self.connection().server_time(&self.keys().partition_counts()).await?;
        let current = self.set().current().iter().copied().collect();
        for (count, at) in recorded.forgettable(now, &current, self.count()) {
            let mut script = FORGET.key(self.keys().partition_counts());
            script.arg(count.get()).arg(at.as_millis().to_string());
            self.connection().eval("HDEL partitions", &script).await?;
            info!(%count, "a number of partitions is forgotten, which no service has any more");
        }
        Ok(())
    }
}

/// Whether the user may not read a hash, or the server has no such command.
fn is_refused(error: &StoreError) -> bool {
    let is_unknown = error.class == ErrorClass::Unsuitable && error.code() == Some("ERR");
    is_unknown || error.class == ErrorClass::Denied
}

/// Whether a stream with entries has unprocessed ones, or had a new one lately.
async fn has_work(stream: &ReadingStream, now: Duration) -> StoreResult<bool> {
    // None: the entries are unread, as there is no group yet.
    let Some(backlog) = stream.backlog().await? else { return Ok(true) };
    let newest = Duration::from_millis(backlog.group.last_delivered_id.ms);
    Ok(backlog.unprocessed() > 0 || newest + QUIET >= now)
}
