//! How far a replica is behind its primary, in time.
//!
//! Replication offsets are bytes, so a difference of them is no time. The primary's offset is sampled each second: a
//! replica that has passed the offset of a sample has all that was written until the sample. The lag is the time since
//! the last such sample, by the clock of this process; it is an upper bound, up to a second above the true lag.
//! `master_last_io_seconds_ago` says less: a replica that receives data may still be far behind.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use redis::cmd;
use tokio::time::sleep;
use tracing::debug;

use super::generation::Generation;
use super::replication_info::{ReplicationInfo, Role};
use super::reply;
use super::shared::SharedConnection;
use crate::store::error::StoreResult;
use crate::store::metrics::REPLICA_LAG;

/// Pause between two samples. Too low: needless commands. Too high: the bound is that much above the true lag.
const INTERVAL: Duration = Duration::from_secs(1);

/// Samples that are kept. Too few: the lag of a replica that is further behind is not known. Too many: memory without
/// use, 24 bytes each.
const MAX_SAMPLES: usize = 3_600;

const INFO: &str = "INFO";

/// The lag of the replica that stored readings are read from; cloning it is cheap.
#[derive(Debug, Clone)]
pub struct ReplicaLag(Arc<Watched>);

#[derive(Debug)]
struct Watched {
    reads: SharedConnection,
    primary: SharedConnection,
    known: Mutex<Option<Known>>,
}

/// What is known of the replica of a connection.
#[derive(Debug, Clone, Copy)]
struct Known {
    generation: Generation,
    source: Source,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    /// Reads go to the primary.
    Primary,
    /// The replica has all that was written until then.
    CompleteUntil(Instant),
}

/// Those of each shard, by the name of that; of one server by no name.
type ShardSamples = HashMap<String, Samples>;

/// Offsets of the primary, and when they were read.
#[derive(Debug, Default)]
struct Samples {
    /// The history that the offsets are of.
    replication_id: String,
    offsets: VecDeque<(Instant, u64)>,
}

impl ReplicaLag {
    /// Of the connection for reads, by the offsets of the primary.
    #[must_use]
    pub fn new(reads: SharedConnection, primary: SharedConnection) -> Self {
        Self(Arc::new(Watched { reads, primary, known: Mutex::default() }))
    }

    /// Exposes that reads are from the primary.
    pub fn register_none() {
        REPLICA_LAG.register_gauge(|| Some(0.0));
    }

    /// The upper bound at present; `None` where reads go to the primary, and until it is known after a change of the
    /// replica.
    #[must_use]
    pub fn current(&self) -> Option<Duration> {
        match self.source()? {
            Source::Primary => None,
            Source::CompleteUntil(then) => Some(then.elapsed()),
        }
    }

    /// Samples the offsets until the process exits.
    pub async fn run(self) {
        let gauge = self.clone();
        REPLICA_LAG.register_gauge(move || gauge.gauge());
        let mut samples = ShardSamples::default();
        loop {
            // At once: a replica that hangs delays the next sample by one timeout, and not this one.
            let (admitted, lag) =
                tokio::join!(self.0.reads.admit_replicas(), self.sample(&mut samples));
            if let Err(error) = admitted.and(lag) {
                debug!(%error, "cannot sample the replica's lag");
            }
            sleep(INTERVAL).await;
        }
    }

    /// Seconds.
    fn gauge(&self) -> Option<f64> {
        match self.source()? {
            Source::Primary => Some(0.0),
            Source::CompleteUntil(then) => Some(then.elapsed().as_secs_f64()),
        }
    }

    fn source(&self) -> Option<Source> {
        let known = (*self.known())?;
        (known.generation == self.0.reads.generation()).then_some(known.source)
    }

    async fn sample(&self, samples: &mut ShardSamples) -> StoreResult<()> {
        let shards = self.0.reads.beside(&self.0.primary).await?;
        let generation = self.0.reads.connected().await;
        let generation = generation.unwrap_or_else(|_| self.0.reads.generation());
        let sampling = shards.into_iter().map(|(shard, reads, primary)| {
            let mut samples = samples.remove(&shard).unwrap_or_default();
            async move { (shard, samples.sample(&reads, &primary).await, samples) }
        });
        // All at once: a shard that hangs delays the others once.
        let received = join_all(sampling.collect::<Vec<_>>()).await;
        let mut oldest = Some(Source::Primary);
        samples.clear();
        for (shard, source, samples_of_shard) in received {
            oldest = oldest.zip(source).map(|(one, other)| one.older(other));
            samples.insert(shard, samples_of_shard);
        }
        let mut known = self.known();
        match oldest {
            Some(source) => *known = Some(Known { generation, source }),
            // The bound of before grows with time, and holds for the same replicas.
            None if known.is_some_and(|known| known.generation == generation) => {}
            None => *known = None,
        }
        Ok(())
    }

