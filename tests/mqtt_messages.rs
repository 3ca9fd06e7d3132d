//! Messages of an MQTT broker become readings, by profiles or a file of mappings.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::common::broker::Broker;
use crate::common::files;
use crate::common::product::{Role, processing_service};
use crate::common::redis::{DEAD_LETTERS, RedisServer, STREAM};
use crate::common::{stored, wait};

const READING: &str = r#"{"site_id": "house-01", "device_id": "main-meter", "power_reading": 1500.5, "timestamp": "2024-01-15T10:30:00Z"}"#;

/// The power of a device, as text, in the stream.
type Appended = (String, String, String);

async fn subscribed(broker: &Broker, redis: &RedisServer, settings: &[(&str, &str)]) -> Role {
    let mut launch = broker.bridge(redis);
    for (variable, value) in settings {
        launch = launch.env(variable, value);
    }
    let bridge = launch.start().await;
    wait::until("it is subscribed", async || bridge.stderr().contains("subscribed to the MQTT"))
        .await;
    bridge
}

async fn appended(redis: &RedisServer) -> Vec<Appended> {
    let entries = redis.entries(STREAM).await.into_iter();
    entries
        .map(|entry| {
            let value = |n: usize| entry.fields[n].1.clone();
            (value(0), value(1), value(2))
        })
        .collect()
}

async fn wait_for(redis: &RedisServer, count: usize) -> Vec<Appended> {
    wait::until("readings are appended", async || appended(redis).await.len() >= count).await;
    appended(redis).await
}

#[tokio::test]
async fn each_sample_of_each_profile_is_appended_once_as_it_states() {
    let (redis, broker) = (RedisServer::start().await, Broker::start().await);
    let _bridge = subscribed(&broker, &redis, &[("MQTT_SITE", "house")]).await;
    let mut expected = Vec::new();
    for file in std::fs::read_dir(files::path("mqtt/profiles")).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        let profile: toml::Table = toml::from_str(&text).unwrap();
        for sample in profile["sample"].as_array().unwrap() {
            let text = |name: &str| sample[name].as_str().unwrap();
            broker.publish(text("topic"), text("payload")).await;
            for reading in
                sample.get("readings").into_iter().flat_map(|all| all.as_array().unwrap())
            {
                let site = reading.get("site").map_or("house", |site| site.as_str().unwrap());
                let watts = format!("{:?}", reading["watts"].as_float().unwrap());
                let device = reading["device"].as_str().unwrap();
                expected.push((site.to_owned(), device.to_owned(), watts));
            }
        }
    }
    let mut found = wait_for(&redis, expected.len()).await;
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn a_message_is_stored_with_its_power_and_its_instant_however_often_it_is_sent() {
    let (redis, broker) = (RedisServer::start().await, Broker::start().await);
    let _processing = processing_service(&redis).start().await;
    let bridge = subscribed(&broker, &redis, &[]).await;
    for _ in 0..3 {
        broker.publish("energy/readings", READING).await;
    }
    broker.publish("energy/readings/a", &READING.replace("1500.5", "7")).await;
    wait::until("both are stored", async || stored::count(&redis).await >= 2).await;
    let members = stored::members(&redis, "house-01").await;
    assert_eq!(members.len(), 2);
    let first: Value = serde_json::from_str(&members[0].text).unwrap();
    assert_eq!(first["power_reading"], 1500.5);
    assert!((members[0].score - 1_705_314_600.0).abs() < 1e-6, "{}", members[0].score);
    let replayed = r#"energy_pipeline_receiver_readings_total{outcome="replayed",receiver="mqtt"}"#;
    assert_eq!(bridge.counter(replayed).await, 2);
}

#[tokio::test]
async fn a_message_that_is_no_reading_becomes_a_dead_letter_and_the_next_ones_are_appended() {
    let (redis, broker) = (RedisServer::start().await, Broker::start().await);
    let mut bridge = subscribed(&broker, &redis, &[]).await;
    let large = "x".repeat(100_000);
    for poison in ["{", "[]", "\u{1}", &READING.replace("1500.5", "-1"), &large] {
        broker.publish("energy/readings", poison).await;
    }
    broker.publish("shellies/plug/relay/0/power", "on").await;
    broker.publish("energy/readings", READING).await;
    assert_eq!(wait_for(&redis, 1).await.len(), 1);
    assert_eq!(redis.run::<usize>(&["XLEN", DEAD_LETTERS]).await, 6);
    assert!(bridge.stderr().contains("a message has no valid reading"), "{}", bridge.stderr());
    // They were acknowledged: another process with the same session gets none of them.
    bridge.terminate();
    assert_eq!(bridge.exit_code().await, Some(0));
    let bridge = subscribed(&broker, &redis, &[]).await;
    broker.publish("energy/readings", &READING.replace("1500.5", "2")).await;
    wait_for(&redis, 2).await;
    assert_eq!(bridge.counter("energy_pipeline_mqtt_messages_total").await, 1);
}

#[tokio::test]
async fn a_topic_without_a_mapping_is_counted_and_logged_and_not_stored() {
    let (redis, broker) = (RedisServer::start().await, Broker::start().await);
    let bridge = subscribed(&broker, &redis, &[("MQTT_TOPICS", "#")]).await;
    broker.publish("garden/pump", "12").await;
    broker.publish("energy/readings", READING).await;
    assert_eq!(wait_for(&redis, 1).await.len(), 1);
    let unmapped = r#"energy_pipeline_mqtt_messages_total{outcome="unmapped"}"#;
    assert_eq!(bridge.counter(unmapped).await, 1);
    assert!(bridge.stderr().contains("garden/pump"), "{}", bridge.stderr());
}

#[tokio::test]
async fn a_retained_message_without_a_time_is_of_unknown_age_and_not_stored() {
    let (redis, broker) = (RedisServer::start().await, Broker::start().await);
    for (topic, payload) in [("shellies/plug/relay/0/power", "5"), ("energy/readings", READING)] {
        broker.publish_with(&["-r", "-t", topic, "-m", payload]).await;
    }
    let bridge = subscribed(&broker, &redis, &[("MQTT_VERSION", "3.1.1")]).await;
    wait::until("both are received", async || {
        bridge.counter("energy_pipeline_mqtt_messages_total").await == 2
    })
    .await;
    broker.publish("shellies/plug/relay/0/power", "6").await;
    let powers: BTreeSet<_> =
        wait_for(&redis, 2).await.into_iter().map(|(_, _, power)| power).collect();
    assert_eq!(powers, BTreeSet::from(["1500.5".to_owned(), "6.0".to_owned()]));
}

#[tokio::test]
async fn a_file_of_mappings_comes_before_the_profiles() {
    let (redis, broker) = (RedisServer::start().await, Broker::start().await);
    let file = broker.directory().join("map.toml");
    let text = "description = 'ours'
        [[mapping]]
        topic = 'shellies/{device}/relay/{channel}/power'
        payload = 'number'
        site = 'garden'
        device = '{device}'
        power = [{ unit = 'kW' }]";
    std::fs::write(&file, text).unwrap();
    let _bridge = subscribed(&broker, &redis, &[("MQTT_MAP", file.to_str().unwrap())]).await;
    broker.publish("shellies/pump/relay/0/power", "1.5").await;
    let expected = ("garden".to_owned(), "pump".to_owned(), "1500.0".to_owned());
    assert_eq!(wait_for(&redis, 1).await, [expected]);
}
