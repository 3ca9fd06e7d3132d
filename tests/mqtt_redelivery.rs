//! The MQTT bridge loses nothing and stores nothing twice, whatever is killed or away meanwhile.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::common::broker::{Broker, Publisher};
use crate::common::product::Role;
use crate::common::redis::{RedisServer, STREAM};
use crate::common::wait;

/// Messages that have their own time, and messages that have none.
const WITH_TIME: &str = "energy/readings";
const WITHOUT_TIME: &str = "shellies/plug/relay/0/power";

/// Messages a second of each of both.
const RATE: usize = 1_000;

/// The messages of a part of a second: each reading has a power of its own, by which it is found again.
fn messages(range: std::ops::Range<usize>) -> (Vec<String>, Vec<String>) {
    let with_time = range.clone().map(|n| {
        format!(
            r#"{{"site_id": "s", "device_id": "m", "power_reading": {n}, "timestamp": "2024-01-15T10:30:00Z"}}"#
        )
    });
    (with_time.collect(), range.map(|n| n.to_string()).collect())
}

struct Load {
    with_time: Publisher,
    without_time: Publisher,
    sent: usize,
}

impl Load {
    fn begin(broker: &Broker) -> Self {
        let (with_time, without_time) =
            (broker.publisher(WITH_TIME), broker.publisher(WITHOUT_TIME));
        Self { with_time, without_time, sent: 0 }
    }

    /// Publishes for a time at the rate.
    async fn run(&mut self, time: Duration) {
        let mut interval = tokio::time::interval(Duration::from_millis(20));
        for _ in 0..time.as_millis() / 20 {
            interval.tick().await;
            let end = self.sent + RATE / 50;
            let (with_time, without_time) = messages(self.sent..end);
            self.with_time.publish(with_time);
            self.without_time.publish(without_time);
            self.sent = end;
        }
    }

    async fn end(self) -> usize {
        self.with_time.finish().await;
        self.without_time.finish().await;
        self.sent
    }
}

/// How often each reading of a device is in the stream.
async fn appended(redis: &RedisServer) -> BTreeMap<(String, String), usize> {
    let mut found = BTreeMap::new();
    for entry in redis.entries(STREAM).await {
        let value = |name: &str| {
            let (_, value) = entry.fields.iter().find(|(field, _)| field == name).unwrap();
            value.clone()
        };
        *found.entry((value("device_id"), value("power_reading"))).or_default() += 1;
    }
    found
}

/// Waits until as many readings as were sent are appended, and asserts that each is there once.
async fn assert_each_is_appended_once(redis: &RedisServer, sent: usize) {
    wait::until("all readings are appended", async || {
        redis.run::<usize>(&["XLEN", STREAM]).await >= 2 * sent
    })
    .await;
    let found = appended(redis).await;
    let twice: Vec<_> = found.iter().filter(|(_, times)| **times > 1).take(3).collect();
    assert!(twice.is_empty(), "appended more than once: {twice:?}");
    assert_eq!(found.len(), 2 * sent, "readings are lost");
}

async fn subscribed(broker: &Broker, redis: &RedisServer) -> Role {
    let bridge = broker.bridge(redis).start().await;
    wait::until("it is subscribed", async || bridge.stderr().contains("subscribed to the MQTT"))
        .await;
    bridge
}

#[tokio::test]
async fn a_bridge_that_is_killed_under_load_loses_nothing_and_appends_nothing_twice() {
    let (redis, broker) = (RedisServer::start().await, Broker::start().await);
    let mut bridge = subscribed(&broker, &redis).await;
    let mut load = Load::begin(&broker);
    for _ in 0..5 {
        load.run(Duration::from_millis(700)).await;
        bridge.kill9();
        load.run(Duration::from_millis(100)).await;
        bridge = subscribed(&broker, &redis).await;
    }
    let sent = load.end().await;
    assert_each_is_appended_once(&redis, sent).await;
}