    fn known(&self) -> MutexGuard<'_, Option<Known>> {
        // A panic cannot leave it half changed.
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn replication_of(connection: &SharedConnection) -> StoreResult<ReplicationInfo> {
    let reply = connection.send(INFO, cmd(INFO).arg("replication")).await?;
    let info = reply::text(reply).and_then(|info| ReplicationInfo::parse(&info));
    info.ok_or_else(|| connection.unexpected_reply(INFO))
}

impl Source {
    fn older(self, other: Self) -> Self {
        match (self, other) {
            (Self::CompleteUntil(one), Self::CompleteUntil(other)) => {
                Self::CompleteUntil(one.min(other))
            }
            (Self::Primary, source) | (source, Self::Primary) => source,
        }
    }
}

impl Samples {
    /// What the connection for reads has; `None` where that is not known.
    async fn sample(
        &mut self,
        reads: &SharedConnection,
        primary: &SharedConnection,
    ) -> Option<Source> {
        let reading = replication_of(reads).await;
        // Before the request: what was written until then has at most the offset of the reply.
        let at = Instant::now();
        match replication_of(primary).await {
            Ok(primary) => self.add(at, &primary),
            Err(error) => debug!(%error, "cannot sample the offset of the primary"),
        }
        match reading {
            Ok(info) if info.role == Role::Primary => Some(Source::Primary),
            Ok(replica) => self.complete_until(&replica).map(Source::CompleteUntil),
            Err(error) => {
                debug!(%error, "cannot sample the offset of the replica");
                None
            }
        }
    }

    fn add(&mut self, at: Instant, primary: &ReplicationInfo) {
        if self.replication_id != primary.replication_id {
            self.offsets.clear();
            self.replication_id.clone_from(&primary.replication_id);
        }
        if self.offsets.len() == MAX_SAMPLES {
            self.offsets.pop_front();
        }
        self.offsets.push_back((at, primary.offset));
    }

    /// The time of the last sample whose writes the replica has; earlier ones are dropped.
    fn complete_until(&mut self, replica: &ReplicationInfo) -> Option<Instant> {
        if replica.replication_id != self.replication_id {
            return None;
        }
        let passed = self.offsets.iter().take_while(|(_, offset)| *offset <= replica.offset);
        let last = passed.count().checked_sub(1)?;
        self.offsets.drain(..last);
        self.offsets.front().map(|(at, _)| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(role: Role, replication_id: &str, offset: u64) -> ReplicationInfo {
        ReplicationInfo { role, replication_id: replication_id.to_owned(), offset }
    }

    #[test]
    fn a_replica_has_what_was_written_until_the_last_offset_that_it_has_passed() {
        let begin = Instant::now();
        let second = |n| begin + Duration::from_secs(n);
        let mut samples = Samples::default();
        for (n, offset) in [(0, 100), (1, 200), (2, 300)] {
            samples.add(second(n), &info(Role::Primary, "a", offset));
        }
        let mut until = |id, offset| samples.complete_until(&info(Role::Replica, id, offset));
        assert_eq!(until("a", 99), None);
        assert_eq!(until("a", 100), Some(second(0)));
        assert_eq!(until("a", 299), Some(second(1)));
        assert_eq!(until("a", 5_000), Some(second(2)));
        assert_eq!(until("b", 5_000), None, "of another history");
    }

    #[test]
    fn offsets_of_before_a_failover_are_not_compared_with_those_after() {
        let begin = Instant::now();
        let mut samples = Samples::default();
        samples.add(begin, &info(Role::Primary, "a", 100));
        samples.add(begin, &info(Role::Primary, "b", 50));
        assert_eq!(samples.complete_until(&info(Role::Replica, "b", 49)), None);
        assert_eq!(samples.complete_until(&info(Role::Replica, "b", 50)), Some(begin));
    }
}
