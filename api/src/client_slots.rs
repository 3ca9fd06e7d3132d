//! Slots for what clients use at the same time, such as large responses: how many in total, and of one client.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use poem::Request;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use crate::access::{Grant, KeyId};
use crate::client_address::{self, network};

/// What counts as one client: the id of its key; without a key its IPv4 address, or the network of its IPv6 address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Client {
    /// Of a request with a key.
    Key(KeyId),
    /// Of another request; `None` where no server has received it.
    Network(Option<IpAddr>),
}

/// How many slots there are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SlotLimits {
    /// In total.
    pub total: usize,
    /// Of these, how many one client can have.
    pub per_client: usize,
}

/// Slots of clients. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct ClientSlots {
    limits: SlotLimits,
    in_use: Arc<SlotsInUse>,
}

#[derive(Debug, Default)]
struct SlotsInUse {
    by_client: Mutex<HashMap<Client, usize>>,
    released: Notify,
}

/// A slot; released on drop.
#[derive(Debug)]
pub(crate) struct ClientSlot {
    client: Client,
    in_use: Arc<SlotsInUse>,
}

impl Client {
    /// The client of a request.
    pub fn of(request: &Request) -> Self {
        match request.extensions().get::<Grant>() {
            Some(grant) => Self::Key(grant.key().id.clone()),
            None => Self::Network(client_address::of(request).map(network)),
        }
    }
}

impl ClientSlots {
    /// Slots that are all free.
    pub fn new(limits: SlotLimits) -> Self {
        Self { limits, in_use: Arc::default() }
    }

    /// A slot for this client, if one is free.
    pub fn try_acquire(&self, client: &Client) -> Option<ClientSlot> {
        let mut by_client = self.in_use.lock();
        let total = by_client.values().sum::<usize>();
        let own = by_client.get(client).copied().unwrap_or(0);
        (total < self.limits.total && own < self.limits.per_client).then(|| {
            *by_client.entry(client.clone()).or_default() += 1;
            ClientSlot { client: client.clone(), in_use: Arc::clone(&self.in_use) }
        })
    }

    /// A slot for this client as soon as one is free; `None` after `wait`.
    pub async fn acquire(&self, client: &Client, wait: Duration) -> Option<ClientSlot> {
        let deadline = Instant::now() + wait;
        loop {
            // Before the attempt, so that a release between the two is not missed.
            let released = self.in_use.released.notified();
            if let Some(slot) = self.try_acquire(client) {
                return Some(slot);
            }
            timeout_at(deadline, released).await.ok()?;
        }
    }
}

impl SlotsInUse {
    fn lock(&self) -> MutexGuard<'_, HashMap<Client, usize>> {
        self.by_client.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ClientSlot {
    fn drop(&mut self) {
        let mut by_client = self.in_use.lock();
        if let Some(own) = by_client.get_mut(&self.client) {
            *own -= 1;
        }
        by_client.retain(|_, own| *own > 0);
        drop(by_client);
        // All waiters: the one that is woken may be at the limit of its own client.
        self.in_use.released.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: SlotLimits = SlotLimits { total: 5, per_client: 3 };
    const WAIT: Duration = Duration::from_secs(10);

    fn client(address: &str) -> Client {
        Client::Network(Some(network(address.parse().unwrap())))
    }

    #[test]
    fn one_client_leaves_slots_to_others() {
        let slots = ClientSlots::new(LIMITS);
        let all_of = |client: Client| -> Vec<_> {
            std::iter::from_fn(|| slots.try_acquire(&client)).collect()
        };
        let own = all_of(client("2001:db8::1"));
        assert_eq!(own.len(), LIMITS.per_client);
        assert_eq!(all_of(client("2001:db8::2")).len(), 0, "an address of the same network");
        let others = all_of(client("192.0.2.2"));
        assert_eq!(others.len(), LIMITS.total - LIMITS.per_client);
        drop(own);
        let of_key = all_of(Client::Key("a".parse().unwrap()));
        assert_eq!(of_key.len(), LIMITS.per_client, "a key is another client than an address");
        drop(of_key);
        assert_eq!(all_of(client("192.0.2.2")).len(), LIMITS.per_client - others.len());
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_gets_a_slot_that_is_released_and_none_after_the_wait() {
        let slots = ClientSlots::new(LIMITS);
        let one = client("192.0.2.1");
        let mut taken: Vec<_> = std::iter::from_fn(|| slots.try_acquire(&one)).collect();
        assert!(slots.acquire(&one, WAIT).await.is_none());
        let free = async {
            tokio::time::sleep(WAIT / 2).await;
            taken.pop();
        };
        let (waited, ()) = tokio::join!(slots.acquire(&one, WAIT), free);
        assert!(waited.is_some());
    }
}
