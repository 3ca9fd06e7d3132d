//! What receivers of several processes accept and do not accept, summed up in a real Redis.
#![cfg(test)]

mod support;

use std::time::Duration;

use readings::store::Keys;
use readings::store::receivers::{
    Connections, Receiver, ReceiverCounters, ReceiverReporter, ReceiverState, ReceiverStates,
};

use tokio::time::timeout;

use self::support::redis::RedisServer;
use self::support::{shared, wait};

/// A process with receivers.
struct Process {
    counters: ReceiverCounters,
    reporter: ReceiverReporter,
}

impl Process {
    fn of(redis: &RedisServer) -> Self {
        let reporter = ReceiverReporter::new(&keys(), shared(redis));
        Self { counters: ReceiverCounters::new(), reporter }
    }

    async fn report(&mut self) {
        self.reporter.report(&self.counters).await.unwrap();
    }
}

fn keys() -> Keys {
    Keys::new("energy_readings", "processing_group")
}

async fn states(redis: &RedisServer) -> Vec<ReceiverState> {
    ReceiverStates::new(&keys(), shared(redis)).read().await.unwrap()
}

/// The state of the only receiver that has counted anything.
async fn only_state(redis: &RedisServer) -> ReceiverState {
    let [state] = <[ReceiverState; 1]>::try_from(states(redis).await).unwrap();
    state
}

#[tokio::test]
async fn counts_of_all_processes_are_added_once_each() {
    let redis = RedisServer::start().await;
    let (mut one, mut other) = (Process::of(&redis), Process::of(&redis));
    one.report().await;
    assert_eq!(states(&redis).await, []);
    one.counters.get(Receiver::Batch).accepted(10, 3);
    other.counters.get(Receiver::Batch).accepted(5, 0);
    other.counters.get(Receiver::Readings).accepted(1, 0);
    for _ in 0..3 {
        one.report().await;
        other.report().await;
    }
    one.counters.get(Receiver::Batch).rejected("meter", "missing", 2);
    one.report().await;
    let [readings, batch] = <[ReceiverState; 2]>::try_from(states(&redis).await).unwrap();
    assert_eq!((readings.receiver, readings.accepted), (Receiver::Readings, 1));
    let counted = (batch.accepted, batch.replayed, batch.rejected, batch.unmapped);
    assert_eq!(counted, (15, 3, 2, 0));
    assert!(batch.last_accepted_ms.unwrap() >= batch.since_ms, "{batch:?}");
    assert_eq!(batch.connections, None);
}

#[tokio::test]
async fn what_was_counted_while_redis_was_away_is_reported_once_it_is_back() {
    let mut redis = RedisServer::start_durable().await;
    let mut process = Process::of(&redis);
    // From now on the server knows the script.
    process.counters.get(Receiver::Mqtt).accepted(1, 0);
    process.report().await;
    process.counters.get(Receiver::Mqtt).accepted(3, 0);
    // The script waits, and its reply is not awaited.
    redis.run::<()>(&["CLIENT", "PAUSE", "200", "WRITE"]).await;
    let unanswered = timeout(Duration::from_millis(50), process.report());
    assert!(unanswered.await.is_err());
    process.counters.get(Receiver::Mqtt).accepted(1, 0);
    process.report().await;
    assert_eq!(only_state(&redis).await.accepted, 5);
    redis.kill9();
    process.counters.get(Receiver::Mqtt).accepted(2, 1);
    assert!(process.reporter.report(&process.counters).await.is_err());
    process.counters.get(Receiver::Mqtt).accepted(3, 0);
    redis.restart().await;
    wait::until("Redis is back", async || process.reporter.report(&process.counters).await.is_ok())
        .await;
    assert_eq!(only_state(&redis).await.accepted, 10);
}

#[tokio::test]
async fn the_last_names_that_were_not_accepted_are_kept_with_their_reasons() {
    let redis = RedisServer::start().await;
    let mut process = Process::of(&redis);
    let receiver = process.counters.get(Receiver::RemoteWrite);
    receiver.rejected("plug\n1", "negative power", 1);
    receiver.unmapped(&"x".repeat(10_000), "not mapped", 1);
    process.report().await;
    for number in 0..100 {
        let receiver = process.counters.get(Receiver::RemoteWrite);
        receiver.unmapped(&format!("metric_{number}"), "not mapped", 3);
        process.report().await;
    }
    let state = only_state(&redis).await;
    assert_eq!((state.rejected, state.unmapped), (1, 301));
    let names: Vec<_> = state.not_accepted.iter().map(|name| name.name.as_str()).collect();
    assert_eq!(names.len(), 17, "{names:?}");
    assert!(names.contains(&"metric_99") && names.contains(&"plug\u{fffd}1"), "{names:?}");
    let last = state.not_accepted.iter().find(|name| name.name == "metric_99").unwrap();
    assert_eq!(
        (last.outcome.as_str(), last.reason.as_str(), last.rows),
        ("unmapped", "not mapped", 3)
    );
    let bytes = redis.run::<usize>(&["HSTRLEN", &keys().receivers(), "remote_write"]).await;
    assert!(bytes < 4_000, "{bytes}");
}

#[tokio::test]
async fn connections_are_open_as_their_processes_reported_lately() {
    let redis = RedisServer::start().await;
    let (mut one, mut other) = (Process::of(&redis), Process::of(&redis));
    one.counters.get(Receiver::Mqtt).set_connected(true);
    other.counters.get(Receiver::Mqtt).set_connected(true);
    one.report().await;
    other.report().await;
    assert_eq!(only_state(&redis).await.connections, Some(Connections { processes: 2, open: 2 }));
    other.counters.get(Receiver::Mqtt).set_connected(false);
    other.report().await;
    assert_eq!(only_state(&redis).await.connections, Some(Connections { processes: 2, open: 1 }));
}

#[tokio::test]
async fn a_field_of_another_form_is_replaced() {
    let redis = RedisServer::start().await;
    for text in ["", "[", "7", "{}", "\"x\""] {
        redis.run::<()>(&["HSET", &keys().receivers(), "batch", text]).await;
        assert_eq!(states(&redis).await, [], "{text}");
        let mut process = Process::of(&redis);
        process.counters.get(Receiver::Batch).accepted(2, 0);
        process.report().await;
        assert_eq!(only_state(&redis).await.accepted, 2, "{text}");
    }
}
