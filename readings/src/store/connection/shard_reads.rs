//! Which replica of each master of a Redis Cluster is read from.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use redis::ConnectionAddr;
use tracing::warn;

use super::cluster::{Master, NodeId, SlotMap};
use super::replica_choice::ReplicaChoice;
use crate::store::error::StoreError;

/// Which replica of each master is read from.
#[derive(Debug, Default)]
pub(super) struct ShardReads(Mutex<HashMap<NodeId, Shard>>);

/// The replicas of one master.
#[derive(Debug, Default)]
struct Shard {
    /// The one that is read from; it is kept while it can be.
    chosen: Option<ConnectionAddr>,
    /// Those that replied and followed their master when they were last asked; `None` before they were.
    admitted: Option<Vec<ConnectionAddr>>,
    choice: ReplicaChoice,
}

impl ShardReads {
    /// The replica of a master to read from, and whether it is another one than before.
    pub fn replica_of(&self, map: &SlotMap, master: &Master) -> (Option<ConnectionAddr>, bool) {
        self.with(master, |shard| shard.choose(map.replicas_of(master), &master.name))
    }

    /// Reads from these replicas of a master, and from no others.
    pub fn admit(&self, master: &Master, replicas: Vec<ConnectionAddr>) {
        self.with(master, |shard| shard.admitted = Some(replicas));
    }

    /// Does not read from a replica until it is admitted again.
    pub fn avoid(&self, master: &Master, replica: &ConnectionAddr, error: &StoreError) {
        self.with(master, |shard| {
            let admitted = shard.admitted.get_or_insert_default();
            if admitted.contains(replica) {
                admitted.retain(|it| it != replica);
                warn!(%replica, %error, "queries do not read from this replica until it replies again");
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
        let Some(admitted) = &self.admitted else { return (None, false) };
        let mut found = None;
        for replica in healthy.filter(|it| admitted.contains(it)) {
            if found.is_none() || self.chosen.as_ref() == Some(replica) {
                found = Some(replica.clone());
            }
        }
        let has_changed = self.chosen != found;
        self.chosen = self.choice.record(master, found);
        (self.chosen.clone(), has_changed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(host: &str) -> ConnectionAddr {
        ConnectionAddr::Tcp(host.to_owned(), 1)
    }

    fn shard(admitted: &[&ConnectionAddr]) -> Shard {
        let admitted = admitted.iter().map(|it| (*it).clone()).collect();
        Shard { admitted: Some(admitted), ..Shard::default() }
    }

    #[test]
    fn a_replica_is_kept_while_it_can_be_read_from() {
        let [a, b] = ["a", "b"].map(address);
        let mut shard = shard(&[&a, &b]);
        assert_eq!(shard.choose([&b].into_iter(), "m"), (Some(b.clone()), true));
        assert_eq!(shard.choose([&a, &b].into_iter(), "m"), (Some(b.clone()), false));
        assert_eq!(shard.choose([&a].into_iter(), "m"), (Some(a.clone()), true));
        assert_eq!(shard.choose([].into_iter(), "m"), (None, true));
        assert_eq!(shard.choose([].into_iter(), "m"), (None, false));
    }

    #[test]
    fn a_replica_is_read_from_only_while_it_is_admitted() {
        let [a, b] = ["a", "b"].map(address);
        assert_eq!(Shard::default().choose([&a].into_iter(), "m"), (None, false), "not asked yet");
        let mut shard = shard(&[&b]);
        assert_eq!(shard.choose([&a, &b].into_iter(), "m").0, Some(b.clone()));
        shard.admitted = Some(vec![a.clone()]);
        assert_eq!(shard.choose([&a, &b].into_iter(), "m"), (Some(a), true));
    }
}
