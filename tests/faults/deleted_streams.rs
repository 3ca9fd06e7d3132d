//! The stream is deleted, renamed or replaced by a key of another type. In-flight entries are
//! stored, readings accepted afterwards are stored, and no restart is needed.

use super::support::ledger::Class;
use super::support::system::System;
use crate::common::readings::reading;
use crate::common::redis::STREAM;
use crate::common::wait;

/// Removes the stream under load; every reading that is accepted afterwards must be stored.
async fn assert_recovered(take_away: &[&str], recreated: bool) {
    let system = System::start(2).await;
    let before = system.producer().start();
    before.wait_for_more(200).await;
    system.redis.run::<()>(take_away).await;
    // Requests in flight may have been written before or after: the guarantee holds for later
    // readings only.
    before.stop().await;
    let later = system.producer().seed(2).start();
    later.wait_for_more(200).await;
    let ledger = later.stop().await;
    let report = system.checker().check(&ledger).await;
    assert!(report.lost.is_empty() && report.twice.is_empty(), "{report}");
    assert!(report.accepted >= 200 && report.dead == 0, "{report}");
    if recreated {
        let mut created = 0;
        for role in system.roles() {
            created += role.counter("energy_pipeline_consumer_groups_created_total").await;
        }
        assert!(created > 0, "no service counts the created group");
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
async fn after_the_stream_was_renamed_everything_new_is_stored() {
    assert_recovered(&["RENAME", STREAM, "elsewhere"], true).await;
}

#[tokio::test]
async fn a_stream_key_of_the_wrong_type_is_tolerated_until_it_is_deleted() {
    let system = System::start(2).await;
    let producer = system.producer().start();
    producer.wait_for_more(200).await;
    system.redis.run::<()>(&["SET", STREAM, "text"]).await;
    wait::until("readings are refused", async || producer.count(Class::Refused) > 20).await;
    for role in system.roles() {
        assert_eq!(role.get("/livez").await.status, 200);
    }
    producer.stop().await;
    system.redis.run::<()>(&["DEL", STREAM]).await;
    let later = system.producer().seed(2).start();
    later.wait_for_more(200).await;
    let report = system.checker().check(&later.stop().await).await;
    assert!(report.lost.is_empty() && report.twice.is_empty(), "{report}");
    assert_eq!(report.dead, 0, "{report}");
}

#[tokio::test]
async fn a_site_is_indexed_again_after_everything_was_flushed() {
    let system = System::start(1).await;
    for round in ["before", "after"] {
        let body = reading("the-site").to_string();
        wait::until("it is accepted", async || {
            system.ingestion.post("/readings", body.clone()).await.status == 201
        })
        .await;
        wait::until(&format!("it is listed {round}"), async || {
            system.processing[0].get("/sites").await.text().contains("the-site")
        })
        .await;
        system.redis.run::<()>(&["FLUSHALL"]).await;
    }
}
