use std::panic::{AssertUnwindSafe, catch_unwind};

use super::*;

fn ids(numbers: std::ops::Range<u64>) -> Vec<StreamId> {
    numbers.map(|ms| StreamId { ms, seq: 0 }).collect()
}

/// Below the floor of [`WindowSize`], so that the size stays what it is.
fn window(ceiling: usize) -> InFlightWindow {
    InFlightWindow::new(NonZeroUsize::new(ceiling).unwrap())
}

fn taken(window: &InFlightWindow) -> usize {
    window.state().taken
}

const TEN: NonZeroUsize = NonZeroUsize::new(10).unwrap();

#[tokio::test]
async fn a_source_gets_the_room_there_is_and_gives_back_what_it_does_not_fill() {
    let window = window(15);
    let first = window.reserve(TEN).await;
    let second = window.reserve(TEN).await;
    assert_eq!((first.room(), second.room()), (10, 5));
    let permit = first.admit(ids(0..3));
    assert_eq!((window.len(), taken(&window)), (3, 8));
    drop(second);
    permit.settle();
    assert_eq!((window.len(), taken(&window)), (0, 0));
}

#[tokio::test]
async fn a_source_waits_for_room() {
    let window = window(10);
    let permit = window.reserve(TEN).await.admit(ids(0..10));
    let waiting = window.reserve(TEN);
    tokio::pin!(waiting);
    assert!(futures_util::poll!(&mut waiting).is_pending());
    permit.settle();
    assert_eq!(waiting.await.room(), 10);
}

#[tokio::test]
async fn a_read_leaves_some_room_for_claims_and_sources_take_turns() {
    let window = window(10);
    let read = window.reserve_a_part(TEN).await;
    let claimed = window.reserve(TEN).await;
    assert_eq!((read.room(), claimed.room()), (8, 2));
    let (first, second) = (window.reserve(TEN), window.reserve_a_part(TEN));
    tokio::pin!(first, second);
    assert!(futures_util::poll!(&mut first).is_pending());
    drop((read, claimed));
    assert!(futures_util::poll!(&mut second).is_pending(), "the other was there before");
    assert_eq!(first.await.room(), 10);
}

#[tokio::test]
async fn settled_entries_are_not_abandoned_and_dropped_ones_are() {
    let window = window(10);
    window.reserve(TEN).await.admit(ids(0..2)).settle();
    assert!(!window.take_abandoned());
    drop(window.reserve(TEN).await.admit(ids(0..2)));
    assert!(window.take_abandoned());
    assert!(!window.take_abandoned(), "once is enough");
    assert_eq!(taken(&window), 0);
}

#[tokio::test]
async fn a_partitioned_permit_comes_back_part_by_part() {
    let window = window(10);
    let permit = window.reserve(TEN).await.admit(ids(0..5));
    let mut parts = permit.partition([ids(0..2), ids(2..5)]);
    assert!(!window.take_abandoned(), "handing over is not dropping");
    parts.remove(0).settle();
    assert!(!window.contains(StreamId { ms: 1, seq: 0 }));
    assert!(window.contains(StreamId { ms: 2, seq: 0 }));
    assert_eq!(taken(&window), 3);
}

#[tokio::test]
async fn only_what_a_panic_had_in_hand_has_failed() {
    let window = window(10);
    let permit = window.reserve(TEN).await.admit(ids(0..2));
    let [in_hand, queued] = permit.partition([ids(0..1), ids(1..2)]).try_into().unwrap();
    let panicking = AssertUnwindSafe(move || {
        let _dropped_by_the_panic = (in_hand.taken_in_hand(), queued);
        panic!("on purpose");
    });
    catch_unwind(panicking).unwrap_err();
    let failures = |ms| window.failures(StreamId { ms, seq: 0 });
    assert_eq!((failures(0), failures(1)), (1, 0));
    window.reserve(TEN).await.admit(ids(0..1)).settle();
    assert_eq!(failures(0), 0, "forgotten once it worked");
}
