use std::panic::{AssertUnwindSafe, catch_unwind};

use readings::store::PartitionCount;

use super::*;

fn id(ms: u64) -> StreamId {
    StreamId { ms, seq: 0 }
}

fn ids(numbers: std::ops::Range<u64>) -> Vec<StreamId> {
    numbers.map(id).collect()
}

/// Below the floor of [`InFlightLimit`], so that the limit stays what it is.
fn window(ceiling: usize) -> PartitionWindow {
    InFlightWindow::new(NonZeroUsize::new(ceiling).unwrap()).of_partition(Partition::Whole)
}

fn reserved(window: &PartitionWindow) -> usize {
    window.state().reserved
}

const TEN: NonZeroUsize = NonZeroUsize::new(10).unwrap();

#[tokio::test]
async fn a_source_reserves_the_free_capacity_and_releases_what_it_does_not_fill() {
    let window = window(15);
    let first = window.reserve(TEN).await;
    let second = window.reserve(TEN).await;
    assert_eq!((first.capacity(), second.capacity()), (10, 5));
    let permit = first.fill(ids(0..3));
    assert_eq!((window.len(), reserved(&window)), (3, 8));
    drop(second);
    permit.settle();
    assert_eq!((window.len(), reserved(&window)), (0, 0));
}

#[tokio::test]
async fn a_source_waits_for_capacity() {
    let window = window(10);
    let permit = window.reserve(TEN).await.fill(ids(0..10));
    let waiting = window.reserve(TEN);
    tokio::pin!(waiting);
    assert!(futures_util::poll!(&mut waiting).is_pending());
    permit.settle();
    assert_eq!(waiting.await.capacity(), 10);
}

#[tokio::test]
async fn a_read_leaves_capacity_to_claims_and_sources_are_served_in_order() {
    let window = window(10);
    let read = window.reserve_for_read(0, TEN).await;
    let claim = window.reserve(TEN).await;
    assert_eq!((read.capacity(), claim.capacity()), (8, 2));
    let first = window.reserve(TEN);
    let second = window.reserve_for_read(0, TEN);
    tokio::pin!(first, second);
    assert!(futures_util::poll!(&mut first).is_pending());
    drop((read, claim));
    assert!(futures_util::poll!(&mut second).is_pending(), "the other waited first");
    assert_eq!(first.await.capacity(), 10);
}

#[tokio::test]
async fn settled_entries_are_not_abandoned_and_dropped_ones_are() {
    let window = window(10);
    window.reserve(TEN).await.fill(ids(0..2)).settle();
    assert!(!window.take_abandoned());
    drop(window.reserve(TEN).await.fill(ids(0..2)));
    assert!(window.take_abandoned());
    assert!(!window.take_abandoned(), "reported once");
    assert_eq!(reserved(&window), 0);
}

#[tokio::test]
async fn the_parts_of_a_split_permit_are_released_one_by_one() {
    let window = window(10);
    let mut split = window.reserve(TEN).await.fill(ids(0..5)).split();
    let last = split.split_off(ids(3..5));
    let first = split.split_off(ids(0..3));
    drop(split);
    assert!(!window.take_abandoned(), "all entries are in a part");
    first.settle();
    assert!(!window.contains(id(1)));
    assert!(window.contains(id(3)));
    assert_eq!((last.ids(), reserved(&window)), (ids(3..5).as_slice(), 2));
}

#[tokio::test]
async fn entries_in_no_part_of_a_split_permit_are_abandoned() {
    let window = window(10);
    let mut split = window.reserve(TEN).await.fill(ids(0..5)).split();
    let middle = split.split_off(ids(1..3));
    drop(split);
    assert!(window.take_abandoned());
    let in_flight: Vec<_> = ids(0..5).into_iter().filter(|&id| window.contains(id)).collect();
    assert_eq!((in_flight.as_slice(), reserved(&window)), (middle.ids(), 2));
}

#[tokio::test]
async fn a_panic_is_a_failure_of_the_entries_in_progress_only() {
    let window = window(10);
    let mut split = window.reserve(TEN).await.fill(ids(0..2)).split();
    let in_progress = split.split_off(ids(0..1)).begin_work();
    let queued = split.split_off(ids(1..2));
    drop(split);
    let panicking = AssertUnwindSafe(move || {
        let _dropped_by_the_panic = (in_progress, queued);
        panic!("on purpose");
    });
    catch_unwind(panicking).unwrap_err();
    assert_eq!((window.failures(id(0)), window.failures(id(1))), (1, 0));
    window.reserve(TEN).await.fill(ids(0..1)).settle();
    assert_eq!(window.failures(id(0)), 0, "forgotten when the entry is acknowledged");
}

