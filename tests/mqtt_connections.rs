//! How the MQTT bridge connects: versions, passwords, TLS, shared subscriptions, settings.

use crate::common::broker::{Broker, OPEN};
use crate::common::product::launch;
use crate::common::redis::{RedisServer, STREAM};
use crate::common::tls::Authority;
use crate::common::up;
use crate::common::wait;

const TOPIC: &str = "shellies/plug/relay/0/power";

async fn count(redis: &RedisServer) -> usize {
    redis.run::<usize>(&["XLEN", STREAM]).await
}

#[tokio::test]
async fn both_versions_of_the_protocol_are_spoken() {
    let (redis, broker) = (RedisServer::start().await, Broker::start().await);
    for (n, version) in ["3.1.1", "5"].into_iter().enumerate() {
        let bridge = broker.bridge(&redis).env("MQTT_VERSION", version);
        let bridge = bridge.env("MQTT_CLIENT_ID", version).start().await;
        wait::until("it is subscribed", async || bridge.stderr().contains("subscribed to the"))
            .await;
        broker.publish(TOPIC, "1").await;
        wait::until("it is appended", async || count(&redis).await == n + 1).await;
        let protocol = format!("p{}", if version == "5" { 5 } else { 2 });
        assert!(broker.log().contains(&format!("as {version} ({protocol}")), "{}", broker.log());
    }
}

#[tokio::test]
async fn messages_of_a_shared_group_are_divided_among_its_bridges() {
    let (redis, broker) = (RedisServer::start().await, Broker::start().await);
    let mut bridges = Vec::new();
    for id in ["a", "b"] {
        let bridge = broker.bridge(&redis).env("MQTT_SHARED_GROUP", "g").env("MQTT_CLIENT_ID", id);
        bridges.push(bridge.start().await);
    }
    for bridge in &bridges {
        wait::until("it is subscribed", async || bridge.stderr().contains("subscribed to the"))
            .await;
    }
    let mut publisher = broker.publisher(TOPIC);
    publisher.publish((0..100).map(|n| n.to_string()));
    publisher.finish().await;
    wait::until("all are appended", async || count(&redis).await >= 100).await;
    let mut all = 0;
    for bridge in &bridges {
        let messages = bridge.counter("energy_pipeline_mqtt_messages_total").await;
        assert!(messages > 0, "a bridge received none");
        all += messages;
    }
    assert_eq!((all, count(&redis).await), (100, 100));
}

#[tokio::test]
async fn a_password_comes_from_a_file_and_a_wrong_one_is_logged_until_it_is_right() {
    let redis = RedisServer::start().await;
    let broker = Broker::start_with("password_file {directory}/users\n", |directory| {
        // mosquitto_passwd refuses to overwrite nothing: it creates the file.
        let file = directory.join("users");
        let status = std::process::Command::new("mosquitto_passwd")
            .args(["-b", "-c", file.to_str().unwrap(), "meter", "s3cret"])
            .status();
        assert!(status.unwrap().success());
        Vec::new()
    })
    .await;
    let file = broker.directory().join("password");
    std::fs::write(&file, "wrong\n").unwrap();
    let url = broker.url().replace("mqtt://", "mqtt://meter@");
    let bridge = broker.bridge(&redis).env("MQTT_URL", url);
    let bridge = bridge.env("MQTT_PASSWORD_FILE", file.display()).start().await;
    wait::until("it is refused", async || bridge.stderr().contains("rejected the connection"))
        .await;
    let told =
        bridge.stderr().contains("not authorized") || bridge.stderr().contains("bad user name");
    assert!(told, "{}", bridge.stderr());
    std::fs::write(&file, "s3cret\n").unwrap();
    wait::until("it is subscribed", async || bridge.stderr().contains("subscribed to the")).await;
    for secret in ["s3cret", "wrong"] {
        assert!(!bridge.stderr().contains(secret), "{}", bridge.stderr());
    }
}

