//! What is read next of a range: a part of the sorted set, or days that have members outside of it.

use super::scores::Scores;
use crate::energy::rollup::Day;
use crate::store::packed::{DayHeader, SiteDays};
use crate::store::series::selection::Order;

/// Days that are read together at most, so that days of few members do not make a long script.
const MAX_DAYS: usize = 64;

/// Pages whose members are read together. Too low and a year takes many round trips, and of the archive many reads of the
/// same files; too high and a response holds more memory (20 bytes a member, of an archived one 200).
const PAGES: usize = 8;

/// The next part of a range.
#[derive(Debug)]
pub(super) enum Part {
    /// No day in it has members outside of the sorted set.
    Hot(Scores),
    /// These days have, in the order of the reader.
    Days(Vec<(Day, DayHeader)>),
}

/// The first part of what remains to be read; of about `wanted` members, if it is of days.
pub(super) fn next_part(days: &SiteDays, remaining: Scores, order: Order, wanted: usize) -> Part {
    let [first, last] = remaining.days();
    let days = days.between(first, last.next());
    let days = days.filter(|(day, _)| !Scores::of_day(*day).and(remaining).is_empty());
    match order {
        Order::Ascending => of(days, remaining, order, wanted),
        Order::Descending => of(days.rev(), remaining, order, wanted),
    }
}

fn of<'a>(
    days: impl Iterator<Item = (Day, &'a DayHeader)>,
    remaining: Scores,
    order: Order,
    wanted: usize,
) -> Part {
    let mut days = days.peekable();
    let Some((day, _)) = days.peek() else { return Part::Hot(remaining) };
    let before = remaining.before(Scores::of_day(*day), order);
    if !before.is_empty() {
        return Part::Hot(before);
    }
    let (wanted, mut members) = ((wanted * PAGES) as u64, 0);
    let group = days.take(MAX_DAYS).take_while(|(_, header)| {
        let is_wanted = members < wanted;
        members += header.members();
        is_wanted
    });
    Part::Days(group.map(|(day, header)| (day, header.clone())).collect())
}
