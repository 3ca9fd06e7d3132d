//! The nodes of a Redis Cluster.

use std::sync::Arc;

use futures_util::FutureExt;
use redis::{AsyncConnectionConfig, ConnectionAddr};

use super::address::Address;
use super::cluster::{Connecting, Master, Slot, SlotMap, Topology};
use super::live_connection::RESPONSE_TIMEOUT;
use super::server::RedisServer;
use crate::store::error::{CONNECT, StoreError, StoreResult};
use crate::store::error_class::ErrorClass;

impl RedisServer {
    /// The slot map of this Redis Cluster. The first caller waits until it was polled.
    pub(super) async fn slot_map(&self) -> StoreResult<Arc<SlotMap>> {
        self.polled_topology()?.map(self.shared_name()).await
    }

    /// The slot map of a poll that begins now.
    pub(super) async fn refreshed_slot_map(&self) -> StoreResult<Arc<SlotMap>> {
        self.polled_topology()?.refreshed(self.shared_name()).await
    }

    /// The server that a key is on: the node of a Redis Cluster, or this one.
    pub(super) async fn with_key(&self, key: &str) -> StoreResult<Self> {
        if !self.is_cluster() {
            return Ok(self.clone());
        }
        let map = self.polled_topology()?.map_for_reader(self.shared_name()).await?;
        self.node(&self.master_of(&map, Slot::of(key.as_bytes()))?.address)
    }

    /// The master of a slot.
    pub(super) fn master_of<'a>(&self, map: &'a SlotMap, slot: Slot) -> StoreResult<&'a Master> {
        map.master_of(slot).ok_or_else(|| {
            let text = "no node of the Redis Cluster has the slot of the key";
            StoreError::found(self.shared_name(), CONNECT, ErrorClass::Busy, text)
        })
    }

    fn polled_topology(&self) -> StoreResult<&Topology> {
        let (Some(topology), Address::Cluster { seeds, .. }) = (self.topology(), self.address())
        else {
            let text = "the server is no Redis Cluster";
            return Err(StoreError::found(self.shared_name(), CONNECT, ErrorClass::Other, text));
        };
        topology.start_polling(seeds, || self.connecting());
        Ok(topology)
    }

    fn connecting(&self) -> Connecting {
        let cluster = self.clone();
        Box::new(move |address: ConnectionAddr| {
            let node = cluster.node(&address);
            async move {
                let config =
                    AsyncConnectionConfig::new().set_response_timeout(Some(RESPONSE_TIMEOUT));
                let (connection, _) = node?.connect(config).await?;
                Ok(connection)
            }
            .boxed()
        })
    }
}
