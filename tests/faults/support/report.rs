//! The findings of the checker.

use std::collections::BTreeSet;
use std::fmt;

/// Bound on the examples shown of a violated invariant.
const EXAMPLES: usize = 5;

/// What must hold whatever breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Invariant {
    /// I1: an accepted reading is stored, or a dead letter.
    NoLoss,
    /// I2: what is stored was sent, was not rejected, and equals what was sent.
    NoInvention,
    /// I3: a reading is stored once, and a key stands for one entry.
    NoTwice,
    /// I4: nothing is both stored and a dead letter, and only poison is a dead letter, once.
    NotDeadAndStored,
    /// I5: everything is delivered and acknowledged in time.
    WorkedOff,
    /// I5: the group's consumers are running processes.
    LiveConsumers,
    /// I6: nothing was trimmed that was unread or pending.
    NothingTrimmedUnread,
    /// I7: a packed day is what its header says; after packing has ended, a reading is in one tier.
    TiersFit,
}

/// A violation of an invariant.
#[derive(Debug, Clone)]
pub struct Violation {
    pub invariant: Invariant,
    pub what: String,
}

/// The outcome of everything in a ledger.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Readings with a 201 response.
    pub accepted: usize,
    /// Readings that were not written, by the response.
    pub refused: usize,
    /// Readings whose outcome is unknown to the sender.
    pub unknown: usize,
    /// Of those, the stored ones.
    pub unknown_stored: usize,
    /// Poison entries that were added by hand.
    pub poison: usize,
    /// Members of all tiers.
    pub stored: usize,
    /// Of these, the packed ones.
    pub packed: usize,
    /// Of these, the archived ones.
    pub archived: usize,
    /// Entries of the dead-letter stream.
    pub dead: usize,
    /// Entries of the stream.
    pub stream: usize,
    /// Accepted readings that are neither stored nor dead letters, by id.
    pub lost: Vec<String>,
    /// Accepted readings that Redis itself lost when it was killed.
    pub lost_by_redis: usize,
    /// Readings that are stored more than once.
    pub twice: Vec<String>,
    /// All violations, `lost` and `twice` included.
    pub violations: Vec<Violation>,
}

impl Report {
    pub(super) fn add(&mut self, invariant: Invariant, what: impl Into<String>) {
        self.violations.push(Violation { invariant, what: what.into() });
    }

    /// The violated invariants.
    pub fn broken(&self) -> BTreeSet<Invariant> {
        self.violations.iter().map(|violation| violation.invariant).collect()
    }

    /// Fails the test unless all invariants hold and at least one reading was accepted.
    #[track_caller]
    pub fn assert_invariants_hold(&self) {
        assert!(self.violations.is_empty(), "the promise is broken:\n{self}");
        assert!(self.accepted > 0, "nothing was accepted:\n{self}");
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { accepted, refused, unknown, unknown_stored, poison, stored, dead, .. } = self;
        writeln!(f, "accepted {accepted}, refused {refused}, unknown {unknown}, poison {poison}")?;
        writeln!(
            f,
            "stored {stored} ({unknown_stored} of the unknown; {} packed, {} archived), dead {dead}, in the stream {}",
            self.packed, self.archived, self.stream
        )?;
        let by_redis = self.lost_by_redis;
        let (lost, twice) = (self.lost.len(), self.twice.len());
        write!(f, "lost {lost} (and {by_redis} by Redis itself), twice {twice}")?;
        for invariant in self.broken() {
            let of_it = self.violations.iter().filter(|found| found.invariant == invariant);
            write!(f, "\nBROKEN {invariant:?}, {} times", of_it.clone().count())?;
            for Violation { what, .. } in of_it.take(EXAMPLES) {
                write!(f, "\n  {what}")?;
            }
        }
        Ok(())
    }
}