#[tokio::test]
async fn readings_that_were_appended_and_not_acknowledged_are_not_appended_again() {
    let (redis, broker) = (RedisServer::start().await, Broker::start().await);
    let frozen = broker.bridge(&redis).env("FAILPOINTS", "mqtt-after-append=sleep(600000)");
    let mut bridge = frozen.start().await;
    wait::until("it is subscribed", async || bridge.stderr().contains("subscribed to the MQTT"))
        .await;
    // The same payload of the same topic twice: two readings.
    for payload in ["7", "7", "8"] {
        broker.publish(WITHOUT_TIME, payload).await;
    }
    wait::until("the first is appended", async || redis.run::<usize>(&["XLEN", STREAM]).await >= 1)
        .await;
    bridge.kill9();
    let unacknowledged = redis.run::<u64>(&["XLEN", STREAM]).await;
    let bridge = subscribed(&broker, &redis).await;
    wait::until("all are appended", async || redis.run::<usize>(&["XLEN", STREAM]).await >= 3)
        .await;
    broker.publish(WITHOUT_TIME, "9").await;
    wait::until("the last one is appended", async || {
        appended(&redis).await.contains_key(&("plug-0".to_owned(), "9.0".to_owned()))
    })
    .await;
    let found = appended(&redis).await;
    let times: Vec<_> = found.iter().map(|((_, power), times)| (power.as_str(), *times)).collect();
    assert_eq!(times, [("7.0", 2), ("8.0", 1), ("9.0", 1)]);
    assert_eq!(replayed(&bridge).await, unacknowledged);
}

/// Readings that were in the stream already.
async fn replayed(bridge: &Role) -> u64 {
    let name = r#"energy_pipeline_receiver_readings_total{outcome="replayed",receiver="mqtt"}"#;
    bridge.counter(name).await
}

#[tokio::test]
async fn while_redis_is_away_nothing_is_acknowledged_and_afterwards_nothing_is_lost() {
    let (mut redis, broker) = (RedisServer::start_durable().await, Broker::start().await);
    let bridge = subscribed(&broker, &redis).await;
    let mut load = Load::begin(&broker);
    load.run(Duration::from_millis(500)).await;
    redis.kill9();
    let before = bridge.counter("energy_pipeline_mqtt_messages_total").await;
    load.run(Duration::from_secs(3)).await;
    let received = bridge.counter("energy_pipeline_mqtt_messages_total").await - before;
    assert!(received <= 1_000, "{received} messages were taken while Redis was away");
    let waiting = bridge.counter("energy_pipeline_mqtt_unacknowledged_messages").await;
    assert!(waiting > 0, "messages wait for Redis");
    redis.restart().await;
    load.run(Duration::from_millis(500)).await;
    let sent = load.end().await;
    assert_each_is_appended_once(&redis, sent).await;
}

#[tokio::test]
async fn a_redis_that_hangs_under_load_costs_time_and_no_reading() {
    let (mut redis, broker) = (RedisServer::start().await, Broker::start().await);
    let _bridge = subscribed(&broker, &redis).await;
    let mut load = Load::begin(&broker);
    load.run(Duration::from_millis(500)).await;
    // Longer than a command may take: the outcome of those under way is unknown.
    redis.signal("STOP");
    load.run(Duration::from_secs(7)).await;
    redis.signal("CONT");
    let sent = load.end().await;
    assert_each_is_appended_once(&redis, sent).await;
}

#[tokio::test]
async fn a_broker_that_restarts_delivers_what_it_had_and_the_bridge_connects_again() {
    let (redis, mut broker) = (RedisServer::start().await, Broker::start().await);
    let mut bridge = subscribed(&broker, &redis).await;
    broker.publish(WITHOUT_TIME, "1").await;
    wait::until("it is appended", async || redis.run::<usize>(&["XLEN", STREAM]).await == 1).await;
    bridge.kill9();
    // Without a bridge the broker keeps messages, over its own restart as well.
    for payload in ["2", "3"] {
        broker.publish(WITHOUT_TIME, payload).await;
    }
    broker.stop().await;
    broker.restart().await;
    let bridge = subscribed(&broker, &redis).await;
    wait::until("all are appended", async || redis.run::<usize>(&["XLEN", STREAM]).await == 3)
        .await;
    broker.stop().await;
    wait::until("the loss is logged", async || {
        bridge.stderr().contains("not connected to the MQTT")
    })
    .await;
    broker.restart().await;
    wait::until("it is subscribed again", async || {
        bridge.counter("energy_pipeline_mqtt_connected").await == 1
    })
    .await;
    broker.publish(WITHOUT_TIME, "4").await;
    wait::until("all are appended", async || redis.run::<usize>(&["XLEN", STREAM]).await == 4)
        .await;
    assert!(appended(&redis).await.values().all(|times| *times == 1));
}
