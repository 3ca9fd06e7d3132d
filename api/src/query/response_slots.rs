//! Slots for large responses: how many are sent at the same time, in total and to one client.
//!
//! A large response holds one page of readings in memory until the client has read it, however slowly. The next page
//! is read from Redis only then, so that a slow client costs Redis nothing.

use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::client_slots::{Client, ClientSlot, ClientSlots, SlotLimits};

/// In total: too low and slow clients keep others waiting; too high and their pages, half a megabyte each, fill the
/// memory. Per client: too low and clients behind a proxy that is not trusted wait for each other; too high and one slow
/// client keeps all others waiting.
const LIMITS: SlotLimits = SlotLimits { total: 64, per_client: 48 };

/// How long a request waits for a slot. Too low and it fails although one is about to be released; too high and
/// it waits in vain.
const SLOT_TIMEOUT: Duration = Duration::from_secs(10);

/// Pages that are read from Redis at the same time. Too low and large responses wait for each other; too high and
/// their pages delay all other queries.
const MAX_CONCURRENT_READS: usize = 16;

/// The slots of one service.
#[derive(Debug)]
pub(super) struct ResponseSlots {
    slots: ClientSlots,
    reads: Semaphore,
}

/// A slot; released on drop.
#[derive(Debug)]
pub(super) struct ResponseSlot {
    _slot: ClientSlot,
}

impl Default for ResponseSlots {
    fn default() -> Self {
        Self { slots: ClientSlots::new(LIMITS), reads: Semaphore::new(MAX_CONCURRENT_READS) }
    }
}

impl ResponseSlots {
    /// A slot for this client, if one is free.
    pub fn try_acquire(&self, client: &Client) -> Option<ResponseSlot> {
        self.slots.try_acquire(client).map(Into::into)
    }

    /// A slot for this client as soon as one is free; `None` after [`SLOT_TIMEOUT`].
    pub async fn acquire(&self, client: &Client) -> Option<ResponseSlot> {
        self.slots.acquire(client, SLOT_TIMEOUT).await.map(Into::into)
    }

    /// The permit to read one page from Redis.
    pub async fn read_permit(&self) -> Option<SemaphorePermit<'_>> {
        self.reads.acquire().await.ok() // Err: never, the semaphore is not closed
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

impl From<ClientSlot> for ResponseSlot {
    fn from(slot: ClientSlot) -> Self {
        Self { _slot: slot }
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
    use super::*;

    #[test]
    fn a_slot_is_held_until_its_bytes_are_dropped() {
        let slots = ResponseSlots::default();
        let client = Client::of(&poem::Request::default());
        let mut held: Vec<_> = std::iter::from_fn(|| slots.try_acquire(&client))
            .map(|slot| slot.attach_to(Bytes::from_static(b"page")))
            .collect();
        assert_eq!(held.len(), LIMITS.per_client);
        held.pop();
        assert!(slots.try_acquire(&client).is_some());
    }
}
