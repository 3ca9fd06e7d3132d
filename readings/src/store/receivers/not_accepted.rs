//! What a receiver did not accept, by name and reason: a bounded list for an operator.

/// Why a row was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// It is not a valid reading, or its site is not permitted.
    Rejected,
    /// No setting maps it to a reading.
    Unmapped,
}

impl Outcome {
    /// The name: a label of metrics, a member in Redis.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rejected => "rejected",
            Self::Unmapped => "unmapped",
        }
    }
}

/// Names that are kept of an outcome. Too low: an operator does not see what is missing. Too high: a sender that
/// chooses ever new names makes reports and responses large.
pub(super) const MAX_NAMES: usize = 16;

/// Characters of a name or a reason. Too low: topics and metric names are cut off. Too high: as above.
const MAX_CHARACTERS: usize = 120;

/// Rows that were not accepted for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Counted {
    pub outcome: Outcome,
    /// A topic, a metric, a field; empty where the receiver knows none.
    pub name: String,
    pub reason: String,
    pub rows: u64,
}

/// The names since the last report. Linear: they are few.
#[derive(Debug)]
pub(super) struct Names(Vec<Counted>);

impl Names {
    /// No names.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Counts rows by name and reason, the first [`MAX_NAMES`] of an outcome.
    pub fn add(&mut self, outcome: Outcome, name: &str, reason: &str, rows: u64) {
        let (name, reason) = (printable(name), printable(reason));
        let of_outcome = || self.0.iter().filter(|known| known.outcome == outcome);
        let is_full = of_outcome().count() >= MAX_NAMES;
        let mut known = self.0.iter_mut().filter(|known| known.outcome == outcome);
        match known.find(|known| known.name == name && known.reason == reason) {
            Some(known) => known.rows += rows,
            None if is_full => {}
            None => self.0.push(Counted { outcome, name, reason, rows }),
        }
    }

    /// The names, which are counted from 0 again.
    pub fn take(&mut self) -> Vec<Counted> {
        std::mem::take(&mut self.0)
    }
}

/// The beginning of a text that a sender chose, on one line.
fn printable(text: &str) -> String {
    let shown = |c: char| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c };
    let mut characters = text.chars().map(shown);
    let mut kept: String = characters.by_ref().take(MAX_CHARACTERS).collect();
    if characters.next().is_some() {
        kept.push('…');
    }
    kept
}
