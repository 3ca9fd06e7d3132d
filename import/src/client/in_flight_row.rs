//! One row on its way, through all its tries.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use crate::client::response::{Answer, Trouble};
use crate::input::row::Row;
use crate::tracking::row_outcome::{Outcome, Refusal, Verdict};

/// A row, and what is known of it. (Shared by its tries, which are one after the other.)
pub struct Attempt<'a> {
    /// The row.
    pub row: &'a Row,
    retry_for: Duration,
    first_sent: OnceLock<Instant>,
    may_be_there: AtomicBool,
}

impl<'a> Attempt<'a> {
    /// Nothing has been sent yet; when it is, it is given up so long after.
    pub const fn new(row: &'a Row, retry_for: Duration) -> Self {
        let may_be_there = AtomicBool::new(false);
        Self { row, retry_for, first_sent: OnceLock::new(), may_be_there }
    }

    /// When it is given up.
    pub fn deadline(&self) -> Option<Instant> {
        Some(*self.first_sent.get()? + self.retry_for)
    }

    /// How long it may be tried again.
    pub fn time_left(&self) -> Duration {
        let left = |deadline: Instant| deadline.saturating_duration_since(Instant::now());
        self.deadline().map_or(self.retry_for, left)
    }

    /// It is sent.
    pub fn begins(&self) {
        self.first_sent.get_or_init(Instant::now);
    }

    /// It was not accepted, or not that it is known.
    pub fn failed(&self, trouble: &Trouble) {
        if trouble.may_be_there {
            self.may_be_there.store(true, Ordering::Relaxed);
        }
    }

    /// What became of it by an answer.
    pub fn verdict(&self, answer: Answer) -> Verdict {
        match answer {
            Answer::Accepted { is_replayed } => Verdict::Accepted { is_replayed },
            Answer::Rejected(refusal) => Verdict::Refused(refusal),
            Answer::Odd(oddity) => {
                self.refused(format!("http_{}", oddity.status.as_u16()), oddity.reason)
            }
        }
    }

    /// What became of it when no answer counts.
    pub fn given_up(&self, trouble: Trouble, is_end: bool) -> Verdict {
        if is_end && self.first_sent.get().is_none() {
            return Verdict::NotSent;
        }
        self.refused("unavailable".to_owned(), trouble.reason)
    }

    /// An earlier try may have succeeded, whatever became of the last.
    fn refused(&self, kind: String, reason: String) -> Verdict {
        Verdict::Refused(if self.may_be_there.load(Ordering::Relaxed) {
            Refusal::because(Outcome::Unknown, "outcome_unknown", reason)
        } else {
            Refusal::because(Outcome::Failed, kind, reason)
        })
    }
}
