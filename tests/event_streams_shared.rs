//! All event streams of a process share one read of the stream, and their number is limited.

use std::time::Duration;

use crate::common::event_stream::EventStream;
use crate::common::http::Http;
use crate::common::product::{Role, processing_service, query_api};
use crate::common::readings::{add, fields};
use crate::common::redis::RedisServer;
use crate::common::wait;

const NOON: &str = "2024-01-15T12:00:00Z";

/// The connections that read the stream.
async fn readers(redis: &RedisServer) -> usize {
    let clients: String = redis.run(&["CLIENT", "LIST"]).await;
    clients.lines().filter(|line| line.contains(" cmd=xread ")).count()
}

async fn connections(redis: &RedisServer) -> usize {
    redis.run::<String>(&["CLIENT", "LIST"]).await.lines().count()
}

async fn open(service: &Http, site: &str, count: usize) -> Vec<EventStream> {
    let mut streams = Vec::new();
    for _ in 0..count {
        streams.push(EventStream::of(service, site, "").await);
    }
    streams
}

async fn gauge(role: &Role) -> u64 {
    role.counter("energy_pipeline_event_streams_open").await
}

#[tokio::test]
async fn two_hundred_streams_share_one_connection_which_ends_with_the_last_of_them() {
    let redis = RedisServer::start().await;
    let query = query_api(&redis).env("MAX_CONNECTIONS", 600).start().await;
    query.get("/sites/s/readings").await;
    add(&redis, "*", &fields("s", "1.5", NOON)).await;
    let before = connections(&redis).await;
    let stats: String = redis.run(&["INFO", "commandstats"]).await;
    assert!(!stats.contains("cmdstat_xread:"), "without streams nothing is read: {stats}");
    let mut streams = open(&query, "s", 200).await;
    assert_eq!(gauge(&query).await, 200);
    let id = add(&redis, "*", &fields("s", "1.5", NOON)).await;
    for stream in &mut streams {
        assert_eq!(stream.readings(1).await, std::slice::from_ref(&id));
    }
    wait::until("the reader blocks", async || readers(&redis).await == 1).await;
    assert_eq!(connections(&redis).await, before + 1);
    drop(streams);
    wait::until("no reader is left", async || {
        // A closed connection is noticed when something is sent.
        add(&redis, "*", &fields("s", "1.5", NOON)).await;
        connections(&redis).await == before && gauge(&query).await == 0
    })
    .await;
    let reads = |stats: String| {
        stats.lines().find(|it| it.starts_with("cmdstat_xread:")).map(str::to_owned)
    };
    let read = reads(redis.run(&["INFO", "commandstats"]).await);
    add(&redis, "*", &fields("s", "1.5", NOON)).await;
    assert_eq!(reads(redis.run(&["INFO", "commandstats"]).await), read);
    let sent = query.counter("energy_pipeline_events_sent_total").await;
    assert!(sent >= 200, "{sent}");
}

#[tokio::test]
async fn streams_above_the_limit_are_unavailable_and_leave_connections_to_others() {
    let redis = RedisServer::start().await;
    let query = query_api(&redis).env("MAX_CONNECTIONS", 16).start().await;
    // Half of the connections are for streams, and three quarters of these for one client.
    let mut streams = open(&query, "s", 6).await;
    let reply = query.get("/sites/s/events").await;
    assert_eq!((reply.status, reply.header("retry-after")), (503, "15"), "{reply:?}");
    assert_eq!(reply.json()["code"], "too_many_event_streams");
    let other = Http::from_address(query.base(), "127.0.0.2".parse().unwrap());
    let _others = open(&other, "s", 2).await;
    assert_eq!(other.get("/sites/s/events").await.status, 503, "the limit of all clients");
    assert_eq!(query.get("/sites/s/readings").await.status, 200);
    streams.pop();
    wait::until("the slot of a closed stream is free", async || {
        add(&redis, "*", &fields("s", "1.5", NOON)).await;
        gauge(&query).await == 7
    })
    .await;
    EventStream::of(&query, "s", "").await;
}

#[tokio::test]
async fn a_limit_without_connections_for_others_is_an_invalid_setting() {
    let redis = RedisServer::prepared(&[]);
    let launch = query_api(&redis).env("MAX_CONNECTIONS", 16).env("MAX_EVENT_STREAMS", 16);
    let ended = launch.run().await;
    assert_eq!(ended.status.code(), Some(2), "{ended:?}");
    assert!(ended.stderr.contains("MAX_EVENT_STREAMS must be below MAX_CONNECTIONS"), "{ended:?}");
}

#[tokio::test]
async fn streams_end_at_once_when_the_service_stops() {
    let redis = RedisServer::start().await;
    for launch in [query_api(&redis), processing_service(&redis)] {
        let mut service = launch.start().await;
        let streams = open(&service, "s", 3).await;
        service.terminate();
        for stream in streams {
            let closing = tokio::time::timeout(Duration::from_secs(2), stream.closing()).await;
            assert!(closing.unwrap().contains("shutting down"));
        }
        assert_eq!(service.exit_code().await, Some(0));
        assert!(!service.stderr().contains("requests in progress were closed"));
    }
}
