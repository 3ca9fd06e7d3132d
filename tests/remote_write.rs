//! `POST /api/v1/write`: samples of Prometheus are readings, as the settings map them.

use reqwest::Method;
use serde_json::Value;

use crate::common::http::Reply;
use crate::common::keys::KeysFile;
use crate::common::product::{Launch, ingestion_api, processing_service};
use crate::common::redis::{DEAD_LETTERS, RedisServer, STREAM};
use crate::common::remote_write::{NOON_MS, PATH, body, plug, request, series, write};
use crate::common::stored::{members, wait_until_settled};
use crate::common::wait;

/// A service that accepts watts and kilowatts.
fn service(redis: &RedisServer) -> Launch {
    ingestion_api(redis).env("REMOTE_WRITE_METRICS", "plug_watts=W,inverter_kilowatts=kW")
}

/// The stored readings of a site: device, power and timestamp.
async fn stored(redis: &RedisServer, site: &str) -> Vec<(String, f64, String)> {
    wait_until_settled(redis).await;
    let text = |member: &Value, name: &str| member[name].as_str().unwrap().to_owned();
    let found = members(redis, site).await.into_iter().map(|member| {
        let member: Value = serde_json::from_str(&member.text).unwrap();
        let power = member["power_reading"].as_f64().unwrap();
        (text(&member, "device_id"), power, text(&member, "timestamp"))
    });
    found.collect()
}

fn at_noon(device: &str, power: f64) -> (String, f64, String) {
    (device.to_owned(), power, "2024-01-15T12:00:00Z".to_owned())
}

#[tokio::test]
async fn samples_of_the_listed_metrics_are_stored_in_watts() {
    let redis = RedisServer::start().await;
    let _processing = processing_service(&redis).start().await;
    let service = service(&redis).env("REMOTE_WRITE_SITE", "home").start().await;
    let inverter = series(
        &[("__name__", "inverter_kilowatts"), ("instance", "inverter:9100"), ("job", "pv")],
        &[(2.5, NOON_MS), (2.75, NOON_MS + 1_500)],
    );
    let sent = [plug("plug_watts", "house-01", &[40.0]), inverter, plug("up", "house-01", &[1.0])];
    let reply = write(&service, &sent).await;
    assert_eq!((reply.status, reply.text()), (204, String::new()));
    assert_eq!(stored(&redis, "house-01").await, [at_noon("plug", 40.0)]);
    let later = ("inverter:9100".to_owned(), 2_750.0, "2024-01-15T12:00:01.500Z".to_owned());
    assert_eq!(stored(&redis, "home").await, [at_noon("inverter:9100", 2_500.0), later]);
}

#[tokio::test]
async fn samples_that_are_sent_again_are_stored_once() {
    let redis = RedisServer::start().await;
    let _processing = processing_service(&redis).start().await;
    let service = service(&redis).start().await;
    let first = [plug("plug_watts", "a", &[1.0, 2.0, 3.0])];
    let more = [plug("plug_watts", "a", &[1.0, 2.0, 3.0, 4.0])];
    for sent in [&first, &first, &more, &more] {
        assert_eq!(write(&service, sent).await.status, 204);
    }
    let powers: Vec<_> = stored(&redis, "a").await.into_iter().map(|(_, power, _)| power).collect();
    assert_eq!(powers, [1.0, 2.0, 3.0, 4.0]);
    assert_eq!(redis.run::<usize>(&["XLEN", STREAM]).await, 4);
}

#[tokio::test]
async fn samples_without_a_number_are_counted_and_not_stored() {
    let redis = RedisServer::start().await;
    let service = service(&redis).start().await;
    let stale = f64::from_bits(0x7ff0_0000_0000_0002);
    let reply = write(&service, &[plug("plug_watts", "a", &[1.0, stale, f64::NAN])]).await;
    assert_eq!(reply.status, 204);
    assert_eq!(redis.run::<usize>(&["XLEN", STREAM]).await, 1);
    assert_eq!(redis.run::<usize>(&["XLEN", DEAD_LETTERS]).await, 0);
    let counted = service.counter("energy_pipeline_receiver_readings_total").await;
    assert_eq!(counted, 3);
}

