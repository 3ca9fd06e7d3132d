use super::*;

fn id(ms: u64) -> StreamId {
    StreamId { ms, seq: 0 }
}

/// A group that was delivered the entries up to an id, with the counts that the server reports.
fn group(delivered: u64, read: u64, reported_lag: Option<i64>) -> GroupInfo {
    let (last_delivered_id, entries_read) = (id(delivered), Some(read));
    GroupInfo { reported_lag, entries_read, last_delivered_id, ..GroupInfo::default() }
}

/// A sample of a stream whose entries have the ids from 1 on; those below `first` were trimmed.
fn sample(first: u64, end: u64, from: u64, most: u64, group: GroupInfo) -> GroupSample {
    let last = end.min(from + most);
    let delivered = group.last_delivered_id.ms;
    GroupSample {
        length: end + 1 - first,
        group,
        counted: Some(last - from),
        counted_after: id(from),
        last_counted: id(last),
        is_complete: end - from < most,
        has_delivered: end - from < most || delivered >= first,
        ..GroupSample::default()
    }
}

fn exactly(entries: u64) -> Unread {
    Unread { entries, is_exact: true }
}

fn at_least(entries: u64) -> Unread {
    Unread { entries, is_exact: false }
}

#[test]
fn a_complete_count_is_exact_whatever_the_server_reports() {
    for reported in [Some(2_900), Some(0), Some(-4), None] {
        let mut tracker = UnreadTracker::default();
        let unread = tracker.update(&sample(1, 100, 90, 50, group(90, 90, reported)));
        assert_eq!(unread, exactly(10), "{reported:?}");
        let unread = tracker.update(&sample(1, 100, 100, 50, group(100, 100, reported)));
        assert_eq!(unread, exactly(0), "{reported:?}");
    }
}

#[test]
fn without_delivered_entries_the_whole_stream_is_unread() {
    let mut tracker = UnreadTracker::default();
    assert_eq!(
        tracker.update(&sample(5_001, 9_000, 500, 50, group(500, 500, None))),
        exactly(4_000)
    );
    let empty = GroupSample { length: 0, ..sample(1, 100, 10, 50, group(10, 10, Some(8))) };
    assert_eq!(tracker.update(&empty), exactly(0));
}

#[test]
fn a_known_error_of_the_lag_is_subtracted() {
    let mut tracker = UnreadTracker::default();
    tracker.update(&sample(1, 100, 100, 50, group(100, 100, Some(2_900))));
    assert_eq!(
        tracker.update(&sample(1, 1_100, 100, 50, group(100, 100, Some(3_900)))),
        exactly(1_000)
    );
    let mut too_low = UnreadTracker::default();
    too_low.update(&sample(1, 100, 60, 50, group(60, 100, Some(0))));
    assert_eq!(
        too_low.update(&sample(1, 1_100, 60, 50, group(60, 100, Some(1_000)))),
        exactly(1_040)
    );
}

#[test]
fn a_corrected_lag_is_never_below_the_count_nor_above_the_length() {
    let mut tracker = UnreadTracker::LagError(0);
    let phantom = group(10, 10, Some(1_000_000));
    assert_eq!(tracker.update(&sample(1, 100, 10, 50, phantom)), exactly(100));
    let none = group(10, 10, Some(-7));
    assert_eq!(tracker.update(&sample(1, 100, 10, 50, none)), exactly(50));
}

#[test]
fn an_unknown_backlog_is_counted_sample_by_sample_and_bounded_until_it_is_known() {
    let mut tracker = UnreadTracker::default();
    let server = || group(10, 10, Some(777));
    assert_eq!(tracker.update(&sample(1, 200, 10, 80, server())), at_least(80));
    assert_eq!(tracker.continues_after(), Some(id(90)));
    assert_eq!(tracker.update(&sample(1, 200, 90, 80, server())), at_least(160));
    assert_eq!(tracker.update(&sample(1, 200, 170, 80, server())), exactly(190));
    assert_eq!(tracker.continues_after(), None);
    assert_eq!(tracker.update(&sample(1, 300, 10, 80, group(10, 10, Some(877)))), exactly(290));
}

#[test]
fn entries_delivered_during_the_count_are_subtracted() {
    let mut tracker = UnreadTracker::default();
    tracker.update(&sample(1, 200, 10, 80, group(10, 1_010, None)));
    let meanwhile = group(40, 1_040, None);
    assert_eq!(tracker.update(&sample(1, 200, 90, 80, meanwhile)), at_least(130));
    let meanwhile = group(60, 1_060, Some(500));
    assert_eq!(tracker.update(&sample(1, 200, 170, 80, meanwhile)), exactly(140));
}

#[test]
fn a_count_that_deliveries_overtook_or_whose_group_was_rewound_begins_again() {
    for now in [group(95, 1_095, None), group(5, 1_095, None)] {
        let mut tracker = UnreadTracker::default();
        tracker.update(&sample(1, 200, 10, 80, group(10, 1_010, None)));
        assert_eq!(tracker.update(&sample(1, 200, 90, 80, now)), at_least(0));
        assert_eq!(tracker.continues_after(), None);
    }
}

#[test]
fn without_a_lag_the_count_continues_at_its_end() {
    let mut tracker = UnreadTracker::default();
    tracker.update(&sample(1, 200, 10, 80, group(10, 10, None)));
    tracker.update(&sample(1, 200, 90, 80, group(10, 10, None)));
    assert_eq!(tracker.update(&sample(1, 200, 170, 80, group(10, 10, None))), exactly(190));
    assert_eq!(tracker.update(&sample(1, 220, 200, 80, group(10, 10, None))), exactly(210));
}

#[test]
fn entries_that_two_concurrent_samples_counted_are_counted_once() {
    let mut tracker = UnreadTracker::default();
    let server = || group(10, 10, Some(777));
    for from in [10, 90] {
        let counted = at_least(from + 70);
        assert_eq!(tracker.update(&sample(1, 200, from, 80, server())), counted);
        assert_eq!(tracker.update(&sample(1, 200, from, 80, server())), counted);
    }
    assert_eq!(tracker.update(&sample(1, 200, 170, 80, server())), exactly(190));
    assert_eq!(tracker.update(&sample(1, 200, 170, 80, server())), exactly(190));
}

#[test]
fn a_sample_from_before_the_count_began_again_adds_nothing() {
    let mut tracker = UnreadTracker::default();
    let server = || group(10, 10, None);
    tracker.update(&sample(1, 200, 10, 80, server()));
    assert_eq!(tracker.update(&sample(1, 200, 90, 80, group(150, 150, None))), at_least(0));
    assert_eq!(tracker.update(&sample(1, 200, 90, 80, server())), at_least(0));
    assert_eq!(tracker.update(&sample(1, 200, 10, 80, server())), at_least(80));
}

#[test]
fn without_permission_to_read_entries_only_an_empty_backlog_is_exact() {
    let uncounted = |is_complete, reported| GroupSample {
        counted: None,
        is_complete,
        has_delivered: true,
        ..sample(1, 100, 90, 50, group(90, 90, reported))
    };
    let mut tracker = UnreadTracker::default();
    assert_eq!(tracker.update(&uncounted(false, Some(2_910))), at_least(100));
    assert_eq!(tracker.update(&uncounted(true, Some(2_900))), exactly(0));
    assert_eq!(tracker.update(&uncounted(false, Some(2_910))), exactly(10));
}
