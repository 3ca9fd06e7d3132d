use std::sync::atomic::{AtomicUsize, Ordering};

use readings::store::Generation;

use readings::store::dead_letters::DeadLetter;

use super::*;
use crate::stages::batch::AckBatch;
use crate::test_support::scripted_redis::{Reply, ScriptedRedis, Words};
use crate::test_support::{DEADLINE, config, connect, context_with, entry, permit, wait};

/// An acker that is connected to a server which replies to `XACK` in this way.
struct Tested {
    redis: ScriptedRedis,
    context: Arc<PartitionContext>,
    acker: ActorRef<AckerMessage>,
    generation: Generation,
}

impl Tested {
    async fn start(script: impl FnMut(&Words) -> Reply + Send + 'static) -> Self {
        let redis = ScriptedRedis::start(script).await;
        let context = context_with(&redis, config());
        let generation = connect(&context).await;
        let (acker, _) = Actor::spawn(None, Acker, Arc::clone(&context)).await.unwrap();
        Self { redis, context, acker, generation }
    }

    async fn acknowledge(&self, entries: &[u64]) {
        let permit = permit(&self.context, entries).await;
        let batch = AckBatch { permit, generation: self.generation };
        self.acker.cast(AckerMessage::Acknowledge(batch)).unwrap();
    }

    async fn wait_until_none_is_in_flight(&self) {
        wait("no entry is in flight", || self.context.window.len() == 0).await;
    }
}

#[tokio::test]
async fn acknowledged_entries_are_settled() {
    let tested = Tested::start(|_| Reply::Int(2)).await;
    tested.acknowledge(&[1, 2]).await;
    tested.wait_until_none_is_in_flight().await;
    assert!(!tested.context.window.take_abandoned());
    let sent = tested.redis.received("XACK");
    assert_eq!(sent, [["energy_readings", "processing_group", "1-0", "2-0"]]);
}

#[tokio::test]
async fn acknowledgements_of_several_batches_go_with_one_command_by_id() {
    let tested = Tested::start(|_| Reply::Int(4)).await;
    for entries in [&[3][..], &[1, 10], &[2]] {
        tested.acknowledge(entries).await;
    }
    tested.wait_until_none_is_in_flight().await;
    let sent = tested.redis.received("XACK");
    assert_eq!(sent, [["energy_readings", "processing_group", "1-0", "2-0", "3-0", "10-0"]]);
}

#[tokio::test]
async fn entries_that_were_stored_in_an_earlier_generation_are_abandoned_and_not_acknowledged() {
    let tested = Tested::start(|_| Reply::Int(1)).await;
    tested.context.stream.invalidate();
    tested.acknowledge(&[1]).await;
    tested.wait_until_none_is_in_flight().await;
    assert!(tested.context.window.take_abandoned());
    assert!(tested.redis.received("XACK").is_empty());
}

#[tokio::test]
async fn an_acknowledgement_that_fails_is_retried_and_no_more_is_read_meanwhile() {
    let failures = Arc::new(AtomicUsize::new(3));
    let left = Arc::clone(&failures);
    let tested = Tested::start(move |words| {
        let failing = words[0] == "XACK" && left.load(Ordering::Relaxed) > 0;
        if failing && left.fetch_sub(1, Ordering::Relaxed) > 0 {
            Reply::Error("LOADING Redis is loading the dataset in memory")
        } else {
            Reply::Int(1)
        }
    })
    .await;
    tested.acknowledge(&[1]).await;
    wait("the first attempt fails", || failures.load(Ordering::Relaxed) < 3).await;
    tested.context.outage.wait_until_clear().await;
    tested.wait_until_none_is_in_flight().await;
    assert_eq!(failures.load(Ordering::Relaxed), 0);
    assert!(!tested.context.window.take_abandoned());
}

#[tokio::test]
async fn entries_that_another_consumer_has_acknowledged_are_settled() {
    let tested = Tested::start(|words| match words[0].as_str() {
        "XGROUP" => Reply::Error("BUSYGROUP Consumer Group name already exists"),
        "ZRANGE" => Reply::List(Vec::new()),
        _ => Reply::Int(1),
    })
    .await;
    tested.acknowledge(&[1, 2]).await;
    tested.wait_until_none_is_in_flight().await;
    assert!(!tested.context.window.take_abandoned());
    assert!(removals(&tested).is_empty());
}

