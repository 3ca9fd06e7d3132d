//! An event stream that was interrupted continues without loss or repetition, or says that it cannot.

use std::time::Duration;

use reqwest::Method;

use crate::common::event_stream::EventStream;
use crate::common::product::query_api;
use crate::common::readings::{add, add_backlog, fields};
use crate::common::redis::{RedisServer, STREAM};
use crate::common::wait;

const NOON: &str = "2024-01-15T12:00:00Z";

async fn add_reading(redis: &RedisServer) -> String {
    add(redis, "*", &fields("s", "1.5", NOON)).await
}

#[tokio::test]
async fn a_client_that_reconnects_gets_what_it_has_missed_and_then_what_is_new() {
    let redis = RedisServer::start().await;
    let query = query_api(&redis).start().await;
    let mut stream = EventStream::of(&query, "s", "").await;
    let first = add_reading(&redis).await;
    assert_eq!(stream.readings(1).await, std::slice::from_ref(&first));
    drop(stream);
    let mut missed = vec![add_reading(&redis).await, add_reading(&redis).await];
    let parameter = format!("/sites/s/events?last_event_id={first}");
    for request in [
        query.request(Method::GET, "/sites/s/events").header("last-event-id", &first),
        query.request(Method::GET, &parameter),
        query
            .request(Method::GET, "/sites/s/events?last_event_id=0-0")
            .header("last-event-id", &first),
    ] {
        let mut stream = EventStream::open(request).await;
        assert_eq!(stream.readings(missed.len()).await, missed);
        missed.push(add_reading(&redis).await);
        assert_eq!(stream.readings(1).await, missed[missed.len() - 1..]);
    }
}

#[tokio::test]
async fn a_client_that_reconnects_before_any_event_misses_nothing() {
    let redis = RedisServer::start().await;
    let query = query_api(&redis).start().await;
    add_reading(&redis).await;
    let id = EventStream::of(&query, "s", "").await.last_id;
    let missed = add_reading(&redis).await;
    assert_eq!(EventStream::after(&query, "s", &id).await.readings(1).await, [missed]);
}

#[tokio::test]
async fn a_long_history_is_complete_while_new_readings_arrive() {
    let redis = RedisServer::start().await;
    let query = query_api(&redis).start().await;
    let before = add_backlog(&redis, 6_000, 2).await;
    // Runs the shared reader from before the history.
    let _other = EventStream::of(&query, "site-1", "").await;
    let mut stream = EventStream::after(&query, "site-0", "0-0").await;
    let (ids, later) = tokio::join!(stream.readings(5_000), add_backlog(&redis, 4_000, 2));
    let expected: Vec<_> = before.into_iter().chain(later).step_by(2).collect();
    assert_eq!(ids, expected);
}

