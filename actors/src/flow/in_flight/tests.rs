use std::panic::{AssertUnwindSafe, catch_unwind};

use super::*;

fn id(ms: u64) -> StreamId {
    StreamId { ms, seq: 0 }
}

fn ids(numbers: std::ops::Range<u64>) -> Vec<StreamId> {
    numbers.map(id).collect()
}

/// Below the floor of [`InFlightLimit`], so that the limit stays what it is.
fn window(ceiling: usize) -> InFlightWindow {
    InFlightWindow::new(NonZeroUsize::new(ceiling).unwrap())
}

fn reserved(window: &InFlightWindow) -> usize {
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
    let read = window.reserve_for_read(TEN).await;
    let claim = window.reserve(TEN).await;
    assert_eq!((read.capacity(), claim.capacity()), (8, 2));
    let first = window.reserve(TEN);
    let second = window.reserve_for_read(TEN);
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