#[tokio::test]
async fn a_group_that_was_deleted_is_created_again() {
    let tested = Tested::start(|words| match words[0].as_str() {
        "XGROUP" => Reply::Ok,
        "ZRANGE" => Reply::List(Vec::new()),
        _ => Reply::Int(0),
    })
    .await;
    tested.acknowledge(&[1]).await;
    tested.wait_until_none_is_in_flight().await;
    assert_eq!(tested.redis.received("XGROUP")[0][0], "CREATE");
}

/// A dead letter of this entry, as `XRANGE` of the dead-letter stream gives it.
fn dead_letter_of(entry_id: u64) -> Reply {
    let reading = entry(entry_id, "home");
    let fields = [
        ("original_id", format!("{entry_id}-0")),
        ("reason", "tested".to_owned()),
        ("field:site_id", reading.reading.site_id.as_str().to_owned()),
        ("field:device_id", "meter".to_owned()),
        ("field:power_reading", "1.0".to_owned()),
        ("field:timestamp", "2024-01-15T10:30:00Z".to_owned()),
    ];
    let words = fields.into_iter().flat_map(|(name, value)| [name.to_owned(), value]);
    let fields = Reply::List(words.map(Reply::Text).collect());
    Reply::List(vec![Reply::List(vec![Reply::Text("9-0".to_owned()), fields])])
}

/// The scripts that remove readings of the site.
fn removals(tested: &Tested) -> Vec<Vec<String>> {
    let scripts = tested.redis.received("EVALSHA").into_iter();
    scripts.filter(|words| words.iter().any(|word| word == "site:home:readings")).collect()
}

#[tokio::test]
async fn a_reading_that_another_consumer_has_dead_lettered_is_removed_again() {
    let tested = Tested::start(|words| match words[0].as_str() {
        "XGROUP" => Reply::Error("BUSYGROUP Consumer Group name already exists"),
        "ZRANGE" => Reply::List(vec![Reply::Text("1-0".to_owned())]),
        "EVALSHA" if words.iter().any(|word| word.starts_with('(')) => Reply::List(Vec::new()),
        "EVALSHA" if words.iter().any(|word| word == "site:home:readings") => {
            // No day was ever packed, and the member was there.
            Reply::List(vec![Reply::Text(String::new()), Reply::List(vec![Reply::Int(1)])])
        }
        "HMGET" => Reply::List(vec![Reply::Nil, Reply::Nil]),
        "EVALSHA" => dead_letter_of(1),
        _ => Reply::Int(0),
    })
    .await;
    tested.acknowledge(&[1]).await;
    tested.wait_until_none_is_in_flight().await;
    let removed = removals(&tested);
    assert_eq!(removed.len(), 1, "{removed:?}");
    let member = removed[0].last().unwrap();
    assert!(member.contains(r#""stream_id": "1-0""#), "{removed:?}");
}

#[tokio::test]
async fn entries_that_are_dead_lettered_are_settled_when_redis_has_confirmed_it() {
    let tested = Tested::start(|_| Reply::Int(1)).await;
    let permit = permit(&tested.context, &[1]).await;
    let dead_letters = vec![DeadLetter::from_entry(&entry(1, "home"), "tested".to_owned(), 1)];
    let batch = DeadLetterBatch { dead_letters, permit };
    tested.acker.cast(AckerMessage::DeadLetter(batch)).unwrap();
    tested.wait_until_none_is_in_flight().await;
    assert!(!tested.context.window.take_abandoned());
    assert!(tested.redis.received("EVALSHA")[0].contains(&"tested".to_owned()));
}

#[tokio::test]
async fn an_acker_that_drains_sends_the_acknowledgements_that_it_has_queued() {
    let tested = Tested::start(|_| Reply::Int(1)).await;
    tested.acknowledge(&[1]).await;
    tested.acker.drain_and_wait(Some(DEADLINE)).await.unwrap();
    assert_eq!(tested.context.window.len(), 0);
    assert_eq!(tested.redis.received("XACK").len(), 1);
}
