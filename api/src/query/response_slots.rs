//! How many large answers there may be at the same time, and who may have how many of them.
//!
//! A large answer holds a page of readings in memory until its client has taken it, however slowly. Redis
//! is asked for the next page only then, so slow clients cost it nothing.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Notify, Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout_at};

/// Large answers at the same time. Too low and slow clients keep others waiting; too high and their
/// pages, half a megabyte each, fill the memory.
const MAX_LARGE: usize = 64;

/// Of these, those of one address. Too low and clients behind one proxy wait for each other; too high and
/// one slow client keeps all others waiting.
const MAX_LARGE_OF_ONE: usize = 48;

/// How long a client waits for its place. Too low and it is refused though one is about to be free; too
/// high and it waits in vain.
const PATIENCE: Duration = Duration::from_secs(10);

/// Pages that are read from Redis at the same time. Too low and exports wait for each other; too high and
/// their pages crowd out everybody else at Redis.
const MAX_READS: usize = 16;

/// The places for large answers, of one service.
#[derive(Debug)]
pub(super) struct Places {
    taken: Arc<Taken>,
    reads: Semaphore,
}

#[derive(Debug, Default)]
struct Taken {
    by: Mutex<HashMap<Option<IpAddr>, usize>>,
    freed: Notify,
}

/// A place, which is given back when this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    of: Option<IpAddr>,
    taken: Arc<Taken>,
}

impl Default for Places {
    fn default() -> Self {
        Self { taken: Arc::default(), reads: Semaphore::new(MAX_READS) }
    }
}

impl Places {
    /// A place for a client, if one is free.
    pub fn take(&self, client: Option<IpAddr>) -> Option<Place> {
        let mut by = self.taken.by();
        let (all, own) = (by.values().sum::<usize>(), by.get(&client).copied().unwrap_or(0));
        (all < MAX_LARGE && own < MAX_LARGE_OF_ONE).then(|| {
            *by.entry(client).or_default() += 1;
            Place { of: client, taken: Arc::clone(&self.taken) }
        })
    }

    /// A place for a client, as soon as one is free; none within a client's patience is none.
    pub async fn wait(&self, client: Option<IpAddr>) -> Option<Place> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let freed = self.taken.freed.notified();
            if let Some(place) = self.take(client) {
                return Some(place);
            }
            timeout_at(deadline, freed).await.ok()?;
        }
    }

    /// The turn to read a page from Redis; to be given back when it has been read.
    pub async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        self.reads.acquire().await.ok() // Err: it is never closed
    }
}

impl Taken {
    fn by(&self) -> MutexGuard<'_, HashMap<Option<IpAddr>, usize>> {
        self.by.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut by = self.taken.by();
        if let Some(own) = by.get_mut(&self.of) {
            *own -= 1;
        }
        by.retain(|_, own| *own > 0);
        drop(by);
        // All: one that waits for its address' share must not swallow the place of another.
        self.taken.freed.notify_waiters();
    }
}

/// Bytes with the place that they hold until they are sent.
struct Held {
    bytes: Bytes,
    _place: Place,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Place {
    /// Holds the place until these bytes are sent.
    pub fn hold(self, bytes: Bytes) -> Bytes {
        Bytes::from_owner(Held { bytes, _place: self })
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const ONE: Option<IpAddr> = Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)));
    const OTHER: Option<IpAddr> = Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2)));

    #[test]
    fn an_address_leaves_places_to_others() {
        let places = Places::default();
        let own: Vec<_> = std::iter::from_fn(|| places.take(ONE)).collect();
        let others: Vec<_> = std::iter::from_fn(|| places.take(OTHER)).collect();
        assert_eq!((own.len(), others.len()), (MAX_LARGE_OF_ONE, MAX_LARGE - MAX_LARGE_OF_ONE));
        drop(own);
        assert!(places.take(ONE).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_gets_a_place_that_becomes_free_and_none_after_its_patience() {
        let places = Places::default();
        let mut taken: Vec<_> = std::iter::from_fn(|| places.take(ONE)).collect();
        assert!(places.wait(ONE).await.is_none());
        let free = async {
            tokio::time::sleep(PATIENCE / 2).await;
            taken.pop();
        };
        let (waited, ()) = tokio::join!(places.wait(ONE), free);
        assert!(waited.is_some());
    }

    #[test]
    fn a_place_is_held_until_its_bytes_are_gone() {
        let places = Places::default();
        let mut held: Vec<_> = std::iter::from_fn(|| places.take(ONE))
            .map(|place| place.hold(Bytes::from_static(b"page")))
            .collect();
        assert!(places.take(ONE).is_none());
        held.pop();
        assert!(places.take(ONE).is_some());
    }
}
