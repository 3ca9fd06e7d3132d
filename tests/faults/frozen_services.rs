//! A service freezes (`SIGSTOP`, a starved virtual machine) while it holds an entry; another
//! consumer claims and settles the entry; when the first resumes, its late write is fenced.

use super::support::helpers::{
    dead_letter_reasons, delayed_at, wait_until_pending, wait_until_stored,
};
use super::support::system::consumer;
use crate::common::product::Role;
use crate::common::readings::{NOON, add, add_backlog, fields};
use crate::common::redis::RedisServer;
use crate::common::stored::{self, assert_each_is_stored_once, wait_until_settled};
use crate::common::wait;

/// A service is about to store the only entry, of a site whose key has the wrong type, so another
/// service dead-letters the entry. Then the key is deleted, and the first goes on.
async fn assert_stays_dead_lettered(place: &str, freeze: bool) -> Role {
    let redis = RedisServer::start().await;
    let id = add(&redis, "*", &fields("site", "1.0", NOON)).await;
    let mut frozen = delayed_at(place, 8_000, &redis).start().await;
    wait_until_pending(&redis, 1).await;
    if freeze {
        frozen.signal("STOP");
    }
    redis.run::<()>(&["SET", "site:site:readings", "text"]).await;
    assert_eq!(redis.group().await.pending, 1, "it has gone on too early");
    let _other = consumer(&redis, 2).start().await;
    wait::until("the other dead-letters it", async || {
        !dead_letter_reasons(&redis).await.is_empty()
    })
    .await;
    redis.run::<()>(&["DEL", "site:site:readings"]).await;
    if freeze {
        frozen.signal("CONT");
    }
    // The same writer stores this entry after that one.
    let next = add_backlog_of_the_site(&redis, &frozen).await;
    wait_until_settled(&redis).await;
    wait::until("those are stored and it is not", async || {
        let members = stored::members(&redis, "site").await;
        let has = |id: &String| members.iter().any(|member| member.text.contains(id));
        next.iter().all(has) && !has(&id)
    })
    .await;
    assert_eq!(dead_letter_reasons(&redis).await.into_keys().collect::<Vec<_>>(), [id]);
    frozen
}

/// Adds readings until the service has stored some of them, and returns their ids.
async fn add_backlog_of_the_site(redis: &RedisServer, service: &Role) -> Vec<String> {
    let mut ids = Vec::new();
    wait::until("the first service works again", async || {
        ids.push(add(redis, "*", &fields("site", "1.0", NOON)).await);
        service.counter("energy_pipeline_readings_stored_total").await > 0
    })
    .await;
    ids
}

#[tokio::test]
async fn an_entry_dead_lettered_meanwhile_is_not_stored() {
    assert_stays_dead_lettered("writer-before-zadd", false).await;
}

#[tokio::test]
async fn an_entry_dead_lettered_while_its_service_was_stopped_is_not_stored() {
    assert_stays_dead_lettered("writer-before-zadd", true).await;
}

#[tokio::test]
async fn an_entry_dead_lettered_between_the_fence_and_the_write_is_removed_again() {
    let woken = assert_stays_dead_lettered("bulk-write-after-fence", false).await;
    wait::until("it says so", async || woken.stderr().contains("its reading is removed")).await;
}

#[tokio::test]
async fn entries_stored_by_another_consumer_meanwhile_are_not_duplicated() {
    let redis = RedisServer::start().await;
    let ids = add_backlog(&redis, 200, 3).await;
    let slow = consumer(&redis, 1).env("PROCESSING_DELAY_MS", 20);
    let mut frozen = slow.start().await;
    wait_until_stored(&redis, 5).await;
    frozen.signal("STOP");
    let _other = consumer(&redis, 2).start().await;
    wait_until_stored(&redis, ids.len()).await;
    frozen.signal("CONT");
    let more = add_backlog(&redis, 100, 3).await;
    assert_each_is_stored_once(&redis, &[ids, more].concat()).await;
}