#[tokio::test]
async fn a_client_that_is_cut_again_and_again_gets_each_reading_once() {
    let redis = RedisServer::start().await;
    let query = query_api(&redis).start().await;
    let start = EventStream::of(&query, "site-0", "").await.last_id;
    let reading = async {
        let (mut ids, mut last, mut cut_after) = (Vec::new(), start, 0);
        while ids.len() < 2_000 {
            // From a stream that is not read at all to one that is read past a page of its history.
            cut_after = (cut_after * 7 + 5) % 203;
            let mut stream = EventStream::after(&query, "site-0", &last).await;
            ids.extend(stream.readings(cut_after.min(2_000 - ids.len())).await);
            last = stream.last_id;
        }
        ids
    };
    let adding = async {
        let mut added = Vec::new();
        for _ in 0..20 {
            added.extend(add_backlog(&redis, 200, 2).await);
        }
        added
    };
    let (ids, added) = tokio::join!(reading, adding);
    assert_eq!(ids, added.into_iter().step_by(2).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_gap_that_cannot_be_filled_is_an_event() {
    let redis = RedisServer::start().await;
    let query = query_api(&redis).start().await;
    let first = add_reading(&redis).await;
    let held = [add_reading(&redis).await, add_reading(&redis).await];
    redis.run::<u64>(&["XTRIM", STREAM, "MINID", &held[0]]).await;
    let mut stream = EventStream::after(&query, "s", &first).await;
    let reset = stream.event().await;
    assert_eq!(reset.event.as_deref(), Some("reset"));
    assert!(reset.json()["detail"].as_str().unwrap().contains("request the readings"), "{reset:?}");
    assert_eq!(stream.readings(2).await, held);
    // What the stream holds is no gap, and neither is an empty stream after its last id.
    assert_eq!(
        EventStream::after(&query, "s", &held[0]).await.readings(1).await,
        [held[1].clone()]
    );
    redis.run::<u64>(&["XTRIM", STREAM, "MAXLEN", "0"]).await;
    let mut stream = EventStream::after(&query, "s", &held[1]).await;
    let next = add_reading(&redis).await;
    assert_eq!(stream.readings(1).await, [next]);
    for unknown in ["99999999999999-0", &first] {
        let mut stream = EventStream::after(&query, "s", unknown).await;
        assert_eq!(stream.event().await.event.as_deref(), Some("reset"), "{unknown}");
        let next = add_reading(&redis).await;
        while stream.readings(1).await != std::slice::from_ref(&next) {}
    }
}

#[tokio::test]
async fn a_restart_of_redis_delays_events_and_loses_none() {
    let mut redis = RedisServer::start_durable().await;
    let query = query_api(&redis).start().await;
    let mut streams =
        [EventStream::of(&query, "s", "").await, EventStream::of(&query, "s", "").await];
    let before = add_reading(&redis).await;
    redis.kill9();
    for stream in &mut streams {
        assert_eq!(stream.readings(1).await, std::slice::from_ref(&before));
        let block = stream.block().await.unwrap();
        assert!(block.comment.as_ref().unwrap().contains("cannot be reached"), "{block:?}");
    }
    redis.restart().await;
    let after = [add_reading(&redis).await, add_reading(&redis).await];
    for stream in &mut streams {
        assert_eq!(stream.readings(2).await, after);
    }
    wait::until("it is logged", async || query.stderr().contains("event streams continue")).await;
}

#[tokio::test]
async fn a_redis_that_has_lost_entries_is_a_gap() {
    let mut redis = RedisServer::start_with(&["--appendonly", "no"]).await;
    let query = query_api(&redis).start().await;
    let mut stream = EventStream::of(&query, "s", "").await;
    let far = add(&redis, "99999999999999-0", &fields("s", "1.5", NOON)).await;
    assert_eq!(stream.readings(1).await, [far]);
    redis.kill9();
    redis.restart().await;
    let reset = stream.event().await;
    assert_eq!(reset.event.as_deref(), Some("reset"), "{reset:?}");
    let next = add_reading(&redis).await;
    assert_eq!(stream.readings(1).await, [next], "ids below the last one are no repetition");
}

#[tokio::test]
async fn without_redis_a_stream_is_not_opened() {
    let redis = RedisServer::prepared(&[]);
    let query = query_api(&redis).start().await;
    let reply = query.get("/sites/s/events").await;
    assert_eq!((reply.status, reply.json()["code"].as_str()), (503, Some("store_unreachable")));
}

/// Adds some of many readings that do not fit into the buffers of both kernels and of the service.
async fn add_large_readings(redis: &RedisServer) -> Vec<String> {
    let mut entry = fields("s", "1.5", NOON);
    entry[1].1 = "d".repeat(8_000);
    let mut pipeline = redis::pipe();
    for _ in 0..100 {
        pipeline.xadd(STREAM, "*", &entry);
    }
    pipeline.query_async(&mut redis.connect().await).await.unwrap()
}

#[tokio::test]
async fn a_client_that_reads_too_slowly_is_cut_and_continues_without_loss() {
    let redis = RedisServer::start().await;
    let query = query_api(&redis).start().await;
    let mut slow = EventStream::of(&query, "s", "").await;
    let mut fast = EventStream::of(&query, "s", "").await;
    let mut ids = Vec::new();
    for _ in 0..40 {
        let added = add_large_readings(&redis).await;
        assert_eq!(fast.readings(added.len()).await, added);
        ids.extend(added);
    }
    let mut received = Vec::new();
    let mut comment = None;
    while let Some(block) = slow.block().await {
        received.extend(block.id.filter(|_| !block.data.is_empty()));
        comment = block.comment.or(comment);
    }
    assert!(received.len() < ids.len() && ids.starts_with(&received), "{}", received.len());
    assert!(comment.unwrap().contains("faster than they are read"));
    let mut again = EventStream::after(&query, "s", &slow.last_id).await;
    received.extend(again.readings(ids.len() - received.len()).await);
    assert_eq!(received, ids);
    wait::until("it is counted", async || {
        query.counter("energy_pipeline_event_streams_ended_total{reason=\"slow\"}").await == 1
    })
    .await;
    assert!(again.is_silent_for(Duration::from_millis(300)).await, "nothing is repeated");
}
