use std::sync::Mutex;

use super::*;
use crate::test_support::scripted_redis::{Reply, ScriptedRedis};
use crate::test_support::{self, context_with, id};

struct Tested {
    redis: ScriptedRedis,
    reclaimer: PendingReclaimer,
}

impl Tested {
    /// A reclaimer whose claims get these replies, one after the other.
    async fn start(replies: Vec<Reply>) -> Self {
        let replies = Mutex::new(replies.into_iter());
        let redis = ScriptedRedis::start(move |words| match words[0].as_str() {
            "XAUTOCLAIM" => replies.lock().unwrap().next().unwrap(),
            _ => Reply::List(Vec::new()),
        })
        .await;
        let context = context_with(&redis, test_support::config());
        Self { redis, reclaimer: PendingReclaimer::new(context) }
    }

    /// The cursors that the claims were sent.
    fn cursors(&self) -> Vec<String> {
        let claims = self.redis.received("XAUTOCLAIM");
        claims.into_iter().map(|words| words[4].clone()).collect()
    }
}

/// A reply with the next cursor and ids of deleted entries.
fn claimed(cursor: &str, deleted: &[&str]) -> Reply {
    let text = |text: &str| Reply::Text(text.to_owned());
    let deleted = deleted.iter().map(|id| text(id)).collect();
    Reply::List(vec![text(cursor), Reply::List(Vec::new()), Reply::List(deleted)])
}

#[tokio::test]
async fn a_scan_goes_on_at_once_until_it_is_complete_and_pauses_then() {
    let replies = vec![claimed("5-0", &["4-0"]), claimed("0-0", &[]), claimed("0-0", &[])];
    let mut tested = Tested::start(replies).await;
    let first = tested.reclaimer.fetch(10).await.unwrap();
    assert_eq!((first.origin, first.pause), (DeliveryOrigin::Claimed, None));
    assert_eq!(first.delivery.deleted, [id(4)]);
    let last = tested.reclaimer.fetch(10).await.unwrap();
    assert!(last.pause.is_some_and(|pause| pause >= SCAN_INTERVAL), "{:?}", last.pause);
    tested.reclaimer.fetch(10).await.unwrap();
    assert_eq!(tested.cursors(), ["0-0", "5-0", "0-0"]);
}

#[tokio::test]
async fn a_failed_claim_is_repeated_from_its_cursor_after_a_pause() {
    let failure = Reply::Error("LOADING Redis is loading the dataset in memory");
    let replies = vec![claimed("5-0", &[]), failure, claimed("0-0", &[])];
    let mut tested = Tested::start(replies).await;
    tested.reclaimer.fetch(10).await.unwrap();
    let error = tested.reclaimer.fetch(10).await.err().unwrap();
    assert!(tested.reclaimer.on_failure(&error) > Duration::ZERO);
    tested.reclaimer.fetch(10).await.unwrap();
    assert_eq!(tested.cursors(), ["0-0", "5-0", "5-0"]);
}

#[tokio::test]
async fn a_scan_begins_again_when_the_group_was_deleted() {
    let failure = Reply::Error("NOGROUP No such key 'energy_readings' or consumer group");
    let replies = vec![claimed("5-0", &[]), failure, claimed("0-0", &[])];
    let mut tested = Tested::start(replies).await;
    tested.reclaimer.fetch(10).await.unwrap();
    let error = tested.reclaimer.fetch(10).await.err().unwrap();
    tested.reclaimer.on_failure(&error);
    tested.reclaimer.fetch(10).await.unwrap();
    assert_eq!(tested.cursors(), ["0-0", "5-0", "0-0"]);
}