#[tokio::test]
async fn an_invalid_sample_does_not_reject_valid_ones() {
    let redis = RedisServer::start().await;
    let service = service(&redis).start().await;
    let long = "x".repeat(300);
    let sent = [
        plug("plug_watts", "a", &[-1.0, 5.0, f64::INFINITY]),
        plug("plug_watts", &long, &[1.0]),
        series(&[("__name__", "plug_watts"), ("site", "a"), ("device", "d")], &[(1.0, i64::MAX)]),
    ];
    assert_eq!(write(&service, &sent).await.status, 204);
    assert_eq!(redis.entries(STREAM).await.len(), 1);
    let letters = redis.entries(DEAD_LETTERS).await;
    let rows: Vec<_> = letters.iter().map(|letter| format!("{:?}", letter.fields)).collect();
    assert_eq!(rows.len(), 3, "{rows:?}");
    assert!(rows[0].contains("remote_write") && rows[0].contains("plug_watts"), "{rows:?}");
    // When nothing is accepted the log of the sender should say why.
    let reply = write(&service, &[plug("plug_watts", "a", &[-1.0])]).await;
    assert_eq!(reply.status, 400);
    assert!(reply.text().contains("power_reading"), "{}", reply.text());
    // Nothing is mapped: Prometheus can do nothing about that.
    assert_eq!(write(&service, &[plug("up", "a", &[1.0])]).await.status, 204);
    assert_eq!(write(&service, &[]).await.status, 204);
}

#[tokio::test]
async fn a_body_that_is_not_a_write_request_is_rejected_and_nothing_of_it_is_stored() {
    let redis = RedisServer::start().await;
    let service = service(&redis).start().await;
    let valid = body(&[plug("plug_watts", "a", &[1.0])]);
    let mut message = snap::raw::Decoder::new().decompress_vec(&valid).unwrap();
    message.push(0x0a);
    let cut_off = snap::raw::Encoder::new().compress_vec(&message).unwrap();
    for (sent, status) in [
        (b"no snappy".to_vec(), 400),
        (valid[..valid.len() - 1].to_vec(), 400),
        (cut_off, 400),
        (vec![0xff, 0xff, 0xff, 0xff, 0x0f], 413),
    ] {
        let reply = Reply::of(request(&service, sent)).await;
        assert_eq!(reply.status, status, "{}", reply.text());
    }
    for (content_type, coding, accepted) in [
        ("application/x-protobuf;proto=io.prometheus.write.v2.Request", "snappy", "accept"),
        ("application/json", "snappy", "accept"),
        ("application/x-protobuf", "gzip", "accept-encoding"),
    ] {
        let sent = service.request(Method::POST, PATH).body(valid.clone());
        let sent = sent.header("content-type", content_type).header("content-encoding", coding);
        let reply = Reply::of(sent).await;
        assert_eq!(reply.status, 415, "{content_type}");
        assert!(reply.headers.contains_key(accepted), "{content_type}: {:?}", reply.headers);
    }
    assert_eq!(redis.run::<usize>(&["XLEN", STREAM]).await, 0);
}

#[tokio::test]
async fn a_key_that_may_write_is_needed_and_permits_its_sites_only() {
    let redis = RedisServer::start().await;
    let (keys, [write_key, read_key]) = KeysFile::with_scopes(["write", "read"]).await;
    let service = service(&redis).env("API_KEYS_FILE", keys.path().display()).start().await;
    let sent = || request(&service, body(&[plug("plug_watts", "a", &[1.0])]));
    assert_eq!(Reply::of(sent()).await.status, 401);
    assert_eq!(Reply::of(sent().bearer_auth(&read_key)).await.status, 403);
    assert_eq!(Reply::of(sent().bearer_auth(&write_key)).await.status, 204);
    assert_eq!(redis.run::<usize>(&["XLEN", STREAM]).await, 1);
}

#[tokio::test]
async fn what_prometheus_may_repeat_is_answered_with_503() {
    let mut redis = RedisServer::start_durable().await;
    let limited = service(&redis).env("RATE_LIMIT_PER_ADDRESS", "3/h").start().await;
    let sent = [plug("plug_watts", "a", &[1.0, 2.0])];
    assert_eq!(write(&limited, &sent).await.status, 204);
    let reply = write(&limited, &sent).await;
    assert_eq!(reply.status, 503, "{}", reply.text());
    assert!(reply.headers.contains_key("retry-after"));
    let service = service(&redis).start().await;
    redis.kill9();
    let reply = write(&service, &sent).await;
    assert_eq!(reply.status, 503, "{}", reply.text());
    assert!(reply.headers.contains_key("retry-after"));
    redis.restart().await;
    wait::until("samples are accepted again", async || write(&service, &sent).await.status == 204)
        .await;
    assert_eq!(redis.run::<usize>(&["XLEN", STREAM]).await, 2);
}
