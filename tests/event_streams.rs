//! `GET /sites/{site_id}/events`: accepted readings as Server-Sent Events.

use std::time::{Duration, Instant};

use reqwest::Method;

use crate::common::event_stream::EventStream;
use crate::common::http::Reply;
use crate::common::nginx::Nginx;
use crate::common::product::{ingestion_api, processing_service, query_api};
use crate::common::readings::{add, fields, reading};
use crate::common::redis::RedisServer;
use crate::common::stored::wait_until_settled;
use crate::common::wait;

const NOON: &str = "2024-01-15T12:00:00Z";

#[tokio::test]
async fn every_subscriber_gets_the_accepted_readings_as_a_query_returns_them() {
    let redis = RedisServer::start().await;
    let ingestion = ingestion_api(&redis).start().await;
    let service = processing_service(&redis).start().await;
    let mut streams =
        [EventStream::of(&service, "s", "").await, EventStream::of(&service, "s", "").await];
    let mut ids = Vec::new();
    for power in [1.5, 0.0, 1e6] {
        let mut body = reading("s");
        body["power_reading"] = power.into();
        let reply = ingestion.post("/readings", body.to_string()).await;
        ids.push(reply.json()["stream_id"].as_str().unwrap().to_owned());
        assert_eq!(ingestion.post("/readings", reading("other").to_string()).await.status, 201);
    }
    wait_until_settled(&redis).await;
    let stored = service.get("/sites/s/readings").await.json();
    for stream in &mut streams {
        for (id, stored) in ids.iter().zip(stored["readings"].as_array().unwrap()) {
            let event = stream.event().await;
            assert_eq!((event.event.as_deref(), event.id.as_ref()), (Some("reading"), Some(id)));
            assert_eq!(event.data, python_json(stored), "the text of a stored reading");
        }
    }
}

/// A reading as responses have it.
fn python_json(reading: &serde_json::Value) -> String {
    let members = reading.as_object().unwrap().iter();
    let members: Vec<_> = members.map(|(name, value)| format!("\"{name}\": {value}")).collect();
    format!("{{{}}}", members.join(", "))
}

#[tokio::test]
async fn an_event_stream_is_neither_stored_nor_compressed_nor_buffered() {
    let redis = RedisServer::start().await;
    let query = query_api(&redis).start().await;
    let request = query.request(Method::GET, "/sites/s/events").header("accept-encoding", "gzip");
    let stream = EventStream::open(request).await;
    assert_eq!(stream.header("content-type"), "text/event-stream");
    assert_eq!(stream.header("cache-control"), "no-store");
    assert_eq!(stream.header("x-accel-buffering"), "no");
    let head = Reply::of(query.request(Method::HEAD, "/sites/s/events")).await;
    assert_eq!((head.status, head.header("content-type")), (200, "text/event-stream"));
}

#[tokio::test]
async fn only_readings_of_the_devices_that_are_named_are_sent() {
    let redis = RedisServer::start().await;
    let query = query_api(&redis).start().await;
    let mut stream = EventStream::of(&query, "s", "?device_id=b&device_id=c").await;
    let mut expected = Vec::new();
    for device in ["a", "b", "c", "a", "b"] {
        let mut fields = fields("s", "1.5", NOON);
        fields[1].1 = device.to_owned();
        let id = add(&redis, "*", &fields).await;
        expected.extend((device != "a").then_some(id));
    }
    assert_eq!(stream.readings(3).await, expected);
    let after = stream.last_id.clone();
    fields_of_device(&redis, "a").await;
    let last = fields_of_device(&redis, "b").await;
    let request = query.request(Method::GET, "/sites/s/events?device_id=b");
    let mut stream = EventStream::open(request.header("last-event-id", after)).await;
    assert_eq!(stream.readings(1).await, [last], "what was missed is filtered as well");
}

async fn fields_of_device(redis: &RedisServer, device: &str) -> String {
    let mut fields = fields("s", "1.5", NOON);
    fields[1].1 = device.to_owned();
    add(redis, "*", &fields).await
}

#[tokio::test]
async fn readings_come_in_the_order_of_acceptance_whatever_their_timestamps() {
    let redis = RedisServer::start().await;
    let query = query_api(&redis).start().await;
    let mut stream = EventStream::of(&query, "s", "").await;
    let mut expected = Vec::new();
    for timestamp in ["2024-01-15T12:00:00Z", "2999-01-01T00:00:00Z", "1970-01-01T00:00:00Z"] {
        expected.push(add(&redis, "*", &fields("s", "1.5", timestamp)).await);
        add(&redis, "*", &fields("s", "not a number", timestamp)).await;
        add(&redis, "*", &[("other".to_owned(), "entry".to_owned())]).await;
    }
    assert_eq!(stream.readings(3).await, expected, "entries that are no readings are left out");
}

#[tokio::test]
async fn the_first_reading_of_a_site_is_an_event() {
    let redis = RedisServer::start().await;
    let query = query_api(&redis).start().await;
    let mut stream = EventStream::of(&query, "a new/site", "").await;
    assert_eq!(stream.last_id, "0-0");
    let id = add(&redis, "*", &fields("a new/site", "1.5", NOON)).await;
    assert_eq!(stream.readings(1).await, [id]);
}

#[tokio::test]
async fn invalid_and_unknown_parameters_are_errors() {
    let redis = RedisServer::start().await;
    let query = query_api(&redis).start().await;
    for (path, loc) in [
        ("/sites/s/events?last_event_id=x", ["query", "last_event_id"]),
        ("/sites/s/events?device=a", ["query", "device"]),
        ("/sites/%FF/events", ["path", "site_id"]),
    ] {
        let reply = query.get(path).await;
        assert_eq!(reply.status, 422, "{path}: {reply:?}");
        assert_eq!(reply.json()["detail"][0]["loc"], serde_json::json!(loc), "{path}");
    }
    let request = query.request(Method::GET, "/sites/s/events").header("last-event-id", "5");
    let reply = Reply::of(request).await;
    assert_eq!(reply.json()["detail"][0]["loc"], serde_json::json!(["header", "Last-Event-ID"]));
    assert_eq!(query.get("/sites//events").await.status, 404);
}

#[tokio::test]
async fn an_event_passes_nginx_at_once_and_a_comment_after_fifteen_seconds() {
    let redis = RedisServer::start().await;
    let query = query_api(&redis).start().await;
    let nginx = Nginx::before(query.base(), query.base()).await;
    let through_nginx = crate::common::http::Http::at(&nginx.api());
    let mut streams =
        [EventStream::of(&query, "s", "").await, EventStream::of(&through_nginx, "s", "").await];
    let opened = Instant::now();
    let added = Instant::now();
    let id = add(&redis, "*", &fields("s", "1.5", NOON)).await;
    for stream in &mut streams {
        assert_eq!(stream.readings(1).await, std::slice::from_ref(&id));
        assert!(added.elapsed() < wait::AT_ONCE, "after {:?}", added.elapsed());
    }
    let last = add(&redis, "*", &fields("other", "1.5", NOON)).await;
    for stream in &mut streams {
        let comment = stream.block().await.unwrap();
        assert!(
            opened.elapsed() < Duration::from_secs(15) + wait::AT_ONCE,
            "after {:?}",
            opened.elapsed()
        );
        assert!(comment.comment.is_some() && comment.data.is_empty(), "{comment:?}");
        assert_eq!(comment.id, Some(last.clone()), "the id of an entry of another site");
    }
    assert!(opened.elapsed() > Duration::from_secs(14), "after {:?}", opened.elapsed());
}
