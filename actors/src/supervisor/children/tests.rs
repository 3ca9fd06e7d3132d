use std::num::NonZeroUsize;

use readings::store::PartitionCount;

use super::*;
use crate::test_support::probe::Probe;
use crate::test_support::{self, id, pipeline_of};

const FIRST: Partition = Partition::Numbered(0);
const SECOND: Partition = Partition::Numbered(1);

/// Children of two partitions whose Redis is unavailable, which ends none of them; they are started by a probe, which
/// lets them end.
struct Tested {
    children: Children,
    supervisor: Probe<()>,
}

impl Tested {
    async fn new() -> Self {
        let context = pipeline_of(PartitionCount::new(2).unwrap());
        let children = Children::new(context, RunningPartitions::default());
        Self { children, supervisor: Probe::start().await }
    }

    async fn start() -> Self {
        let mut tested = Self::new().await;
        tested.update(&[FIRST, SECOND]).await;
        tested.start_missing().await;
        tested
    }

    async fn update(&mut self, partitions: &[Partition]) -> bool {
        let streams = self.children.context.partitions.current();
        let is_kept = |stream: &&ReadingStream| partitions.contains(&stream.keys().partition());
        let streams: Vec<_> = streams.iter().filter(is_kept).cloned().collect();
        self.children.update_partitions(&streams).await
    }

    async fn start_missing(&mut self) {
        self.children.start_missing(&self.supervisor.actor.get_cell()).await.unwrap();
    }

    fn ids(&self) -> [Vec<ActorId>; 3] {
        let children = &self.children;
        [children.shared_ids(), children.ids_of(FIRST), children.ids_of(SECOND)]
    }

    /// A child that fails, and the restart.
    async fn fail(&mut self, child: ActorId) -> Option<ChildName> {
        let name = self.children.on_ended(child).await;
        self.start_missing().await;
        name
    }
}

/// Which of the actors are the same.
fn kept(before: &[ActorId], after: &[ActorId]) -> Vec<bool> {
    before.iter().zip(after).map(|(before, after)| before == after).collect()
}

#[tokio::test]
async fn each_partition_has_children_of_its_own_and_all_share_the_writers() {
    let [shared, first, second] = Tested::start().await.ids();
    assert_eq!(shared.len(), ChildName::SHARED.len());
    assert_eq!((first.len(), second.len()), (1 + ChildName::AFTER_ACKER.len(), first.len()));
}

#[tokio::test]
async fn a_child_is_not_started_without_the_children_that_it_sends_to() {
    let tested = Tested::new().await;
    let supervisor = tested.supervisor.actor.get_cell();
    let refused = tested.children.start(ChildName::WriterPool, &supervisor).await.unwrap_err();
    assert!(matches!(refused, StartError::NotRunning(ChildName::BulkWriter)), "{refused}");
}

#[tokio::test]
async fn a_child_of_a_partition_is_restarted_with_those_after_it_and_no_other_partition_is() {
    let mut tested = Tested::start().await;
    let [shared, first, second] = tested.ids();
    assert_eq!(tested.fail(first[2]).await, Some(ChildName::PendingReclaimer));
    let [shared_after, first_after, second_after] = tested.ids();
    assert_eq!((&shared_after, &second_after), (&shared, &second));
    assert_eq!(kept(&first, &first_after), [true, true, false, false, false, false]);
}

#[tokio::test]
async fn the_acker_of_a_partition_is_restarted_with_its_sources_and_the_writers_go_on() {
    let mut tested = Tested::start().await;
    let [shared, first, second] = tested.ids();
    assert_eq!(tested.fail(first[0]).await, Some(ChildName::Acker));
    let [shared_after, first_after, second_after] = tested.ids();
    assert_eq!((&shared_after, &second_after), (&shared, &second));
    assert_eq!(kept(&first, &first_after), [false; 6]);
}

#[tokio::test]
async fn a_shared_child_is_restarted_with_all_that_send_to_it_and_the_ackers_go_on() {
    let mut tested = Tested::start().await;
    let [shared, first, second] = tested.ids();
    assert_eq!(tested.fail(shared[1]).await, Some(ChildName::WriterPool));
    let [shared_after, first_after, second_after] = tested.ids();
    assert_eq!(kept(&shared, &shared_after), [true, false, false, false]);
    for (before, after) in [(first, first_after), (second, second_after)] {
        assert_eq!(kept(&before, &after), [true, false, false, false, false, false]);
    }
}

#[tokio::test]
async fn the_end_of_the_retention_restarts_the_packer_and_nothing_else() {
    let mut tested = Tested::start().await;
    let [shared, first, _] = tested.ids();
    assert_eq!(tested.fail(shared[2]).await, Some(ChildName::ReadingsRetention));
    let [shared_after, first_after, _] = tested.ids();
    assert_eq!(
        (kept(&shared, &shared_after), first_after),
        (vec![true, true, false, false], first)
    );
}

#[tokio::test]
async fn the_end_of_a_child_that_was_stopped_here_restarts_nothing() {
    let mut tested = Tested::start().await;
    let [shared, first, _] = tested.ids();
    tested.children.on_ended(shared[0]).await.unwrap();
    assert_eq!(tested.children.on_ended(first[1]).await, None);
    assert_eq!(tested.children.on_ended(shared[1]).await, None);
}

#[tokio::test]
async fn a_partition_that_appears_is_started_and_no_other_is_restarted() {
    let mut tested = Tested::new().await;
    assert!(tested.update(&[FIRST]).await);
    tested.start_missing().await;
    let [shared, first, none] = tested.ids();
    assert!(none.is_empty());
    assert!(!tested.update(&[FIRST]).await);
    assert!(tested.update(&[FIRST, SECOND]).await);
    tested.start_missing().await;
    let [shared_after, first_after, second] = tested.ids();
    assert_eq!((shared_after, first_after), (shared, first));
    assert_eq!(second.len(), 1 + ChildName::AFTER_ACKER.len());
}

#[tokio::test]
async fn a_partition_that_is_no_longer_in_use_ends_once_its_entries_are_finished() {
    let mut tested = Tested::start().await;
    let [shared, first, _] = tested.ids();
    let retiring = Arc::clone(tested.children.partitions[&SECOND].context());
    let permit = retiring.window.reserve(NonZeroUsize::MIN).await.fill(vec![id(1)]);
    tested.update(&[FIRST]).await;
    assert!(retiring.draining.is_cancelled());
    tested.update(&[FIRST]).await;
    assert!(!tested.ids()[2].is_empty(), "its acker runs as long as an entry is in flight");
    permit.settle();
    tested.update(&[FIRST]).await;
    let [shared_after, first_after, second] = tested.ids();
    assert_eq!((shared_after, first_after), (shared, first));
    assert!(second.is_empty());
    assert_eq!(tested.children.running.all().len(), 1);
    assert!(tested.update(&[FIRST, SECOND]).await);
    tested.start_missing().await;
    assert_eq!(tested.ids()[2].len(), 1 + ChildName::AFTER_ACKER.len());
    assert!(!tested.children.partitions[&SECOND].context().draining.is_cancelled());
}

#[tokio::test]
async fn a_drain_ends_all_children() {
    let mut tested = Tested::start().await;
    tested.children.context.draining.cancel();
    tested.children.drain(Instant::now() + test_support::DEADLINE).await;
    assert_eq!(tested.ids(), [const { Vec::new() }; 3]);
    assert!(tested.supervisor.actor.get_children().is_empty());
}
