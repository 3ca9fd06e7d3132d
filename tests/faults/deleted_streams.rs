//! Somebody deletes the stream, moves it away or puts something else in its place. What services hold
//! is stored, what is accepted afterwards is stored, and nobody has to restart anything.

use super::support::ledger::Class;
use super::support::system::World;
use crate::common::readings::reading;
use crate::common::redis::STREAM;
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
        for role in world.roles() {
            created += role.counter("consumer_groups_created_total").await;
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
    for round in ["before", "after"] {
        let body = reading("the-site").to_string();
        wait::until("it is accepted", async || {
            world.ingestion.post("/readings", body.clone()).await.status == 201
        })
        .await;
        wait::until(&format!("it is listed {round}"), async || {
            world.processing[0].get("/sites").await.text().contains("the-site")
        })
        .await;
        world.redis.run::<()>(&["FLUSHALL"]).await;
    }
}
