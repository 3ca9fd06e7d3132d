//! Polls the nodes of a Redis Cluster for its slot map, and ends the connections to a replaced master.
//!
//! A master that is partitioned off accepts writes until its `cluster-node-timeout` has passed; they are discarded when
//! it becomes a replica of the one that replaced it. So all nodes are polled, and a master that has lost all its slots
//! is superseded, as with Sentinels ([`MasterWatch`]). A master that loses some of its slots is not: they were migrated,
//! and their keys with them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use instrumentation::log_throttle::LogThrottle;
use redis::ConnectionAddr;
use tokio::sync::{Notify, watch};
use tokio::time::{sleep, timeout};
use tracing::{info, warn};

use super::node_poll::{Connecting, NodePoll};
use super::slot_map::SlotMap;
use crate::store::connection::address::shown;
use crate::store::connection::master_watch::MasterWatch;
use crate::store::error::{CONNECT, ServerName, StoreError, StoreResult};
use crate::store::error_class::ErrorClass;

/// How often the nodes are polled. Too low and they are loaded without need; too high and readings are written to a
/// replaced master for that long.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// The pause between two polls at least, while slots are moving. Too low and each redirected command polls all nodes;
/// too high and it waits that long.
const MIN_POLL_PAUSE: Duration = Duration::from_millis(20);

/// How long a caller waits for the slot map. Too low and a slow node is passed over; too high and a connection attempt
/// takes that long while no node replies.
const MAP_TIMEOUT: Duration = Duration::from_secs(3);

/// The slot map of a cluster, which all its connections share; cloning it is cheap.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Topology(Arc<State>);

#[derive(Debug, Default)]
struct State {
    seen: watch::Sender<Seen>,
    poll_now: Notify,
    is_polling: AtomicBool,
    is_stale: AtomicBool,
    /// For each address that was named, whether its node is superseded.
    watches: Mutex<HashMap<String, MasterWatch>>,
}

/// What the polls have found.
#[derive(Debug, Default)]
struct Seen {
    map: Option<Arc<SlotMap>>,
    /// The failure of the last poll.
    failure: Option<StoreError>,
    polls: u64,
}

impl Topology {
    /// The slot map, as it was last polled. The first caller waits for it.
    pub async fn map(&self, cluster: &ServerName) -> StoreResult<Arc<SlotMap>> {
        if let Some(map) = self.polled() {
            return Ok(map);
        }
        self.after_polls(1, cluster).await
    }

    /// The slot map of a poll that begins now: a node has redirected a command.
    pub async fn refreshed(&self, cluster: &ServerName) -> StoreResult<Arc<SlotMap>> {
        self.0.is_stale.store(false, Ordering::Relaxed);
        self.0.poll_now.notify_one();
        self.after_polls(1, cluster).await
    }

    /// A node has redirected a command: the next caller of [`Topology::map_for_reader`] waits for a poll.
    pub fn mark_stale(&self) {
        self.0.is_stale.store(true, Ordering::Relaxed);
        self.0.poll_now.notify_one();
    }

    /// The slot map for a connection that stays at one node.
    pub async fn map_for_reader(&self, cluster: &ServerName) -> StoreResult<Arc<SlotMap>> {
        if self.0.is_stale.load(Ordering::Relaxed) {
            return self.refreshed(cluster).await;
        }
        self.map(cluster).await
    }

    /// Has the nodes polled now: one of them cannot be reached.
    pub fn poll_now(&self) {
        self.0.poll_now.notify_one();
    }

    /// The watch of the node at an address.
    pub fn watch_of(&self, address: &str) -> MasterWatch {
        let mut watches = self.0.watches.lock().unwrap_or_else(PoisonError::into_inner);
        watches.entry(address.to_owned()).or_default().clone()
    }

    /// Starts to poll these nodes and those that they name, unless a poll is running. It runs as long as the process.
    pub fn start_polling(&self, seeds: &[ConnectionAddr], connect: impl FnOnce() -> Connecting) {
        if !self.0.is_polling.swap(true, Ordering::Relaxed) {
            let poll = NodePoll::new(seeds.to_vec(), connect());
            tokio::spawn(run(self.clone(), poll));
        }
    }

    fn polled(&self) -> Option<Arc<SlotMap>> {
        self.0.seen.borrow().map.clone()
    }

    async fn after_polls(&self, polls: u64, cluster: &ServerName) -> StoreResult<Arc<SlotMap>> {
        let mut seen = self.0.seen.subscribe();
        let polls = seen.borrow().polls + polls;
        let late = || {
            let text = "no node reported the slots of the Redis Cluster in time";
            StoreError::found(cluster, CONNECT, ErrorClass::Timeout, text)
        };
        let waiting = timeout(MAP_TIMEOUT, seen.wait_for(|seen| seen.polls >= polls));
        let Ok(Ok(seen)) = waiting.await else { return Err(late()) };
        seen.map.clone().ok_or_else(|| seen.failure.clone().unwrap_or_else(late))
    }

    fn record(&self, polled: StoreResult<SlotMap>) {
        self.0.seen.send_modify(|seen| {
            seen.polls += 1;
            match polled {
                Ok(map) => {
                    self.supersede(seen.map.as_deref(), &map);
                    seen.failure = None;
                    // The same one is kept: to others it says that nothing has moved.
                    if seen.map.as_deref() != Some(&map) {
                        seen.map = Some(Arc::new(map));
                    }
                }
                Err(failure) => seen.failure = Some(failure),
            }
        });
    }

    /// Ends the connections to masters that others have replaced.
    fn supersede(&self, before: Option<&SlotMap>, map: &SlotMap) {
        static THROTTLE: LogThrottle = LogThrottle::new();
        for replaced in before.into_iter().flat_map(|before| before.missing_in(map)) {
            self.watch_of(&replaced.name).supersede();
            if let Some(suppressed) = THROTTLE.should_log(Instant::now()) {
                let server = &replaced.name;
                warn!(%server, suppressed, "other masters have the slots of this one; reconnecting");
            }
        }
    }
}

async fn run(topology: Topology, mut poll: NodePoll) {
    loop {
        let before = topology.polled();
        let polled = poll.poll(before.as_deref()).await;
        log_first(before.as_deref(), polled.as_ref().ok());
        topology.record(polled);
        sleep(MIN_POLL_PAUSE).await;
        // Err: the interval has passed.
        let _ = timeout(POLL_INTERVAL, topology.0.poll_now.notified()).await;
    }
}

fn log_first(before: Option<&SlotMap>, map: Option<&SlotMap>) {
    if before.is_none()
        && let Some(map) = map
    {
        let masters: Vec<_> = map.masters().iter().map(|master| shown(&master.address)).collect();
        info!(masters = masters.join(", "), "read the slot map of the Redis Cluster");
    }
}
