//! Which replica of each master of a Redis Cluster is read from.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use redis::ConnectionAddr;
use tracing::warn;

use super::cluster::{Master, NodeId, SlotMap};
use super::replica_choice::ReplicaChoice;
use crate::store::error::StoreError;

/// How long a replica that has failed a command is not read from. Too low and queries often wait for one that hangs,
/// until the nodes know of it (`cluster-node-timeout`); too high and its master serves reads for longer than needed.
const AVOIDED_FOR: Duration = Duration::from_secs(5);

/// Which replica of each master is read from.
#[derive(Debug, Default)]
pub(super) struct ShardReads(Mutex<HashMap<NodeId, Shard>>);

/// The replicas of one master.
#[derive(Debug, Default)]
struct Shard {
    /// The one that is read from; it is kept while it can be.
    chosen: Option<ConnectionAddr>,
    /// Whether there was a read.
    is_read: bool,
    avoided: Vec<(ConnectionAddr, Instant)>,
    choice: ReplicaChoice,
}

impl ShardReads {
    /// The replica of a master to read from, and whether it is another one than before.
    pub fn replica_of(&self, map: &SlotMap, master: &Master) -> (Option<ConnectionAddr>, bool) {
        self.with(master, |shard| shard.choose(map.replicas_of(master), &master.name))
    }

    /// Does not read from a replica for some time.
    pub fn avoid(&self, master: &Master, replica: &ConnectionAddr, error: &StoreError) {
        self.with(master, |shard| {
            if shard.can_read(replica) {
                shard.avoided.push((replica.clone(), Instant::now()));
                warn!(%replica, %error, "queries do not read from this replica for now");
            }
        });
    }

    fn with<T>(&self, master: &Master, change: impl FnOnce(&mut Shard) -> T) -> T {
        // A panic cannot leave it half changed.
        let mut shards = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match shards.get_mut(&master.id) {
            Some(shard) => change(shard),
            None => change(shards.entry(master.id.clone()).or_default()),
        }
    }
}

impl Shard {
    /// The one to read from, and whether it is another one than before.
    fn choose<'a>(
        &mut self,
        healthy: impl Iterator<Item = &'a ConnectionAddr>,
        master: &str,
    ) -> (Option<ConnectionAddr>, bool) {
        self.avoided.retain(|(_, since)| since.elapsed() < AVOIDED_FOR);
        let mut found = None;
        for replica in healthy.filter(|it| self.can_read(it)) {
            if found.is_none() || self.chosen.as_ref() == Some(replica) {
                found = Some(replica.clone());
            }
        }
        let has_changed = std::mem::replace(&mut self.is_read, true) && self.chosen != found;
        self.chosen = self.choice.record(master, found);
        (self.chosen.clone(), has_changed)
    }

    fn can_read(&self, replica: &ConnectionAddr) -> bool {
        self.avoided.iter().all(|(avoided, _)| avoided != replica)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(host: &str) -> ConnectionAddr {
        ConnectionAddr::Tcp(host.to_owned(), 1)
    }

    #[test]
    fn a_replica_is_kept_while_it_can_be_read_from() {
        let (mut shard, [a, b]) = (Shard::default(), ["a", "b"].map(address));
        assert_eq!(shard.choose([&b].into_iter(), "m"), (Some(b.clone()), false));
        assert_eq!(shard.choose([&a, &b].into_iter(), "m"), (Some(b.clone()), false));
        assert_eq!(shard.choose([&a].into_iter(), "m"), (Some(a.clone()), true));
        assert_eq!(shard.choose([].into_iter(), "m"), (None, true));
        assert_eq!(shard.choose([].into_iter(), "m"), (None, false));
    }

    #[test]
    fn a_replica_that_failed_is_avoided_for_some_time() {
        let (mut shard, [a, b]) = (Shard::default(), ["a", "b"].map(address));
        shard.avoided.push((a.clone(), Instant::now()));
        assert_eq!(shard.choose([&a, &b].into_iter(), "m").0, Some(b.clone()));
        shard.avoided.push((b.clone(), Instant::now()));
        assert_eq!(shard.choose([&a, &b].into_iter(), "m").0, None);
        let before = Instant::now().checked_sub(AVOIDED_FOR).unwrap();
        shard.avoided.iter_mut().for_each(|(_, since)| *since = before);
        assert_eq!(shard.choose([&a, &b].into_iter(), "m").0, Some(a));
    }
}
