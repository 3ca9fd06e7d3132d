//! What this process has been delivered, to notice when the past repeats itself.
//!
//! A group that was made anew or set back delivers entries again that were dealt with before. Storing
//! one again changes nothing; but burying one again would leave two letters, and storing one that was
//! buried would make it both.

use std::sync::{Mutex, MutexGuard, PoisonError};

use readings::store::StreamId;
use readings::store::stream::Delivery;

/// The newest entries that were seen.
#[derive(Debug, Default)]
pub(crate) struct History(Mutex<Marks>);

#[derive(Debug, Default)]
struct Marks {
    newest: StreamId,
    repeated_through: StreamId,
}

impl History {
    /// Notes entries that were delivered as new.
    pub fn note(&self, delivery: &Delivery) {
        let (Some(oldest), Some(newest)) = (delivery.ids().min(), delivery.ids().max()) else {
            return;
        };
        let mut marks = self.marks();
        if oldest <= marks.newest {
            marks.repeated_through = marks.newest;
        }
        marks.newest = marks.newest.max(newest);
    }

    /// Whether an entry may have been dealt with before.
    pub fn may_repeat(&self, id: StreamId) -> bool {
        id <= self.marks().repeated_through
    }

    fn marks(&self) -> MutexGuard<'_, Marks> {
        // Each mark is whole, also when a thread panicked between them.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(ms: u64) -> StreamId {
        StreamId { ms, seq: 0 }
    }

    fn delivery(ids: impl IntoIterator<Item = u64>) -> Delivery {
        Delivery { bodiless: ids.into_iter().map(id).collect(), ..Delivery::default() }
    }

    #[test]
    fn entries_that_come_in_order_do_not_repeat() {
        let history = History::default();
        for first in [1, 11, 21] {
            history.note(&delivery(first..first + 10));
            assert!(!history.may_repeat(id(first)));
        }
    }

    #[test]
    fn once_an_entry_comes_back_all_up_to_the_newest_may() {
        let history = History::default();
        history.note(&delivery(1..=10));
        history.note(&delivery([4]));
        assert!(history.may_repeat(id(4)) && history.may_repeat(id(10)));
        history.note(&delivery([11]));
        assert!(!history.may_repeat(id(11)));
    }
}
