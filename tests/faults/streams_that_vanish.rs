//! Somebody deletes the stream, moves it away or puts something else in its place. What services hold
//! is stored, what is accepted afterwards is stored, and nobody has to restart anything.

use super::ledger::Class;
use super::world::World;
use crate::common::redis::{RedisServer, STREAM};
use crate::common::wait;

/// Takes the stream away under load; every reading that is accepted afterwards must be stored.
async fn assert_recovered(take_away: &[&str], recreated: bool) {
    let world = World::start(2).await;
    let before = world.producer().start();
    before.wait_for_more(200).await;
    world.redis.run::<()>(take_away).await;
    // What was under way may have come before or after: only later readings are held to the promise.
    before.stop().await;
    let later = world.producer().seed(2).start();
    later.wait_for_more(200).await;
    let ledger = later.stop().await;
    let verdict = world.checker().check(&ledger).await;
    assert!(verdict.lost.is_empty() && verdict.twice.is_empty(), "{verdict}");
    assert!(verdict.accepted >= 200 && verdict.dead == 0, "{verdict}");
    if recreated {
        let mut created = 0;
        for service in &world.processing {
            created += service.counter("consumer_groups_created_total").await;
        }
        assert!(created > 0, "nobody says that the group was gone");
    }
}

#[tokio::test]
async fn after_the_stream_was_deleted_everything_new_is_stored() {
    assert_recovered(&["DEL", STREAM], true).await;
}

#[tokio::test]
async fn after_the_stream_was_unlinked_everything_new_is_stored() {
    assert_recovered(&["UNLINK", STREAM], true).await;
}

#[tokio::test]
async fn after_everything_was_flushed_everything_new_is_stored() {
    assert_recovered(&["FLUSHALL"], true).await;
}

#[tokio::test]
async fn after_the_stream_was_moved_away_everything_new_is_stored() {
    assert_recovered(&["RENAME", STREAM, "elsewhere"], true).await;
}

#[tokio::test]
async fn something_else_in_the_streams_place_is_refused_and_passes() {
    let world = World::start(2).await;
    let producer = world.producer().start();
    producer.wait_for_more(200).await;
    world.redis.run::<()>(&["SET", STREAM, "text"]).await;
    wait::until("readings are refused", async || producer.count(Class::Refused) > 20).await;
    for role in world.roles() {
        assert_eq!(role.get("/livez").await.status, 200);
    }
    producer.stop().await;
    world.redis.run::<()>(&["DEL", STREAM]).await;
    let later = world.producer().seed(2).start();
    later.wait_for_more(200).await;
    let verdict = world.checker().check(&later.stop().await).await;
    assert!(verdict.lost.is_empty() && verdict.twice.is_empty(), "{verdict}");
    assert_eq!(verdict.dead, 0, "{verdict}");
}

#[tokio::test]
async fn a_site_is_listed_again_after_everything_was_flushed() {
    let world = World::start(1).await;
    let site = |reply: serde_json::Value| reply.to_string().contains("the-site");
    for round in ["before", "after"] {
        let body = crate::common::readings::reading("the-site").to_string();
        wait::until("it is accepted", async || {
            world.ingestion.post("/readings", body.clone()).await.status == 201
        })
        .await;
        wait::until(&format!("it is listed {round}"), async || {
            let sites: Vec<String> =
                world.redis.run(&["ZRANGE", "energy_readings:sites", "0", "-1"]).await;
            site(sites.into())
        })
        .await;
        world.redis.run::<()>(&["FLUSHALL"]).await;
    }
}

#[cfg(feature = "failpoints")]
mod while_entries_are_held {
    use super::super::scene::{
        HANDFUL, field, held_up_at, reasons, wait_until_pending, wait_until_stored,
    };
    use super::*;
    use crate::common::readings::{NOON, add, add_backlog, fields};
    use crate::common::redis::DEAD_LETTERS;
    use crate::common::stored::assert_each_is_stored_once;

    /// Longer than half of the time after which entries may have been taken over.
    const LONG: u32 = 1_500;

    #[tokio::test]
    async fn entries_that_a_service_holds_while_the_stream_is_deleted_are_stored() {
        let redis = RedisServer::start().await;
        let ids = add_backlog(&redis, HANDFUL, 1).await;
        let service = held_up_at("writer-before-zadd", LONG, &redis).start().await;
        wait_until_pending(&redis, HANDFUL).await;
        redis.run::<()>(&["DEL", STREAM]).await;
        let more = add_backlog(&redis, HANDFUL, 1).await;
        assert_each_is_stored_once(&redis, &[ids, more].concat()).await;
        let only_copies = service.counter("entries_rolled_back_total").await;
        assert_eq!(only_copies, HANDFUL as u64);
    }

    #[tokio::test]
    async fn entries_that_a_service_holds_while_something_else_is_in_the_streams_place_are_stored()
    {
        let redis = RedisServer::start().await;
        let ids = add_backlog(&redis, HANDFUL, 1).await;
        let service = held_up_at("writer-before-zadd", LONG, &redis).start().await;
        wait_until_pending(&redis, HANDFUL).await;
        redis.run::<()>(&["SET", STREAM, "text"]).await;
        wait::until("it has tried", async || service.stderr().contains("are kept until")).await;
        redis.run::<()>(&["DEL", STREAM]).await;
        wait_until_stored(&redis, HANDFUL).await;
        assert_each_is_stored_once(&redis, &ids).await;
    }

    #[tokio::test]
    async fn an_entry_that_is_about_to_be_buried_when_the_stream_is_deleted_is_buried() {
        let redis = RedisServer::start().await;
        redis.run::<()>(&["SET", "site:bad:readings", "text"]).await;
        let id = add(&redis, "*", &fields("bad", "1.0", NOON)).await;
        let _service = held_up_at("writer-after-zadd", LONG, &redis).start().await;
        wait_until_pending(&redis, 1).await;
        redis.run::<()>(&["DEL", STREAM]).await;
        let more = add(&redis, "*", &fields("good", "1.0", NOON)).await;
        wait::until("it is buried", async || !redis.entries(DEAD_LETTERS).await.is_empty()).await;
        assert_eq!(reasons(&redis).await.into_keys().collect::<Vec<_>>(), [id]);
        let letter = &redis.entries(DEAD_LETTERS).await[0];
        assert!(field(letter, "reason").contains("WRONGTYPE"), "{letter:?}");
        wait::until("the next is stored", async || {
            let members: Vec<String> =
                redis.run(&["ZRANGE", "site:good:readings", "0", "-1"]).await;
            members.len() == 1 && members[0].contains(&more)
        })
        .await;
    }
}
