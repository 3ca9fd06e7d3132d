use super::*;

fn id(ms: u64) -> StreamId {
    StreamId { ms, seq: 0 }
}

/// A group that was delivered the entries up to an id, of which the server reports so much.
fn group(delivered: u64, read: u64, reported_lag: Option<i64>) -> GroupStatus {
    let (last_delivered_id, entries_read) = (id(delivered), Some(read));
    GroupStatus { reported_lag, entries_read, last_delivered_id, ..GroupStatus::default() }
}

/// A look at a stream whose entries have the ids from 1 on, the first of which were trimmed.
fn look(first: u64, end: u64, from: u64, most: u64, group: GroupStatus) -> Look {
    let last = end.min(from + most);
    let delivered = group.last_delivered_id.ms;
    Look {
        length: end + 1 - first,
        group,
        counted: Some(last - from),
        last: id(last),
        all: end - from < most,
        below: end - from < most || delivered >= first,
        ..Look::default()
    }
}

fn exactly(entries: u64) -> Unread {
    Unread { entries, is_exact: true }
}

fn at_least(entries: u64) -> Unread {
    Unread { entries, is_exact: false }
}

#[test]
fn what_was_counted_to_the_end_is_the_number_whatever_the_server_reports() {
    for reported in [Some(2_900), Some(0), Some(-4), None] {
        let mut tally = Tally::default();
        let unread = tally.judge(&look(1, 100, 90, 50, group(90, 90, reported)));
        assert_eq!(unread, exactly(10), "{reported:?}");
        let unread = tally.judge(&look(1, 100, 100, 50, group(100, 100, reported)));
        assert_eq!(unread, exactly(0), "{reported:?}");
    }
}

#[test]
fn where_nothing_that_was_delivered_is_left_all_there_is_is_unread() {
    let mut tally = Tally::default();
    assert_eq!(tally.judge(&look(5_001, 9_000, 500, 50, group(500, 500, None))), exactly(4_000));
    let empty = Look { length: 0, ..look(1, 100, 10, 50, group(10, 10, Some(8))) };
    assert_eq!(tally.judge(&empty), exactly(0));
}

#[test]
fn once_the_servers_error_is_known_it_is_taken_off_larger_numbers() {
    let mut tally = Tally::default();
    tally.judge(&look(1, 100, 100, 50, group(100, 100, Some(2_900))));
    assert_eq!(tally.judge(&look(1, 1_100, 100, 50, group(100, 100, Some(3_900)))), exactly(1_000));
    let mut too_low = Tally::default();
    too_low.judge(&look(1, 100, 60, 50, group(60, 100, Some(0))));
    assert_eq!(too_low.judge(&look(1, 1_100, 60, 50, group(60, 100, Some(1_000)))), exactly(1_040));
}

#[test]
fn a_number_is_never_below_what_was_counted_nor_above_what_there_is() {
    let mut tally = Tally::Error(0);
    let phantom = group(10, 10, Some(1_000_000));
    assert_eq!(tally.judge(&look(1, 100, 10, 50, phantom)), exactly(100));
    let none = group(10, 10, Some(-7));
    assert_eq!(tally.judge(&look(1, 100, 10, 50, none)), exactly(50));
}

#[test]
fn an_unknown_backlog_is_counted_look_by_look_and_bounded_until_it_is_known() {
    let mut tally = Tally::default();
    let server = || group(10, 10, Some(777));
    assert_eq!(tally.judge(&look(1, 200, 10, 80, server())), at_least(80));
    assert_eq!(tally.counts_on_from(), Some(id(90)));
    assert_eq!(tally.judge(&look(1, 200, 90, 80, server())), at_least(160));
    assert_eq!(tally.judge(&look(1, 200, 170, 80, server())), exactly(190));
    assert_eq!(tally.counts_on_from(), None);
    assert_eq!(tally.judge(&look(1, 300, 10, 80, group(10, 10, Some(877)))), exactly(290));
}

#[test]
fn what_is_delivered_during_the_count_is_taken_off_it() {
    let mut tally = Tally::default();
    tally.judge(&look(1, 200, 10, 80, group(10, 1_010, None)));
    let meanwhile = group(40, 1_040, None);
    assert_eq!(tally.judge(&look(1, 200, 90, 80, meanwhile)), at_least(130));
    let meanwhile = group(60, 1_060, Some(500));
    assert_eq!(tally.judge(&look(1, 200, 170, 80, meanwhile)), exactly(140));
}

#[test]
fn a_count_that_deliveries_overtook_or_whose_group_was_set_back_begins_anew() {
    for now in [group(95, 1_095, None), group(5, 1_095, None)] {
        let mut tally = Tally::default();
        tally.judge(&look(1, 200, 10, 80, group(10, 1_010, None)));
        assert_eq!(tally.judge(&look(1, 200, 90, 80, now)), at_least(0));
        assert_eq!(tally.counts_on_from(), None);
    }
}

#[test]
fn without_a_lag_the_count_goes_on_at_its_end() {
    let mut tally = Tally::default();
    tally.judge(&look(1, 200, 10, 80, group(10, 10, None)));
    tally.judge(&look(1, 200, 90, 80, group(10, 10, None)));
    assert_eq!(tally.judge(&look(1, 200, 170, 80, group(10, 10, None))), exactly(190));
    assert_eq!(tally.judge(&look(1, 220, 200, 80, group(10, 10, None))), exactly(210));
}

#[test]
fn who_may_not_read_entries_knows_when_there_are_none_and_bounds_the_rest() {
    let uncounted = |all, reported| Look {
        counted: None,
        all,
        below: true,
        ..look(1, 100, 90, 50, group(90, 90, reported))
    };
    let mut tally = Tally::default();
    assert_eq!(tally.judge(&uncounted(false, Some(2_910))), at_least(100));
    assert_eq!(tally.judge(&uncounted(true, Some(2_900))), exactly(0));
    assert_eq!(tally.judge(&uncounted(false, Some(2_910))), exactly(10));
}
