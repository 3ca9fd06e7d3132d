use std::sync::Mutex;

use super::*;
use crate::test_support::scripted_redis::{Reply, ScriptedRedis, Words};
use crate::test_support::{self, context_with, id};

struct Tested {
    redis: ScriptedRedis,
    context: Arc<PartitionContext>,
    reader: StreamReader,
}

impl Tested {
    /// A reader whose reads get these replies, one after the other, and none after that.
    async fn start(replies: Vec<Reply>) -> Self {
        let replies = Mutex::new(replies.into_iter());
        let script = move |words: &Words| match words[0].as_str() {
            "XREADGROUP" => replies.lock().unwrap().next().unwrap_or(Reply::Nil),
            "XGROUP" => Reply::Error("BUSYGROUP Consumer Group name already exists"),
            "ZRANGE" => Reply::List(Vec::new()),
            "EVALSHA" => Reply::Error("ERR no such key"),
            _ => Reply::Error("ERR not scripted"),
        };
        let redis = ScriptedRedis::start(script).await;
        let context = context_with(&redis, test_support::config());
        let reader = StreamReader::new(Arc::clone(&context));
        Self { redis, context, reader }
    }

    async fn fetch(&mut self) -> Result<Fetched, StoreError> {
        self.reader.prepare();
        self.reader.fetch(10).await
    }

    /// The ids that the reads were sent: the position of each.
    fn positions(&self) -> Vec<String> {
        let reads = self.redis.received("XREADGROUP");
        reads.into_iter().map(|words| words.last().unwrap().clone()).collect()
    }
}

/// A reply with these entries of one site.
fn entries(ids: &[&str]) -> Reply {
    let text = |text: &str| Reply::Text(text.to_owned());
    let words = [
        ["site_id", "home"],
        ["device_id", "meter"],
        ["power_reading", "1.0"],
        ["timestamp", "2024-01-15T10:30:00Z"],
    ];
    let fields: Vec<_> = words.concat().into_iter().map(text).collect();
    let entries = ids.iter().map(|id| Reply::List(vec![text(id), Reply::List(fields.clone())]));
    let stream = Reply::List(vec![text("energy_readings"), Reply::List(entries.collect())]);
    Reply::List(vec![stream])
}

#[tokio::test]
async fn the_pending_entries_of_this_consumer_are_read_before_new_ones() {
    let mut tested =
        Tested::start(vec![entries(&["1-0", "2-0"]), entries(&[]), entries(&["3-0"])]).await;
    let pending = tested.fetch().await.unwrap();
    assert_eq!((pending.origin, pending.delivery.len()), (DeliveryOrigin::OwnPending, 2));
    tested.fetch().await.unwrap();
    let new = tested.fetch().await.unwrap();
    assert_eq!(new.origin, DeliveryOrigin::New);
    assert_eq!(new.delivery.ids().collect::<Vec<_>>(), [id(3)]);
    assert_eq!(tested.positions(), ["0-0", "2-0", ">"]);
}

#[tokio::test]
async fn after_an_error_the_connection_is_replaced_and_pending_entries_are_read_again() {
    let mut tested = Tested::start(vec![entries(&[]), Reply::Close, entries(&["1-0"])]).await;
    tested.fetch().await.unwrap();
    let error = tested.fetch().await.err().unwrap();
    let pause = tested.reader.on_failure(&error);
    assert!(pause > Duration::ZERO);
    let again = tested.fetch().await.unwrap();
    assert_eq!(again.origin, DeliveryOrigin::OwnPending);
    assert_eq!(tested.positions(), ["0-0", ">", "0-0"]);
}

#[tokio::test]
async fn abandoned_entries_are_read_again() {
    let mut tested = Tested::start(vec![entries(&[]), entries(&["1-0"]), entries(&["1-0"])]).await;
    tested.fetch().await.unwrap();
    tested.fetch().await.unwrap();
    drop(test_support::permit(&tested.context, &[1]).await);
    let again = tested.fetch().await.unwrap();
    assert_eq!(again.origin, DeliveryOrigin::OwnPending);
    assert_eq!(tested.positions(), ["0-0", ">", "0-0"]);
}

#[tokio::test]
async fn a_deleted_group_ends_the_generation_so_that_no_earlier_write_is_acknowledged() {
    let missing = Reply::Error("NOGROUP No such key 'energy_readings' or consumer group");
    let mut tested = Tested::start(vec![missing]).await;
    let before = test_support::connect(&tested.context).await;
    let error = tested.fetch().await.err().unwrap();
    tested.reader.on_failure(&error);
    assert_ne!(tested.context.stream.generation(), before);
}

#[tokio::test]
async fn bytes_that_arrive_are_progress() {
    let mut tested = Tested::start(vec![entries(&["1-0"])]).await;
    let turns = tested.context.progress.turns(Source::StreamReader);
    let long_ago = Instant::now().checked_sub(Duration::from_mins(10)).unwrap();
    turns.begin(long_ago);
    tested.reader.fetch(10).await.unwrap();
    assert!(turns.overdue(Instant::now(), None).unwrap() < Duration::from_mins(5));
}
