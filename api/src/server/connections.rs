//! The open connections of the process: their limit, and which one is replaced by a new one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use instrumentation::log_throttle::LogThrottle;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};
use tracing::warn;

use super::connection_state::{ConnectionState, Shutdown};
use crate::metrics::{CONNECTIONS, METRICS};

/// Connections above the limit, for probes only. Too low and probes wait behind clients that get 503; too high and
/// the limit means little.
const PROBE_CONNECTIONS: usize = 32;

/// How often a connection that waits for a slot tries to replace another one. Too low and it costs CPU time; too
/// high and connections wait that long.
const REPLACE_POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Limits of connections.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections that may be open at the same time.
    pub connections: usize,
    /// Maximum time between two requests of a connection.
    pub keep_alive: Duration,
}

/// The open connections of the process; cloning is cheap.
#[derive(Debug, Clone)]
pub struct Connections(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    limits: Limits,
    time_origin: Instant,
    open: Mutex<Open>,
    closed: Notify,
}

#[derive(Debug, Default)]
struct Open {
    next: u64,
    states: HashMap<u64, Arc<ConnectionState>>,
}

impl Connections {
    /// Without connections.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        let (open, closed) = (Mutex::default(), Notify::new());
        let inner = Arc::new(Inner { limits, time_origin: Instant::now(), open, closed });
        register_gauge(Arc::downgrade(&inner));
        Self(inner)
    }

    pub(super) fn keep_alive(&self) -> Duration {
        self.0.limits.keep_alive
    }

    /// A slot for a connection to the server with this shutdown, as soon as one is free.
    pub(super) async fn acquire_slot(&self, shutdown: &Arc<Shutdown>) -> ConnectionSlot {
        loop {
            if let Some(slot) = self.try_acquire_slot(shutdown) {
                return slot;
            }
            // Err: no connection was closed, but one may have become replaceable.
            let _ = timeout(REPLACE_POLL_INTERVAL, self.0.closed.notified()).await;
        }
    }

    fn try_acquire_slot(&self, shutdown: &Arc<Shutdown>) -> Option<ConnectionSlot> {
        let mut open = self.0.open();
        let probes_only = !open.make_room(false, self.0.limits.connections);
        if probes_only && !open.make_room(true, PROBE_CONNECTIONS) {
            return None;
        }
        let state =
            Arc::new(ConnectionState::new(self.0.time_origin, Arc::clone(shutdown), probes_only));
        let id = open.next;
        open.next += 1;
        open.states.insert(id, Arc::clone(&state));
        Some(ConnectionSlot { id, state, connections: Arc::clone(&self.0) })
    }

    /// Closes the connections of the server with this shutdown as soon as they have no request in progress.
    pub(super) fn close(&self, shutdown: &Arc<Shutdown>) {
        shutdown.close();
        let open = self.0.open();
        open.states.values().filter(|state| Arc::ptr_eq(state.shutdown(), shutdown)).for_each(
            |state| {
                state.wake();
            },
        );
    }
}

impl Inner {
    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    /// Returns whether a slot is free. At the limit, closes the connection that has been idle longest, if any is
    /// idle, and returns true as well: its slot will be free.
    fn make_room(&self, probes_only: bool, limit: usize) -> bool {
        if !probes_only && self.states.len() < limit {
            return true;
        }
        // A connection that is closing keeps its entry until its task ends, but needs no slot any more.
        let states = || self.states.values().filter(|state| state.probes_only == probes_only);
        if states().filter(|state| !state.is_closing()).count() < limit {
            return true;
        }
        let now = Instant::now();
        let replaceable = states().filter_map(|state| Some((state.replaceable_since(now)?, state)));
        let longest = replaceable.min_by_key(|(since, _)| *since);
        if let Some((_, state)) = longest {
            state.close();
            METRICS.connection_evicted();
        }
        log_over_limit(limit);
        longest.is_some()
    }
}

fn log_over_limit(limit: usize) {
    static THROTTLE: LogThrottle = LogThrottle::new();
    if let Some(suppressed) = THROTTLE.should_log(std::time::Instant::now()) {
        warn!(limit, suppressed, "too many connections: idle ones are closed for new ones");
    }
}

fn register_gauge(connections: Weak<Inner>) {
    CONNECTIONS.register_gauge(move || {
        let open = connections.upgrade()?.open().states.len();
        Some(instrumentation::metrics::as_f64(open as u64))
    });
}

/// The slot of an open connection; released on drop.
#[derive(Debug)]
pub(super) struct ConnectionSlot {
    id: u64,
    pub state: Arc<ConnectionState>,
    connections: Arc<Inner>,
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        self.connections.open().states.remove(&self.id);
        self.connections.closed.notify_one();
    }
}
