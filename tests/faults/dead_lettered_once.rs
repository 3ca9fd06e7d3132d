//! A dead-lettered entry stays one dead letter, whichever consumer it is redelivered to.

use super::support::system::consumer;
use crate::common::readings::{NOON, add, fields};
use crate::common::redis::{DEAD_LETTERS, GROUP, RedisServer, STREAM};
use crate::common::stored::{self, wait_until_settled};
use crate::common::wait;

/// Dead-letters the next entry as another service would.
async fn dead_letter_by_hand(redis: &RedisServer, id: &str) {
    let group = ["XREADGROUP", "GROUP", GROUP, "another", "STREAMS", STREAM, ">"];
    redis.run::<redis::Value>(&group).await;
    let dead_letter = ["XADD", DEAD_LETTERS, "*", "original_id", id, "reason", "by hand"];
    redis.run::<String>(&dead_letter).await;
    let (milliseconds, _) = id.split_once('-').unwrap();
    redis.run::<()>(&["ZADD", &format!("{DEAD_LETTERS}:ids"), milliseconds, id]).await;
    redis.run::<()>(&["XACK", STREAM, GROUP, id]).await;
}

/// Has the group redeliver everything, to a process without knowledge of the entries.
async fn deliver_again_to_a_newcomer(redis: &RedisServer) {
    redis.run::<()>(&["XGROUP", "DESTROY", STREAM, GROUP]).await;
    let newcomer = consumer(redis, 2).start().await;
    wait_until_settled(redis).await;
    drop(newcomer);
}

#[tokio::test]
async fn an_undecodable_entry_is_one_dead_letter_however_often_it_is_delivered() {
    let redis = RedisServer::start().await;
    for n in 0..300 {
        let power = if n % 3 == 0 { "poison" } else { "1.0" };
        add(&redis, "*", &fields("site", power, NOON)).await;
    }
    let wide: Vec<_> = (0..10_000).map(|n| format!("f{n}")).collect();
    let command = ["XADD", STREAM, "*"].map(str::to_owned);
    redis.run::<()>(&[&command[..], &wide].concat()).await;
    let first = consumer(&redis, 1).start().await;
    wait_until_settled(&redis).await;
    assert_eq!(redis.entries(DEAD_LETTERS).await.len(), 101);
    drop(first);
    deliver_again_to_a_newcomer(&redis).await;
    assert_eq!(redis.entries(DEAD_LETTERS).await.len(), 101);
    assert_eq!(stored::count(&redis).await, 200);
}

#[tokio::test]
async fn a_dead_lettered_reading_is_not_stored_when_it_is_redelivered() {
    let redis = RedisServer::start().await;
    redis.run::<()>(&["SET", "site:bad:readings", "text"]).await;
    add(&redis, "*", &fields("bad", "1.0", NOON)).await;
    let first = consumer(&redis, 1).start().await;
    let dead_lettered = async || redis.entries(DEAD_LETTERS).await.len() == 1;
    wait::until("it is dead-lettered", dead_lettered).await;
    drop(first);
    redis.run::<()>(&["DEL", "site:bad:readings"]).await;
    deliver_again_to_a_newcomer(&redis).await;
    assert_eq!(stored::count(&redis).await, 0, "it is stored and a dead letter");
    redis.run::<()>(&["DEL", DEAD_LETTERS]).await;
    deliver_again_to_a_newcomer(&redis).await;
    assert_eq!(stored::count(&redis).await, 0, "its letter was decided on");
}

#[tokio::test]
async fn a_reading_dead_lettered_by_another_consumer_is_not_stored_after_xgroup_setid() {
    let redis = RedisServer::start().await;
    let mut service = consumer(&redis, 1).start().await;
    let first = add(&redis, "*", &fields("site", "1.0", NOON)).await;
    wait_until_settled(&redis).await;
    service.signal("STOP");
    wait::until("its read has timed out", async || {
        redis.run::<String>(&["INFO", "clients"]).await.contains("blocked_clients:0")
    })
    .await;
    let second = add(&redis, "*", &fields("site", "2.0", NOON)).await;
    dead_letter_by_hand(&redis, &second).await;
    redis.run::<()>(&["XGROUP", "SETID", STREAM, GROUP, &first]).await;
    service.signal("CONT");
    add(&redis, "*", &fields("site", "3.0", NOON)).await;
    wait::until("the third is stored", async || stored::count(&redis).await >= 2).await;
    wait_until_settled(&redis).await;
    assert_eq!(stored::count(&redis).await, 2, "it is stored and a dead letter");
}

#[tokio::test]
async fn a_dead_lettered_reading_is_not_stored_when_the_group_is_rewound_below_newer_reads() {
    let redis = RedisServer::start().await;
    redis.run::<()>(&["SET", "site:bad:readings", "text"]).await;
    let _service = consumer(&redis, 1).start().await;
    add(&redis, "*", &fields("bad", "1.0", NOON)).await;
    let dead_lettered = async || redis.entries(DEAD_LETTERS).await.len() == 1;
    wait::until("it is dead-lettered", dead_lettered).await;
    redis.run::<()>(&["DEL", "site:bad:readings"]).await;
    // The reader now asks only for ids that were dead-lettered after this one.
    add(&redis, "*", &fields("site", "2.0", NOON)).await;
    wait_until_settled(&redis).await;
    redis.run::<()>(&["XGROUP", "SETID", STREAM, GROUP, "0"]).await;
    add(&redis, "*", &fields("site", "3.0", NOON)).await;
    wait::until("the third is stored", async || stored::count(&redis).await >= 2).await;
    wait_until_settled(&redis).await;
    assert_eq!(stored::count(&redis).await, 2, "it is stored and a dead letter");
}
