//! Slots for large responses: how many are sent at the same time, in total and to one address.
//!
//! A large response holds one page of readings in memory until the client has read it, however slowly. The next page
//! is read from Redis only then, so that a slow client costs Redis nothing.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Notify, Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout_at};

/// Large responses at the same time. Too low and slow clients keep others waiting; too high and their pages,
/// half a megabyte each, fill the memory.
const MAX_SLOTS: usize = 64;

/// Of these, the slots of one address. Too low and clients behind one proxy wait for each other; too high and one
/// slow client keeps all others waiting.
const MAX_SLOTS_PER_ADDRESS: usize = 48;

/// How long a request waits for a slot. Too low and it fails although one is about to be released; too high and
/// it waits in vain.
const SLOT_TIMEOUT: Duration = Duration::from_secs(10);

/// Pages that are read from Redis at the same time. Too low and large responses wait for each other; too high and
/// their pages delay all other queries.
const MAX_CONCURRENT_READS: usize = 16;

/// The slots of one service.
#[derive(Debug)]
pub(super) struct ResponseSlots {
    in_use: Arc<SlotsInUse>,
    reads: Semaphore,
}

#[derive(Debug, Default)]
struct SlotsInUse {
    by_address: Mutex<HashMap<Option<IpAddr>, usize>>,
    released: Notify,
}

/// A slot; released on drop.
#[derive(Debug)]
pub(super) struct ResponseSlot {
    address: Option<IpAddr>,
    in_use: Arc<SlotsInUse>,
}

impl Default for ResponseSlots {
    fn default() -> Self {
        Self { in_use: Arc::default(), reads: Semaphore::new(MAX_CONCURRENT_READS) }
    }
}

impl ResponseSlots {
    /// A slot for this address, if one is free.
    pub fn try_acquire(&self, address: Option<IpAddr>) -> Option<ResponseSlot> {
        let mut by_address = self.in_use.lock();
        let total = by_address.values().sum::<usize>();
        let own = by_address.get(&address).copied().unwrap_or(0);
        (total < MAX_SLOTS && own < MAX_SLOTS_PER_ADDRESS).then(|| {
            *by_address.entry(address).or_default() += 1;
            ResponseSlot { address, in_use: Arc::clone(&self.in_use) }
        })
    }

    /// A slot for this address as soon as one is free; `None` after [`SLOT_TIMEOUT`].
    pub async fn acquire(&self, address: Option<IpAddr>) -> Option<ResponseSlot> {
        let deadline = Instant::now() + SLOT_TIMEOUT;
        loop {
            // Before the attempt, so that a release between the two is not missed.
            let released = self.in_use.released.notified();
            if let Some(slot) = self.try_acquire(address) {
                return Some(slot);
            }
            timeout_at(deadline, released).await.ok()?;
        }
    }

    /// The permit to read one page from Redis.
    pub async fn read_permit(&self) -> Option<SemaphorePermit<'_>> {
        self.reads.acquire().await.ok() // Err: never, the semaphore is not closed
    }
}

impl SlotsInUse {
    fn lock(&self) -> MutexGuard<'_, HashMap<Option<IpAddr>, usize>> {
        self.by_address.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ResponseSlot {
    fn drop(&mut self) {
        let mut by_address = self.in_use.lock();
        if let Some(own) = by_address.get_mut(&self.address) {
            *own -= 1;
        }
        by_address.retain(|_, own| *own > 0);
        drop(by_address);
        // All waiters: the one that is woken may be at the limit of its own address.
        self.in_use.released.notify_waiters();
    }
}

/// Bytes that hold a slot until they are sent.
struct WithSlot {
    bytes: Bytes,
    _slot: ResponseSlot,
}

impl AsRef<[u8]> for WithSlot {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl ResponseSlot {
    /// Releases the slot when these bytes are dropped, which hyper does when they are sent.
    pub fn attach_to(self, bytes: Bytes) -> Bytes {
        Bytes::from_owner(WithSlot { bytes, _slot: self })
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const ONE: Option<IpAddr> = Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)));
    const OTHER: Option<IpAddr> = Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2)));

    #[test]
    fn one_address_leaves_slots_to_others() {
        let slots = ResponseSlots::default();
        let own: Vec<_> = std::iter::from_fn(|| slots.try_acquire(ONE)).collect();
        let others: Vec<_> = std::iter::from_fn(|| slots.try_acquire(OTHER)).collect();
        assert_eq!(
            (own.len(), others.len()),
            (MAX_SLOTS_PER_ADDRESS, MAX_SLOTS - MAX_SLOTS_PER_ADDRESS)
        );
        drop(own);
        assert!(slots.try_acquire(ONE).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_gets_a_slot_that_is_released_and_none_after_the_timeout() {
        let slots = ResponseSlots::default();
        let mut taken: Vec<_> = std::iter::from_fn(|| slots.try_acquire(ONE)).collect();
        assert!(slots.acquire(ONE).await.is_none());
        let free = async {
            tokio::time::sleep(SLOT_TIMEOUT / 2).await;
            taken.pop();
        };
        let (waited, ()) = tokio::join!(slots.acquire(ONE), free);
        assert!(waited.is_some());
    }

    #[test]
    fn a_slot_is_held_until_its_bytes_are_dropped() {
        let slots = ResponseSlots::default();
        let mut held: Vec<_> = std::iter::from_fn(|| slots.try_acquire(ONE))
            .map(|slot| slot.attach_to(Bytes::from_static(b"page")))
            .collect();
        assert!(slots.try_acquire(ONE).is_none());
        held.pop();
        assert!(slots.try_acquire(ONE).is_some());
    }
}
