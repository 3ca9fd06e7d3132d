//! Events of a stream with several partitions, and around a change of their number: none is lost, none is repeated.

use crate::common::event_stream::{Block, EventStream};
use crate::common::partition_streams::{add_to, stream_of, stream_of_site};
use crate::common::product::{Role, query_api};
use crate::common::readings::{NOON, fields};
use crate::common::redis::{RedisServer, STREAM};

/// A site, and its partition of four.
const SITE: &str = "site-001";
const PARTITION: u16 = 1;

async fn query_of(redis: &RedisServer, count: u16) -> Role {
    query_api(redis).env("STREAM_PARTITIONS", count).start().await
}

/// Adds a reading of the site to a stream.
async fn add(redis: &RedisServer, stream: &str) -> String {
    add_to(redis, stream, "*", &fields(SITE, "1.5", NOON)).await
}

/// Announces a count, as the Ingestion API does before it appends to that many partitions.
async fn announce(redis: &RedisServer, count: u16) {
    let (seconds, _): (u64, u64) = redis.run(&["TIME"]).await;
    let fields = ["1", "0", &count.to_string(), &(seconds * 1_000).to_string()];
    let key = ["HSET", "{energy_readings}:partitions"];
    redis.run::<usize>(&[&key[..], &fields].concat()).await;
}

/// The stream ids of the next events.
async fn next(stream: &mut EventStream, count: usize) -> Vec<String> {
    let mut ids = Vec::new();
    while ids.len() < count {
        let event = stream.event().await;
        assert_eq!(event.event.as_deref(), Some("reading"), "{event:?}");
        ids.push(stream_id(&event));
    }
    ids
}

