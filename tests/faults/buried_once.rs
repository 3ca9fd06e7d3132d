//! What was buried stays buried, whoever gets it again.

use super::world::consumer;
use crate::common::readings::{NOON, add, fields};
use crate::common::redis::{DEAD_LETTERS, GROUP, RedisServer, STREAM};
use crate::common::stored::{self, wait_until_settled};
use crate::common::wait;

/// Has the group deliver everything again, to a process that has seen nothing of it.
async fn deliver_again_to_a_newcomer(redis: &RedisServer) {
    redis.run::<()>(&["XGROUP", "DESTROY", STREAM, GROUP]).await;
    let newcomer = consumer(redis, 2).start().await;
    wait_until_settled(redis).await;
    drop(newcomer);
}

#[tokio::test]
async fn an_entry_that_is_no_reading_is_one_dead_letter_however_often_it_is_delivered() {
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
async fn a_reading_that_was_buried_is_not_stored_when_it_is_delivered_again() {
    let redis = RedisServer::start().await;
    redis.run::<()>(&["SET", "site:bad:readings", "text"]).await;
    add(&redis, "*", &fields("bad", "1.0", NOON)).await;
    let first = consumer(&redis, 1).start().await;
    let buried = async || redis.entries(DEAD_LETTERS).await.len() == 1;
    wait::until("it is buried", buried).await;
    drop(first);
    redis.run::<()>(&["DEL", "site:bad:readings"]).await;
    deliver_again_to_a_newcomer(&redis).await;
    assert_eq!(stored::count(&redis).await, 0, "it is stored and a dead letter");
    redis.run::<()>(&["DEL", DEAD_LETTERS]).await;
    deliver_again_to_a_newcomer(&redis).await;
    assert_eq!(stored::count(&redis).await, 0, "its letter was decided on");
}
