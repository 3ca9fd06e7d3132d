//! A range of scores.

use crate::energy::rollup::Day;
use crate::store::series::selection::Order;

/// From a score (included) until another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::store::series) struct Scores {
    pub low: f64,
    pub high: f64,
    pub includes_high: bool,
}

impl Scores {
    /// All scores.
    pub const ALL: Self = Self { low: f64::NEG_INFINITY, high: f64::INFINITY, includes_high: true };

    /// From a score on until just before another.
    pub const fn until(low: f64, high: f64) -> Self {
        Self { low, high, includes_high: false }
    }

    /// Those of the instants of a UTC day.
    pub fn of_day(day: Day) -> Self {
        Self::until(day.start().epoch_seconds(), day.next().start().epoch_seconds())
    }

    pub fn is_empty(self) -> bool {
        self.low > self.high || (self.low >= self.high && !self.includes_high)
    }

    pub fn contains(self, score: f64) -> bool {
        self.low <= score && (score < self.high || (self.includes_high && score <= self.high))
    }

    /// Those that are in both.
    pub fn and(self, other: Self) -> Self {
        let low = self.low.max(other.low);
        if self.high < other.high {
            Self { low, ..self }
        } else if other.high < self.high {
            Self { low, ..other }
        } else {
            Self { low, includes_high: self.includes_high && other.includes_high, ..self }
        }
    }

    /// Those up to the end of others, in this order.
    pub fn through(self, others: Self, order: Order) -> Self {
        match order {
            Order::Ascending => self.and(Self::until(f64::NEG_INFINITY, others.high)),
            Order::Descending => Self { low: self.low.max(others.low), ..self },
        }
    }

    /// Those that follow others of them in this order; `None` when there are none.
    pub fn after(self, others: Self, order: Order) -> Option<Self> {
        let rest = match order {
            Order::Ascending if others.includes_high && others.high >= self.high => return None,
            Order::Ascending => Self { low: others.high, ..self },
            Order::Descending => Self::until(self.low, others.low),
        };
        (!rest.is_empty()).then_some(rest)
    }

    /// Those that precede others in this order.
    pub fn before(self, other: Self, order: Order) -> Self {
        match order {
            Order::Ascending => self.and(Self::until(f64::NEG_INFINITY, other.low)),
            Order::Descending => Self { low: self.low.max(other.high), ..self },
        }
    }

    /// Those from a score on, in this order.
    pub fn from(self, score: f64, order: Order) -> Self {
        match order {
            Order::Ascending => Self { low: self.low.max(score), ..self },
            Order::Descending => {
                self.and(Self { low: f64::NEG_INFINITY, high: score, includes_high: true })
            }
        }
    }

    /// The days that they may be of; those of rounded scores among them.
    pub fn days(self) -> [Day; 2] {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "saturates, and no calendar has such days"
        )]
        let day = |score: f64| (score / 86_400.0).floor() as i32;
        let [first, last] = [day(self.low).saturating_sub(1), day(self.high).saturating_add(1)];
        // Also of an empty range.
        [first, last.max(first)].map(Day::from_number)
    }

    /// Where they begin and end in this order, as arguments of `ZRANGE … BYSCORE`.
    pub fn arguments(self, order: Order) -> [String; 2] {
        let excluded = if self.includes_high { "" } else { "(" };
        let [low, high] = [self.low.to_string(), format!("{excluded}{}", self.high)];
        if order == Order::Ascending { [low, high] } else { [high, low] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_divided_without_a_gap_in_both_orders() {
        let (all, day) = (Scores::until(1.0, 9.0), Scores::until(3.0, 5.0));
        assert_eq!(all.before(day, Order::Ascending), Scores::until(1.0, 3.0));
        assert_eq!(all.after(day, Order::Ascending), Some(Scores::until(5.0, 9.0)));
        assert_eq!(all.before(day, Order::Descending), Scores::until(5.0, 9.0));
        assert_eq!(all.after(day, Order::Descending), Some(Scores::until(1.0, 3.0)));
        for order in [Order::Ascending, Order::Descending] {
            assert_eq!(Scores::ALL.after(Scores::ALL, order), None);
            assert_eq!(all.after(all, order), None);
        }
    }

    #[test]
    fn the_days_of_a_range_have_all_its_scores() {
        for number in [-25_567, 0, 19_737, 84_005] {
            let day = Day::from_number(number);
            let scores = Scores::of_day(day);
            let [first, last] = Scores { high: scores.low, includes_high: true, ..scores }.days();
            assert!(first <= day && day <= last);
            let end = scores.high.next_down();
            let [first, last] = Scores { low: end, high: end, includes_high: true }.days();
            assert!(first <= day && day <= last);
        }
        let [first, last] = Scores::ALL.days();
        assert_eq!((first.number(), last.number()), (i32::MIN, i32::MAX));
    }
}