#[tokio::test]
async fn a_broker_with_tls_is_known_by_its_authority_and_knows_the_client_by_its_certificate() {
    let redis = RedisServer::start().await;
    let (authority, other) = (Authority::new("ours"), Authority::new("another"));
    let (service, client) = (authority.service(), authority.client("bridge"));
    let lines = format!(
        "{OPEN}cafile {{directory}}/ca.pem\ncertfile {{directory}}/cert.pem\nkeyfile {{directory}}/key.pem\nrequire_certificate true\n"
    );
    let files = [
        ("ca.pem", authority.pem()),
        ("cert.pem", service.certificate),
        ("key.pem", service.key),
        ("client.pem", client.certificate),
        ("client.key.pem", client.key),
        ("other.pem", other.pem()),
    ];
    let files = files.map(|(name, text)| (name.to_owned(), text.into_bytes()));
    let broker = Broker::start_with(&lines, |_| files.to_vec()).await;
    let file = |name: &str| broker.directory().join(name).display().to_string();
    let url = broker.url().replace("mqtt://", "mqtts://");
    let bridge = |authority: &str| {
        let bridge = broker.bridge(&redis).env("MQTT_URL", &url);
        let bridge = bridge.env("MQTT_TLS_CA_FILE", file(authority));
        let bridge = bridge.env("MQTT_TLS_CERT_FILE", file("client.pem"));
        bridge.env("MQTT_TLS_KEY_FILE", file("client.key.pem"))
    };
    let unknown = bridge("other.pem").start().await;
    wait::until("the broker is unknown", async || {
        unknown.stderr().contains("invalid peer certificate")
    })
    .await;
    let known = bridge("ca.pem").start().await;
    wait::until("it is subscribed", async || known.stderr().contains("subscribed to the")).await;
}

#[tokio::test]
async fn up_subscribes_to_the_broker_of_its_settings_and_names_it() {
    let broker = Broker::start().await;
    let directory = tempfile::tempdir().unwrap();
    let launch = up::up(directory.path()).env("MQTT_URL", broker.url());
    let launch = launch.env("MQTT_PROFILES", "shelly-gen1").env("MQTT_SITE", "house");
    let up = up::Up::launched(launch, directory.path()).await;
    let banner = format!("MQTT broker     {}", broker.url());
    assert!(up.process.stdout().contains(&banner), "{}", up.process.stdout());
    wait::until("it is subscribed", async || up.process.stderr().contains("subscribed to the"))
        .await;
    broker.publish(TOPIC, "42").await;
    wait::until("it is stored", async || {
        up.processing.get("/sites/house/readings").await.text().contains("42.0")
    })
    .await;
}

#[tokio::test]
async fn a_setting_that_cannot_be_used_is_named_with_its_rule() {
    for (settings, told) in [
        (&[][..], "MQTT_URL must be set"),
        (&[("MQTT_URL", "http://secret@broker")], "MQTT_URL must be a URL such as mqtt://"),
        (&[("MQTT_URL", "mqtt://b/topic")], "must have no path"),
        (&[("MQTT_VERSION", "4")], "must be 5 or 3.1.1"),
        (&[("MQTT_SHARED_GROUP", "a/b")], "must be a name without"),
        (&[("MQTT_URL", "mqtt://b"), ("MQTT_PROFILES", "tasmata")], "there are dsmr-reader"),
        (&[("MQTT_URL", "mqtt://b"), ("MQTT_PROFILES", "none")], "MQTT_MAP must have a mapping"),
        (&[("MQTT_URL", "mqtt://b"), ("MQTT_MAP", "/no/such/file")], "MQTT_MAP cannot be used"),
        (&[("MQTT_URL", "mqtt://b"), ("MQTT_TLS_CA_FILE", "/x")], "begins with mqtts://"),
        (&[("MQTT_URL", "mqtts://b"), ("MQTT_TLS_CA_FILE", "/no/ca")], "/no/ca cannot be read"),
        (&[("MQTT_URL", "mqtts://b"), ("MQTT_TLS_KEY_FILE", "/x")], "needs MQTT_TLS_CERT_FILE"),
        (
            &[("MQTT_URL", "mqtt://b"), ("MQTT_PASSWORD_FILE", "/no/pw")],
            "MQTT_PASSWORD_FILE must be",
        ),
        (&[("MQTT_URL", "mqtt://b"), ("MQTT_KEEP_ALIVE", "1s")], "MQTT_KEEP_ALIVE must be"),
        (&[("MQTT_URL", "mqtt://b"), ("MQTT_SESSION_EXPIRY", "1s")], "MQTT_SESSION_EXPIRY must"),
    ] {
        let mut bridge = launch(&["mqtt-bridge"]);
        for (variable, value) in settings {
            bridge = bridge.env(variable, value);
        }
        let ended = bridge.run().await;
        assert_eq!(ended.status.code(), Some(2), "{settings:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(told), "{settings:?}: {}", ended.stderr);
        assert!(!ended.stderr.contains("secret"), "{}", ended.stderr);
    }
}
