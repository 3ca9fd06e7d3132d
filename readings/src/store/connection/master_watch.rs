//! Where the server is, for those that are connected to it.
//!
//! A master that Sentinels have replaced does not know it: until one tells it, ten seconds and more, it
//! goes on taking readings, and loses them all when it becomes a replica. So Sentinels are asked now
//! and then, and connections that lead to another server than they name are given up.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use instrumentation::log_throttle::LogThrottle;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tracing::warn;

use super::address;
use super::server::RedisServer;

/// How often Sentinels are asked. Too low and they are asked for nothing; too high and readings are
/// given to a master that was replaced for that long.
const ASK_EVERY: Duration = Duration::from_millis(500);

/// How long they may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// What is known of a server's place; cloning it is cheap.
#[derive(Debug, Clone, Default)]
pub(super) struct Whereabouts(Arc<Known>);

#[derive(Debug, Default)]
struct Known {
    place: watch::Sender<Place>,
    is_asked_for: AtomicBool,
}

#[derive(Debug, Default)]
struct Place {
    address: String,
    moves: u64,
}

/// The place of the server at some time: a connection that was made then is good as long as the
/// server has not moved.
#[derive(Debug, Clone)]
pub(super) struct Stay {
    moves: u64,
    place: watch::Receiver<Place>,
}

impl Whereabouts {
    /// Notes where the server is now.
    pub fn note(&self, address: String) -> Stay {
        self.0.place.send_if_modified(|place| {
            let moved = place.address != address && !place.address.is_empty();
            place.moves += u64::from(moved);
            place.address = address;
            moved
        });
        let place = self.0.place.subscribe();
        let moves = place.borrow().moves;
        Stay { moves, place }
    }

    /// Where the server was last; empty until it was found.
    pub fn address(&self) -> String {
        self.0.place.borrow().address.clone()
    }

    /// From now on asks Sentinels where the master is, if that was not done before.
    pub fn keep_asking(&self, server: &RedisServer) {
        if !self.0.is_asked_for.swap(true, Ordering::Relaxed) {
            tokio::spawn(ask(server.clone(), self.clone()));
        }
    }
}

impl Stay {
    /// Whether the server has moved since.
    pub fn is_over(&self) -> bool {
        self.place.borrow().moves != self.moves
    }

    /// Waits until the server has moved.
    pub async fn over(&mut self) {
        let moves = self.moves;
        if self.place.wait_for(|place| place.moves != moves).await.is_err() {
            // Nobody is left who would say so.
            std::future::pending::<()>().await;
        }
    }
}

async fn ask(server: RedisServer, whereabouts: Whereabouts) {
    static THROTTLE: LogThrottle = LogThrottle::new();
    let mut last = None;
    loop {
        sleep(ASK_EVERY).await;
        // Err: no Sentinel answers, or there is no master; who is connected stays so meanwhile.
        let Ok(Ok(address)) = timeout(ANSWER_WITHIN, server.find()).await else { continue };
        let address = address::shown(&address);
        if last.as_ref().is_some_and(|last| *last != address)
            && let Some(suppressed) = THROTTLE.should_log(Instant::now())
        {
            warn!(%address, suppressed, "Sentinels name another master; connections are made anew");
        }
        whereabouts.note(address.clone());
        last = Some(address);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_stay_is_over_when_the_server_has_moved() {
        let whereabouts = Whereabouts::default();
        let mut first = whereabouts.note("one".to_owned());
        assert!(!whereabouts.note("one".to_owned()).is_over() && !first.is_over());
        let second = whereabouts.note("two".to_owned());
        assert!(first.is_over() && !second.is_over());
        first.over().await;
    }
}
