//! Slots that move from one master to another while clients use them, and nodes that are added.

use redis::aio::MultiplexedConnection;
use redis::{Pipeline, cmd, pipe};

use super::{Cluster, SLOTS};

/// Keys of one `MIGRATE`.
const KEYS: usize = 100;

/// Slots moved at a time, as `redis-cli --cluster rebalance` moves one: clients are redirected for these meanwhile.
const SLOTS_AT_ONCE: usize = 64;

impl Cluster {
    /// Moves a slot with its keys to another master, under load.
    pub async fn move_slot(&self, slot: u16, to: usize) {
        let view = self.view().await;
        let owner = view.owner_of(slot).and_then(|node| self.number_of(node)).expect("an owner");
        if owner != to {
            self.move_slots(owner, to, &[slot]).await;
        }
    }

    /// Moves one key of a slot to another master; its slot stays between both until it is [moved](Cluster::move_slot).
    pub async fn migrate_key(&self, key: &str, to: usize) {
        let (slot, from) = (self.slot_of(key).await, self.owner_of(key).await);
        let begun = Move { cluster: self, from, to, slots: &[slot] };
        let mut source = begun.begin().await;
        begun.migrate_keys(&mut source, vec![key.into()]).await;
    }

    /// Moves slots with their keys from one master to another, under load.
    pub async fn move_slots(&self, from: usize, to: usize, slots: &[u16]) {
        for slots in slots.chunks(SLOTS_AT_ONCE) {
            Move { cluster: self, from, to, slots }.make().await;
        }
    }

    /// Starts a node and adds it, a master without slots; returns its number.
    pub async fn add_node(&mut self) -> usize {
        let node = self.start_node().await;
        self.meet(node).await;
        self.wait_until_healthy().await;
        node
    }

    /// Gives a new master as many slots as each of the others then has.
    pub async fn rebalance_to(&self, node: usize) {
        let others: Vec<_> = self.masters().await.into_iter().filter(|n| *n != node).collect();
        let share = usize::from(SLOTS) / ((others.len() + 1) * others.len());
        for other in others {
            let view = self.view().await;
            let owned = &view.node(&self.nodes[other].id).expect("it is known").slots;
            let given: Vec<_> = owned.iter().cloned().flatten().take(share).collect();
            self.move_slots(other, node, &given).await;
        }
        self.wait_until_healthy().await;
    }
}

/// Some slots on their way.
struct Move<'a> {
    cluster: &'a Cluster,
    from: usize,
    to: usize,
    slots: &'a [u16],
}

impl Move<'_> {
    /// From here on keys may be at either; gives a connection to the source.
    async fn begin(&self) -> MultiplexedConnection {
        let (source, target) = (self.cluster.node(self.from), self.cluster.node(self.to));
        let (mut source, mut target) = (source.connect().await, target.connect().await);
        self.set(&mut target, "IMPORTING", self.from).await;
        self.set(&mut source, "MIGRATING", self.to).await;
        source
    }

    async fn make(&self) {
        let mut source = self.begin().await;
        let mut target = self.cluster.node(self.to).connect().await;
        for slot in self.slots {
            self.migrate(&mut source, *slot).await;
        }
        // The new owner first: otherwise there is a moment in which both redirect to each other.
        self.set(&mut target, "NODE", self.to).await;
        self.set(&mut source, "NODE", self.to).await;
        for master in self.cluster.masters().await {
            if master != self.from && master != self.to {
                self.set(&mut self.cluster.node(master).connect().await, "NODE", self.to).await;
            }
        }
    }

    /// `CLUSTER SETSLOT` of each slot.
    async fn set(&self, connection: &mut MultiplexedConnection, state: &str, node: usize) {
        let id = &self.cluster.nodes[node].id;
        let mut commands: Pipeline = pipe();
        for slot in self.slots {
            commands.cmd("CLUSTER").arg("SETSLOT").arg(*slot).arg(state).arg(id).ignore();
        }
        commands.query_async::<()>(connection).await.expect("the slots are set");
    }

    /// Moves the keys of a slot. New ones are created at the target.
    async fn migrate(&self, source: &mut MultiplexedConnection, slot: u16) {
        loop {
            let mut ask = cmd("CLUSTER");
            ask.arg("GETKEYSINSLOT").arg(slot).arg(KEYS);
            let keys: Vec<Vec<u8>> = ask.query_async(source).await.expect("keys of the slot");
            if keys.is_empty() {
                return;
            }
            self.migrate_keys(source, keys).await;
        }
    }

    async fn migrate_keys(&self, source: &mut MultiplexedConnection, keys: Vec<Vec<u8>>) {
        let (port, mut migrate) = (self.cluster.port(self.to), cmd("MIGRATE"));
        migrate.arg("127.0.0.1").arg(port).arg("").arg(0).arg(5_000).arg("KEYS").arg(keys);
        migrate.query_async::<()>(source).await.expect("the keys are moved");
    }
}
