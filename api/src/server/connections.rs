//! All open connections of the process: how many there may be, and which one is closed for another.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use instrumentation::log_throttle::LogThrottle;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};
use tracing::warn;

use super::connection_state::{Ending, State};
use crate::metrics::{CONNECTIONS, METRICS};

/// Connections above the limit, on which only probes are answered. Too low and probes wait behind
/// clients that are refused; too high and the limit means little.
const RESERVE: usize = 32;

/// How often it is looked whether one of the open connections may be closed for one that waits.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How connections are kept.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections that may be open at the same time.
    pub connections: usize,
    /// How long a connection may be idle between two requests.
    pub keep_alive: Duration,
}

/// The open connections of the process; cloning it is cheap.
#[derive(Debug, Clone)]
pub struct Connections(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    limits: Limits,
    epoch: Instant,
    open: Mutex<Open>,
    closed: Notify,
}

#[derive(Debug, Default)]
struct Open {
    next: u64,
    states: HashMap<u64, Arc<State>>,
}

impl Connections {
    /// None yet.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        let (open, closed) = (Mutex::default(), Notify::new());
        let inner = Arc::new(Inner { limits, epoch: Instant::now(), open, closed });
        observe(Arc::downgrade(&inner));
        Self(inner)
    }

    pub(super) fn keep_alive(&self) -> Duration {
        self.0.limits.keep_alive
    }

    /// A place for a connection to this server, as soon as there is one.
    pub(super) async fn place(&self, server: &Arc<Ending>) -> Place {
        loop {
            if let Some(place) = self.place_now(server) {
                return place;
            }
            // Err: none has closed meanwhile, but one may have become replaceable.
            let _ = timeout(LOOK_EVERY, self.0.closed.notified()).await;
        }
    }

    fn place_now(&self, server: &Arc<Ending>) -> Option<Place> {
        let mut open = self.0.open();
        let probes_only = !open.has_room(false, self.0.limits.connections);
        if probes_only && !open.has_room(true, RESERVE) {
            return None;
        }
        let state = Arc::new(State::new(self.0.epoch, Arc::clone(server), probes_only));
        let id = open.next;
        open.next += 1;
        open.states.insert(id, Arc::clone(&state));
        Some(Place { id, state, connections: Arc::clone(&self.0) })
    }

    /// Ends the connections to this server that have no request under way.
    pub(super) fn end(&self, server: &Arc<Ending>) {
        server.begin();
        let open = self.0.open();
        open.states.values().filter(|state| Arc::ptr_eq(state.server(), server)).for_each(
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
    /// Whether there is room, if need be by closing the connection that has waited longest.
    fn has_room(&self, reserve: bool, limit: usize) -> bool {
        if !reserve && self.states.len() < limit {
            return true;
        }
        let states = || self.states.values().filter(|state| state.probes_only == reserve);
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

fn observe(connections: Weak<Inner>) {
    CONNECTIONS.register_gauge(move || {
        let open = connections.upgrade()?.open().states.len();
        Some(instrumentation::metrics::as_f64(open as u64))
    });
}

/// The place of an open connection; it is given back when this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    id: u64,
    pub state: Arc<State>,
    connections: Arc<Inner>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.connections.open().states.remove(&self.id);
        self.connections.closed.notify_one();
    }
}
