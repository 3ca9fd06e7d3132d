//! A key of ours has the wrong type: that of a site affects this site only, any other blocks the
//! work until it is corrected, and no reading is lost.

use super::support::helpers::{dead_letter_reasons, wait_until_stored};
use super::support::system::consumer;
use crate::common::product::ingestion_api;
use crate::common::readings::{NOON, add, fields};
use crate::common::redis::{DEAD_LETTERS, RedisServer};
use crate::common::stored::{self, wait_until_settled};
use crate::common::wait;

#[tokio::test]
async fn readings_of_a_site_key_of_the_wrong_type_are_dead_lettered_and_no_others() {
    let redis = RedisServer::start().await;
    redis.run::<()>(&["SET", "site:bad:readings", "text"]).await;
    let (mut bad, mut good) = (Vec::new(), 0);
    let (_first, _second) = (consumer(&redis, 1).start().await, consumer(&redis, 2).start().await);
    for n in 0..200 {
        if n % 4 == 0 {
            bad.push(add(&redis, "*", &fields("bad", "1.0", NOON)).await);
        } else {
            add(&redis, "*", &fields(&format!("good-{}", n % 3), "1.0", NOON)).await;
            good += 1;
        }
    }
    wait_until_settled(&redis).await;
    let dead_letter_reasons = dead_letter_reasons(&redis).await;
    assert_eq!(dead_letter_reasons.keys().collect::<Vec<_>>(), bad.iter().collect::<Vec<_>>());
    assert!(
        dead_letter_reasons.values().all(|reason| reason.contains("WRONGTYPE")),
        "{dead_letter_reasons:?}"
    );
    let mut stored = 0;
    for n in 0..3 {
        stored += stored::members(&redis, &format!("good-{n}")).await.len();
    }
    assert_eq!(stored, good);
}

#[tokio::test]
async fn a_dead_letter_is_stored_on_retry_once_the_type_of_its_site_key_is_right() {
    let redis = RedisServer::start().await;
    redis.run::<()>(&["SET", "site:site:readings", "text"]).await;
    let (ingestion, service) = (ingestion_api(&redis).start().await, consumer(&redis, 1));
    let service = service.start().await;
    let body = crate::common::readings::reading("site").to_string();
    assert_eq!(ingestion.post("/readings", body).await.status, 201);
    let dead_letter = wait::until_some("it is dead-lettered", async || {
        redis.entries(DEAD_LETTERS).await.pop().map(|dead_letter| dead_letter.id)
    })
    .await;
    // As long as the key has the wrong type the entry is dead-lettered again, as another dead
    // letter.
    let retry = format!("/pipeline/dead-letters/{dead_letter}/retry");
    assert_eq!(service.post(&retry, "").await.status, 200);
    let dead_letter = wait::until_some("it is dead-lettered again", async || {
        redis.entries(DEAD_LETTERS).await.pop().map(|dead_letter| dead_letter.id)
    })
    .await;
    redis.run::<()>(&["DEL", "site:site:readings"]).await;
    let retry = format!("/pipeline/dead-letters/{dead_letter}/retry");
    let retried = service.post(&retry, "").await.json();
    wait_until_stored(&redis, 1).await;
    wait_until_settled(&redis).await;
    let members = stored::members(&redis, "site").await;
    assert_eq!(members.len(), 1, "{members:?}");
    assert!(members[0].text.contains(retried["stream_id"].as_str().unwrap()));
    assert!(dead_letter_reasons(&redis).await.is_empty());
    assert_eq!(service.post(&retry, "").await.status, 404, "it is gone");
}
