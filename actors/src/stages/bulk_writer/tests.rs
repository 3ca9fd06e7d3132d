use std::time::Duration;

use readings::store::{Generation, StreamId};

use super::*;
use crate::partition_context::PartitionContext;
use crate::stages::batch::SiteBatch;
use crate::test_support::probe::Probe;
use crate::test_support::scripted_redis::{Reply, ScriptedRedis, Words};
use crate::test_support::{
    DEADLINE, beside, config, connect, context_with, entry, id, permit, wait,
};

const WRONG_TYPE: Reply =
    Reply::Error("WRONGTYPE Operation against a key holding the wrong kind of value");

/// A bulk writer between a server that replies in this way and a probe instead of the acker.
struct Tested {
    redis: ScriptedRedis,
    context: Arc<PartitionContext>,
    bulk_writer: ActorRef<BulkWriterMessage>,
    acker: Probe<AckerMessage>,
    generation: Generation,
}

impl Tested {
    async fn start(script: impl FnMut(&Words) -> Reply + Send + 'static) -> Self {
        let redis = ScriptedRedis::start(script).await;
        let context = context_with(&redis, config());
        let generation = connect(&context).await;
        let acker = Probe::start().await;
        let ackers = Ackers::from([(context.partition(), acker.actor.clone())]);
        let arguments = BulkWriterArguments { context: Arc::clone(&context.pipeline), ackers };
        let (bulk_writer, _) = Actor::spawn(None, BulkWriter, arguments).await.unwrap();
        Self { redis, context, bulk_writer, acker, generation }
    }

    /// Adds a partition with its acker.
    fn add_acker(&self, partition: &PartitionContext, acker: &Probe<AckerMessage>) {
        let started = BulkWriterMessage::AckerStarted(partition.partition(), acker.actor.clone());
        self.bulk_writer.cast(started).unwrap();
    }

    /// The prepared write of entries of a site, which were requested this long ago.
    async fn prepared(&self, site: &str, entries: &[u64], age: Duration) -> PreparedWrite {
        self.prepared_of(&self.context, site, entries, age).await
    }

    async fn prepared_of(
        &self,
        partition: &Arc<PartitionContext>,
        site: &str,
        entries: &[u64],
        age: Duration,
    ) -> PreparedWrite {
        let partition = Arc::clone(partition);
        let permit = permit(&partition, entries).await;
        let entries: Vec<_> = entries.iter().map(|&ms| entry(ms, site)).collect();
        let site = entries[0].reading.site_id.clone();
        let requested_at = Instant::now().checked_sub(age).unwrap();
        let batch = SiteBatch { partition, site, entries, permit, requested_at };
        batch.prepare(Some(self.generation))
    }

    async fn enqueue(&self, site: &str, entries: &[u64]) {
        self.enqueue_of(&self.context, site, entries).await;
    }

    async fn enqueue_of(&self, partition: &Arc<PartitionContext>, site: &str, entries: &[u64]) {
        let write = self.prepared_of(partition, site, entries, Duration::ZERO).await;
        self.bulk_writer.cast(BulkWriterMessage::Enqueue(write)).unwrap();
    }

    /// As above, of entries that another consumer may have claimed.
    async fn enqueue_late(&self, site: &str, entries: &[u64]) {
        let write = self.prepared(site, entries, self.context.pipeline.config.claim_min_idle).await;
        self.bulk_writer.cast(BulkWriterMessage::Enqueue(write)).unwrap();
    }

    async fn acknowledged(&mut self) -> (Vec<StreamId>, Generation) {
        acknowledged_by(&mut self.acker).await
    }

    /// The keys that were written.
    fn written(&self) -> Vec<String> {
        self.redis.received("ZADD").into_iter().map(|words| words[0].clone()).collect()
    }
}

async fn acknowledged_by(acker: &mut Probe<AckerMessage>) -> (Vec<StreamId>, Generation) {
    match acker.message().await {
        AckerMessage::Acknowledge(AckBatch { permit, generation }) => {
            let ids = permit.ids().to_vec();
            permit.settle();
            (ids, generation)
        }
        other => panic!("not an acknowledgement but {other:?}"),
    }
}

/// What the ownership script replies: entries that another consumer has claimed, that are not pending, and
/// that are deleted as well.
fn ownership(claimed: &[&str], not_pending: &[&str], deleted: &[&str]) -> Reply {
    Reply::List([claimed, not_pending, deleted].map(texts).to_vec())
}

