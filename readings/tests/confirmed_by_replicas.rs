//! A write is confirmed when replicas have it, in a real Redis.
#![cfg(test)]

mod support;

use std::num::NonZeroU32;
use std::time::Duration;

use readings::store::stream::ReadingStream;
use readings::store::{ErrorClass, Keys, RedisServer as Server, ReplicaWait};
use readings::{DeviceId, Power, Reading, SiteId, Timestamp};

use self::support::redis::RedisServer;
use self::support::wait;

/// The stream over a connection whose writes one replica must have.
fn stream_of(redis: &RedisServer) -> ReadingStream {
    let keys = Keys::new("energy_readings", "processing_group");
    let replicas = NonZeroU32::MIN;
    let wait =
        ReplicaWait { replicas, timeout: Duration::from_millis(100), mark: keys.replica_mark() };
    let server = Server::from_url(&format!("redis://127.0.0.1:{}", redis.port())).unwrap();
    ReadingStream::new(keys, server.waiting_for(wait).shared())
}

fn reading() -> Reading {
    Reading {
        site_id: SiteId::new("house-01").unwrap(),
        device_id: DeviceId::new("main-meter").unwrap(),
        power: Power::from_watts(1.0).unwrap(),
        timestamp: Timestamp::parse("2024-01-15T10:30:00Z").unwrap(),
    }
}

async fn replica_of(master: &RedisServer) -> RedisServer {
    let address = format!("127.0.0.1 {}", master.port());
    let replica = RedisServer::start_with(&["--replicaof", &address]).await;
    wait::until("the replica follows", async || {
        replica.run::<String>(&["INFO", "replication"]).await.contains("master_link_status:up")
    })
    .await;
    replica
}

#[tokio::test]
async fn an_append_is_confirmed_when_a_replica_has_it_and_its_outcome_is_unknown_before() {
    let master = RedisServer::start().await;
    let mut replica = replica_of(&master).await;
    let stream = stream_of(&master);
    stream.append(&reading(), "2024-01-15T10:30:00").await.unwrap();
    assert_eq!(replica.run::<u64>(&["XLEN", "energy_readings"]).await, 1);
    replica.signal("STOP");
    let error = stream.append(&reading(), "2024-01-15T10:30:00").await.unwrap_err();
    assert_eq!((error.class, error.outcome_is_unknown()), (ErrorClass::Full, true), "{error}");
    // Over a connection that has written nothing, for which newer servers count every replica.
    let error = stream_of(&master).probe_writes().await.unwrap_err();
    assert_eq!((error.class, error.outcome_is_unknown()), (ErrorClass::Full, false), "{error}");
    replica.signal("CONT");
    wait::until("writes are confirmed", async || stream.probe_writes().await.is_ok()).await;
    assert_eq!(replica.run::<u64>(&["XLEN", "energy_readings"]).await, 2);
}
