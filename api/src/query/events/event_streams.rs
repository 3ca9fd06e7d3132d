//! The event streams of a process: the reader that they share, and how many there may be.

use std::io;

use bytes::Bytes;
use futures_util::{Stream, stream};
use readings::store::stream::StreamPartitions;
use readings::store::{RedisServer, StoreError};

use super::event_stream::{EventStream, Subscription};
use super::hub::EventHub;
use super::metrics;
use crate::client_slots::{Client, ClientSlot, ClientSlots, SlotLimits};
use crate::draining::Draining;

/// The event streams of a process. Clones share all of it.
#[derive(Debug, Clone)]
pub struct EventStreams {
    hub: EventHub,
    slots: ClientSlots,
    draining: Draining,
}

impl EventStreams {
    /// At most `limit` streams, three quarters of them for one client, as keys and addresses are counted; they end when
    /// `draining` begins.
    #[must_use]
    pub fn new(
        partitions: StreamPartitions,
        server: RedisServer,
        draining: Draining,
        limit: usize,
    ) -> Self {
        metrics::expose();
        let per_client = (limit - limit / 4).max(1);
        let slots = ClientSlots::new(SlotLimits { total: limit, per_client });
        Self { hub: EventHub::new(partitions, server), slots, draining }
    }

    pub(super) const fn draining(&self) -> &Draining {
        &self.draining
    }

    /// A slot for this client, if one is free.
    pub(super) fn slot(&self, client: &Client) -> Option<ClientSlot> {
        self.slots.try_acquire(client)
    }

    /// Opens a stream that holds its slot until it ends.
    pub(super) async fn open(
        &self,
        subscription: Subscription,
        slot: ClientSlot,
    ) -> Result<impl Stream<Item = io::Result<Bytes>> + use<>, StoreError> {
        let events = EventStream::open(&self.hub, subscription).await?;
        Ok(stream::unfold((events, slot), async |(mut events, slot)| {
            let bytes = events.next().await?;
            Some((Ok(bytes), (events, slot)))
        }))
    }
}