#[tokio::test]
async fn entries_in_flight_are_stalled_since_the_window_was_empty_or_a_permit_was_released() {
    let window = window(10);
    assert_eq!(window.stalled_for(Instant::now()), None);
    let before_the_fill = Instant::now();
    let mut split = window.reserve(TEN).await.fill(ids(0..2)).split();
    assert_eq!(window.stalled_for(before_the_fill), Some(Duration::ZERO));
    let before_the_release = Instant::now();
    assert!(window.stalled_for(before_the_release) > Some(Duration::ZERO));
    split.split_off(ids(0..1)).settle();
    assert_eq!(window.stalled_for(before_the_release), Some(Duration::ZERO));
}

/// The windows of this many partitions, which share a limit.
fn windows(ceiling: usize, partitions: u16) -> Vec<PartitionWindow> {
    let all = InFlightWindow::new(NonZeroUsize::new(ceiling).unwrap());
    let partitions = PartitionCount::new(partitions).unwrap().partitions();
    partitions.map(|partition| all.of_partition(partition)).collect()
}

#[tokio::test]
async fn entries_of_two_partitions_with_the_same_id_are_two_entries() {
    let [first, second] = windows(10, 2).try_into().unwrap();
    let one = first.reserve(TEN).await.fill(ids(0..1));
    let other = second.reserve(TEN).await.fill(ids(0..1));
    assert_eq!((first.len(), second.len(), first.state().in_flight), (1, 1, 2));
    drop(one);
    assert_eq!((first.take_abandoned(), second.take_abandoned()), (true, false));
    assert!(!first.contains(id(0)) && second.contains(id(0)));
    other.settle();
    assert_eq!((second.len(), reserved(&first)), (0, 0));
}

#[tokio::test]
async fn permits_are_merged_by_partition() {
    let [first, second] = windows(10, 2).try_into().unwrap();
    let mut permits = Vec::new();
    for (window, entry) in [(&second, 3), (&first, 1), (&second, 4), (&first, 2)] {
        permits.push(window.reserve(NonZeroUsize::MIN).await.fill(vec![id(entry)]));
    }
    let merged: Vec<_> = InFlightPermit::merge(permits).collect();
    let seen: Vec<_> = merged.iter().map(|permit| (permit.partition(), permit.ids())).collect();
    let expected = [([id(1), id(2)], 0), ([id(3), id(4)], 1)];
    let expected = expected
        .each_ref()
        .map(|(ids, partition)| (Partition::Numbered(*partition), ids.as_slice()));
    assert_eq!(seen, expected);
    assert!(!first.take_abandoned() && !second.take_abandoned());
}

#[tokio::test]
async fn reads_of_idle_partitions_leave_permits_to_a_busy_one() {
    let windows = windows(16, 4);
    let mut blocked = Vec::new();
    for idle in &windows[1..] {
        blocked.push(idle.reserve_for_read(0, TEN).await);
    }
    assert!(blocked.iter().all(|read| read.capacity() == 1));
    // Three quarters of the limit are for reads.
    assert_eq!(windows[0].reserve_for_read(8, TEN).await.capacity(), 9);
}

#[tokio::test]
async fn a_read_of_several_partitions_grows_with_what_the_last_one_has_returned() {
    let windows = windows(16, 2);
    for (recent, reserved) in [(0, 1), (1, 2), (2, 4), (5, 10), (6, 10)] {
        assert_eq!(windows[0].reserve_for_read(recent, TEN).await.capacity(), reserved);
    }
}

#[tokio::test]
async fn entries_of_one_partition_that_cannot_be_finished_keep_no_other_from_being_read() {
    let [stuck, other] = windows(16, 2).try_into().unwrap();
    let all = NonZeroUsize::new(16).unwrap();
    let _in_flight = stuck.reserve(all).await.fill(ids(0..16));
    assert_eq!(other.reserve_for_read(10, TEN).await.capacity(), 6);
    assert_eq!(other.reserve(TEN).await.capacity(), 8);
}

#[tokio::test]
async fn each_partition_can_claim_beside_a_read_that_blocks_also_with_more_partitions_than_permits()
{
    let windows = windows(8, 20);
    let mut blocked = Vec::new();
    for window in &windows {
        blocked.push(window.reserve_for_read(0, TEN).await);
    }
    for window in &windows {
        assert_eq!(window.reserve(TEN).await.capacity(), 1);
    }
}

#[tokio::test]
async fn large_entries_of_many_partitions_wait_for_each_other() {
    let windows = windows(16, 4);
    windows[0].record_entry_size(1, 8 * 1024 * 1024);
    let permit = windows[0].reserve(TEN).await.fill(ids(0..2));
    let waiting = windows[1].reserve_for_read(0, TEN);
    tokio::pin!(waiting);
    assert!(futures_util::poll!(&mut waiting).is_pending());
    permit.settle();
    assert_eq!(waiting.await.capacity(), 1);
}

#[tokio::test]
async fn the_share_of_a_partition_that_has_retired_is_that_of_the_others() {
    let [first, retired] = windows(16, 2).try_into().unwrap();
    retired.retire();
    assert_eq!(first.reserve_for_read(0, TEN).await.capacity(), 10);
}