fn texts(texts: &[&str]) -> Reply {
    Reply::List(texts.iter().map(|&text| Reply::Text(text.to_owned())).collect())
}

#[tokio::test]
async fn stored_entries_are_acknowledged_in_the_generation_of_their_write() {
    let mut tested = Tested::start(|_| Reply::Int(1)).await;
    tested.enqueue("home", &[1, 2]).await;
    assert_eq!(tested.acknowledged().await, (vec![id(1), id(2)], tested.generation));
    assert_eq!(tested.written(), ["site:home:readings"]);
}

#[tokio::test]
async fn a_write_that_redis_cannot_do_now_is_retried_before_anything_is_acknowledged() {
    let mut failures = 2;
    let mut tested = Tested::start(move |_| {
        if failures == 0 {
            return Reply::Int(1);
        }
        failures -= 1;
        Reply::Error("OOM command not allowed when used memory > 'maxmemory'")
    })
    .await;
    tested.enqueue("home", &[1]).await;
    assert_eq!(tested.acknowledged().await.0, [id(1)]);
    assert_eq!(tested.written().len(), 3);
}

#[tokio::test]
async fn a_site_whose_key_has_the_wrong_type_rejects_no_other_site() {
    let script = |words: &Words| if words[1].contains("bad") { WRONG_TYPE } else { Reply::Int(1) };
    let mut tested = Tested::start(script).await;
    tested.enqueue("bad", &[1]).await;
    tested.enqueue("good", &[2]).await;
    let AckerMessage::DeadLetter(batch) = tested.acker.message().await else {
        panic!("not dead-lettered")
    };
    assert_eq!((batch.permit.ids(), batch.dead_letters.len()), ([id(1)].as_slice(), 1));
    assert!(batch.dead_letters[0].reason.contains("WRONGTYPE"), "{:?}", batch.dead_letters[0]);
    assert_eq!(tested.acknowledged().await.0, [id(2)]);
}

#[tokio::test]
async fn a_site_index_of_the_wrong_type_keeps_no_reading_from_being_stored() {
    let script = |words: &Words| match words[0].as_str() {
        "ZADD" if words[1].ends_with(":sites") => WRONG_TYPE,
        _ => Reply::Int(1),
    };
    let mut tested = Tested::start(script).await;
    tested.context.stream.invalidate();
    tested.enqueue("home", &[1]).await;
    assert_eq!(tested.acknowledged().await.0, [id(1)]);
    assert_eq!(tested.written().len(), 2, "the index and the series");
}

#[tokio::test]
async fn a_site_is_indexed_again_in_a_new_generation_also_when_its_write_was_prepared_before() {
    let tested = Tested::start(|_| Reply::Int(1)).await;
    let write = tested.prepared("home", &[1], Duration::ZERO).await;
    let write = BulkWrite::new(Arc::clone(&tested.context.pipeline), vec![write]);
    tested.context.stream.invalidate();
    let CompletedWrite { generation, .. } = write.store().await;
    assert_eq!(generation, tested.context.stream.generation());
    assert!(tested.written()[0].ends_with(":sites"), "{:?}", tested.written());
}

#[tokio::test]
async fn a_late_entry_that_another_consumer_has_claimed_is_neither_written_nor_acknowledged() {
    let mut tested = Tested::start(|words| match words[0].as_str() {
        "EVALSHA" => ownership(&["1-0"], &[], &[]),
        "ZRANGE" => texts(&[]),
        _ => Reply::Int(1),
    })
    .await;
    tested.enqueue_late("home", &[1, 2]).await;
    assert_eq!(tested.acknowledged().await.0, [id(2)]);
    assert!(!tested.redis.received("ZADD").concat().join(" ").contains("1-0"));
    // Settled: the other consumer acknowledges it.
    assert!(!tested.context.window.contains(id(1)) && !tested.context.window.take_abandoned());
}

#[tokio::test]
async fn a_late_entry_that_was_dead_lettered_meanwhile_is_not_written() {
    let mut tested = Tested::start(|words| match words[0].as_str() {
        "EVALSHA" => ownership(&[], &["1-0", "2-0"], &[]),
        "ZRANGE" => texts(&["1-0"]),
        _ => Reply::Int(1),
    })
    .await;
    tested.enqueue_late("home", &[1, 2]).await;
    assert_eq!(tested.acknowledged().await.0, [id(2)]);
    assert!(!tested.context.window.contains(id(1)));
}