fn stream_id(event: &Block) -> String {
    event.json()["stream_id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_event_has_the_id_of_its_sites_partition_and_a_client_continues_with_it() {
    let redis = RedisServer::start().await;
    let query = query_of(&redis, 4).await;
    let own = stream_of(PARTITION);
    let mut stream = EventStream::of(&query, SITE, "").await;
    assert_eq!(stream.last_id, "1:0-0");
    let first = add(&redis, &own).await;
    let event = stream.event().await;
    assert_eq!((event.id.as_deref(), stream_id(&event)), (Some(&*format!("1:{first}")), first));
    drop(stream);
    let mut missed = vec![add(&redis, &own).await, add(&redis, &own).await];
    // The reader of others has read them when the client comes back.
    let _other = EventStream::of(&query, "other", "").await;
    let mut stream = EventStream::after(&query, SITE, event.id.as_ref().unwrap()).await;
    missed.push(add(&redis, &own).await);
    assert_eq!(next(&mut stream, 3).await, missed);
}

#[tokio::test]
async fn all_partitions_are_read_over_one_connection() {
    let redis = RedisServer::start().await;
    let query = query_of(&redis, 4).await;
    let mut streams = Vec::new();
    for (site, partition) in [("site-001", 1), ("Haus 7", 3), ("ü", 2)] {
        streams.push((site, partition, EventStream::of(&query, site, "").await));
    }
    for _ in 0..3 {
        let mut added = Vec::new();
        for (site, partition, _) in &streams {
            let entry = fields(site, "1.5", NOON);
            added.push(add_to(&redis, &stream_of(*partition), "*", &entry).await);
        }
        for ((_, _, stream), added) in streams.iter_mut().zip(&added) {
            assert_eq!(&stream_id(&stream.event().await), added);
        }
    }
    let clients: String = redis.run(&["CLIENT", "LIST"]).await;
    assert_eq!(clients.matches("cmd=xread ").count(), 1, "{clients}");
}

#[tokio::test]
async fn a_reading_in_the_partition_of_a_new_count_is_an_event_and_so_is_one_of_the_old() {
    let redis = RedisServer::start().await;
    let query = query_of(&redis, 1).await;
    let mut stream = EventStream::of(&query, SITE, "").await;
    let mut added = vec![add(&redis, STREAM).await];
    assert_eq!(next(&mut stream, 1).await, added);
    announce(&redis, 4).await;
    added.push(add(&redis, &stream_of(PARTITION)).await);
    assert_eq!(next(&mut stream, 1).await, added[1..]);
    assert_eq!(stream.last_id, format!("{},1:{}", added[0], added[1]));
    added.push(add(&redis, STREAM).await);
    assert_eq!(next(&mut stream, 1).await, added[2..]);
    let last = stream.last_id.clone();
    drop(stream);
    let missed = [add(&redis, STREAM).await, add(&redis, &stream_of(PARTITION)).await];
    let mut again = EventStream::after(&query, SITE, &last).await;
    let mut received = next(&mut again, 2).await;
    received.sort_unstable();
    assert_eq!(received, missed, "each once, in any order, as they are of two partitions");
    added.push(add(&redis, &stream_of(PARTITION)).await);
    assert_eq!(next(&mut again, 1).await, added[3..]);
}

#[tokio::test]
async fn a_client_that_was_away_during_a_change_misses_nothing() {
    let redis = RedisServer::start().await;
    let first = add(&redis, STREAM).await;
    let missed = [
        add(&redis, STREAM).await,
        add(&redis, &stream_of(PARTITION)).await,
        add(&redis, &stream_of_site(SITE, 3)).await, // the number in between
    ];
    announce(&redis, 3).await;
    announce(&redis, 4).await;
    let query = query_of(&redis, 4).await;
    let mut stream = EventStream::after(&query, SITE, &first).await;
    let mut received = next(&mut stream, 3).await;
    received.sort_unstable();
    let mut expected = missed.to_vec();
    expected.sort_unstable();
    assert_eq!(received, expected);
    let new = add(&redis, &stream_of(PARTITION)).await;
    assert_eq!(next(&mut stream, 1).await, [new]);
}

#[tokio::test]
async fn a_time_is_an_id_after_which_all_partitions_are_read() {
    let redis = RedisServer::start().await;
    let query = query_of(&redis, 4).await;
    let added = add(&redis, &stream_of(PARTITION)).await;
    let ms: u64 = added.split_once('-').unwrap().0.parse().unwrap();
    let mut stream = EventStream::after(&query, SITE, &format!("{}-0", ms + 1_000)).await;
    assert_eq!(next(&mut stream, 1).await, [added], "of the minute before, and no gap");
}

#[tokio::test]
async fn a_gap_in_one_partition_is_an_event_with_the_position_from_which_it_continues() {
    let redis = RedisServer::start().await;
    let query = query_of(&redis, 4).await;
    let own = stream_of(PARTITION);
    let first = add(&redis, &own).await;
    let held = [add(&redis, &own).await, add(&redis, &own).await];
    redis.run::<u64>(&["XTRIM", &own, "MINID", &held[0]]).await;
    let mut stream = EventStream::after(&query, SITE, &format!("1:{first}")).await;
    assert_eq!(stream.event().await.event.as_deref(), Some("reset"));
    assert_eq!(next(&mut stream, 2).await, held);
    let mut stream = EventStream::after(&query, SITE, &format!("1:{}", held[0])).await;
    assert_eq!(next(&mut stream, 1).await, held[1..]);
}

#[tokio::test]
async fn a_restart_of_redis_delays_the_events_of_all_partitions_and_loses_none() {
    let mut redis = RedisServer::start_durable().await;
    let query = query_of(&redis, 4).await;
    let mut stream = EventStream::of(&query, SITE, "").await;
    let before = add(&redis, &stream_of(PARTITION)).await;
    assert_eq!(next(&mut stream, 1).await, [before]);
    redis.kill9();
    let block = stream.block().await.unwrap();
    assert!(block.comment.as_ref().unwrap().contains("cannot be reached"), "{block:?}");
    redis.restart().await;
    let after =
        [add(&redis, &stream_of(PARTITION)).await, add(&redis, &stream_of(PARTITION)).await];
    assert_eq!(next(&mut stream, 2).await, after);
}

#[tokio::test]
async fn an_id_that_is_none_of_an_event_is_an_error_that_names_the_parameter() {
    let redis = RedisServer::start().await;
    let query = query_of(&redis, 4).await;
    for id in ["300:5-1", "1:5-1,1:6-1", "1:"] {
        let reply = query.get(&format!("/sites/s/events?last_event_id={id}")).await;
        assert_eq!(reply.status, 422, "{id}");
        assert_eq!(reply.json()["detail"][0]["loc"][1], "last_event_id");
    }
}
