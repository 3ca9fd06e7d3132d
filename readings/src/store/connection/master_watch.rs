//! Watches which server is the master, and ends the connections to a former one.
//!
//! After a failover the old master keeps accepting writes until a Sentinel demotes it (10 s or more);
//! those writes are discarded when it synchronizes with the new master. So the Sentinels are polled,
//! and connections to a server that is no longer the master are closed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use instrumentation::log_throttle::LogThrottle;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tracing::warn;

use crate::store::error::StoreResult;

/// How often the Sentinels are polled. Too low and they are loaded without need; too high and readings
/// are written to a replaced master for that long.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// How long one poll may take. Too low and a busy Sentinel is ignored; too high and a hanging one
/// delays the next poll.
const POLL_TIMEOUT: Duration = Duration::from_secs(2);

/// The current master's address and its generation; cloning it is cheap.
#[derive(Debug, Clone, Default)]
pub(super) struct MasterWatch(Arc<WatchState>);

#[derive(Debug, Default)]
struct WatchState {
    master: watch::Sender<MasterState>,
    is_polling: AtomicBool,
}

#[derive(Debug, Default)]
struct MasterState {
    address: String,
    /// How often the address has changed.
    generation: u64,
}

/// Held by a connection: it is stale as soon as the master has changed since it was issued.
#[derive(Debug, Clone)]
pub(super) struct MasterLease {
    generation: u64,
    master: watch::Receiver<MasterState>,
}

impl MasterWatch {
    /// Records the master's address, and issues a lease on it.
    pub fn record(&self, address: String) -> MasterLease {
        self.0.master.send_if_modified(|master| {
            let has_changed = master.address != address && !master.address.is_empty();
            master.generation += u64::from(has_changed);
            master.address = address;
            has_changed
        });
        let master = self.0.master.subscribe();
        let generation = master.borrow().generation;
        MasterLease { generation, master }
    }

    /// Ends the leases that were issued: the server is no longer a master.
    pub fn supersede(&self) {
        self.0.master.send_modify(|master| master.generation += 1);
    }

    /// The last known address; empty before the first one.
    pub fn address(&self) -> String {
        self.0.master.borrow().address.clone()
    }

    /// Starts to poll for the master's address with `resolve`, unless a poll is running. It runs as
    /// long as the process: there is one server for all connections.
    pub fn start_polling<Resolving>(&self, resolve: impl Fn() -> Resolving + Send + 'static)
    where
        Resolving: Future<Output = StoreResult<String>> + Send + 'static,
    {
        if !self.0.is_polling.swap(true, Ordering::Relaxed) {
            tokio::spawn(poll(self.clone(), resolve));
        }
    }
}

impl MasterLease {
    /// Whether the master has changed since.
    pub fn is_stale(&self) -> bool {
        self.master.borrow().generation != self.generation
    }

    /// Waits until the master has changed.
    pub async fn superseded(&mut self) {
        let generation = self.generation;
        if self.master.wait_for(|master| master.generation != generation).await.is_err() {
            // The watch is gone, so no change will ever be recorded.
            std::future::pending::<()>().await;
        }
    }
}

async fn poll<Resolving>(watch: MasterWatch, resolve: impl Fn() -> Resolving)
where
    Resolving: Future<Output = StoreResult<String>>,
{
    static THROTTLE: LogThrottle = LogThrottle::new();
    let mut last = None;
    loop {
        sleep(POLL_INTERVAL).await;
        // Without an answer the present connections are kept: no Sentinel responds, or none names a
        // master, and neither says that this server is replaced.
        let Ok(Ok(address)) = timeout(POLL_TIMEOUT, resolve()).await else { continue };
        if last.as_ref().is_some_and(|last| *last != address)
            && let Some(suppressed) = THROTTLE.should_log(Instant::now())
        {
            warn!(%address, suppressed, "Sentinels name another server; reconnecting");
        }
        watch.record(address.clone());
        last = Some(address);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_lease_is_stale_when_the_master_has_changed() {
        let watch = MasterWatch::default();
        let mut first = watch.record("one".to_owned());
        assert!(!watch.record("one".to_owned()).is_stale() && !first.is_stale());
        let second = watch.record("two".to_owned());
        assert!(first.is_stale() && !second.is_stale());
        first.superseded().await;
    }
}