#[tokio::test]
async fn a_late_entry_that_redis_has_lost_is_written_from_memory() {
    let mut tested = Tested::start(|words| match words[0].as_str() {
        "EVALSHA" => ownership(&[], &[], &["1-0"]),
        "ZRANGE" => texts(&[]),
        _ => Reply::Int(1),
    })
    .await;
    tested.enqueue_late("home", &[1]).await;
    assert_eq!(tested.acknowledged().await.0, [id(1)]);
    assert!(tested.written().contains(&"site:home:readings".to_owned()));
}

#[tokio::test]
async fn the_ownership_of_an_early_write_is_not_checked() {
    let mut tested = Tested::start(|_| Reply::Int(1)).await;
    tested.enqueue("home", &[1]).await;
    tested.acknowledged().await;
    assert!(tested.redis.received("EVALSHA").is_empty());
}

#[tokio::test]
async fn a_bulk_writer_that_drains_stores_what_it_has_queued() {
    let mut tested = Tested::start(|_| Reply::Int(1)).await;
    tested.enqueue("home", &[1]).await;
    tested.bulk_writer.drain_and_wait(Some(DEADLINE)).await.unwrap();
    assert_eq!(tested.acknowledged().await.0, [id(1)]);
}

#[tokio::test]
async fn entries_whose_acker_has_ended_are_abandoned_and_others_go_on() {
    let mut tested = Tested::start(|_| Reply::Int(1)).await;
    let (ended, partition) = (Probe::start().await, beside(&tested.context, 1));
    tested.add_acker(&partition, &ended);
    ended.actor.stop(None);
    wait("the acker has ended", || ended.has_ended()).await;
    tested.enqueue_of(&partition, "away", &[1]).await;
    tested.enqueue("home", &[1]).await;
    assert_eq!(tested.acknowledged().await.0, [id(1)]);
    wait("the entry is abandoned", || partition.window.take_abandoned()).await;
    assert!(!tested.context.window.take_abandoned());
}

#[tokio::test]
async fn entries_of_all_partitions_are_acknowledged_each_by_the_acker_of_its_own() {
    let mut tested = Tested::start(|_| Reply::Int(1)).await;
    let (mut acker, partition) = (Probe::start().await, beside(&tested.context, 1));
    tested.add_acker(&partition, &acker);
    let writes = [
        tested.prepared_of(&partition, "away", &[1], Duration::ZERO).await,
        tested.prepared("home", &[1, 2], Duration::ZERO).await,
        tested.prepared_of(&partition, "out", &[3], Duration::ZERO).await,
    ];
    let write = BulkWrite::new(Arc::clone(&tested.context.pipeline), writes.into());
    let ackers = [(&tested.context, &tested.acker), (&partition, &acker)];
    let ackers = ackers.map(|(partition, acker)| (partition.partition(), acker.actor.clone()));
    forward_to_ackers(write.store().await, &Ackers::from(ackers));
    assert_eq!(tested.acknowledged().await.0, [id(1), id(2)]);
    assert_eq!(acknowledged_by(&mut acker).await.0, [id(1), id(3)]);
    acker.assert_empty();
}

#[tokio::test]
async fn an_entry_that_was_claimed_fences_none_of_another_partition_with_the_same_id() {
    let mut tested = Tested::start(|words| match words[0].as_str() {
        "EVALSHA" if words.iter().any(|word| word.ends_with(":{1}")) => {
            ownership(&["1-0"], &[], &[])
        }
        "EVALSHA" => ownership(&[], &[], &[]),
        "ZRANGE" => texts(&[]),
        _ => Reply::Int(1),
    })
    .await;
    let (mut acker, partition) = (Probe::start().await, beside(&tested.context, 1));
    tested.add_acker(&partition, &acker);
    let age = tested.context.pipeline.config.claim_min_idle;
    for write in [
        tested.prepared_of(&partition, "away", &[1, 2], age).await,
        tested.prepared("home", &[1, 2], age).await,
    ] {
        tested.bulk_writer.cast(BulkWriterMessage::Enqueue(write)).unwrap();
    }
    assert_eq!(tested.acknowledged().await.0, [id(1), id(2)]);
    assert_eq!(acknowledged_by(&mut acker).await.0, [id(2)]);
}
