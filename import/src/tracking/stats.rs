//! What an import did, in numbers.

use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::tracking::row_outcome::Outcome;

/// Counts rows while they are sent.
#[derive(Debug)]
pub struct Counter {
    began: Instant,
    accepted: AtomicU64,
    replayed: AtomicU64,
    rejected: AtomicU64,
    failed: AtomicU64,
    unknown: AtomicU64,
    last_line: AtomicU64,
    first_open_line: AtomicU64,
}

/// No line.
const NONE: u64 = u64::MAX;

/// Numbers of rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// The service has them.
    pub accepted: u64,
    /// Of those that were accepted: the service had them before.
    pub replayed: u64,
    /// They are no readings.
    pub rejected: u64,
    /// The service did not take them.
    pub failed: u64,
    /// The service may have them.
    pub unknown: u64,
    /// The last line of the file that was dealt with.
    pub last_line: u64,
    /// The first line whose row is neither accepted nor rejected.
    pub first_open_line: Option<u64>,
    /// Time since the beginning.
    pub elapsed: Duration,
}

impl Counter {
    /// Begins to count now.
    pub fn start() -> Self {
        Self {
            began: Instant::now(),
            accepted: AtomicU64::new(0),
            replayed: AtomicU64::new(0),
            rejected: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            unknown: AtomicU64::new(0),
            last_line: AtomicU64::new(0),
            first_open_line: AtomicU64::new(NONE),
        }
    }

    /// Counts a row as accepted that begins on this line.
    pub fn accepted(&self, line: u64, is_replayed: bool) {
        self.accepted.fetch_add(1, Ordering::Relaxed);
        self.replayed.fetch_add(is_replayed.into(), Ordering::Relaxed);
        self.last_line.fetch_max(line, Ordering::Relaxed);
    }

    /// Counts a row as not accepted that begins on this line.
    pub fn refused(&self, line: u64, outcome: Outcome) {
        let count = match outcome {
            Outcome::Rejected => &self.rejected,
            Outcome::Failed => &self.failed,
            Outcome::Unknown => &self.unknown,
        };
        count.fetch_add(1, Ordering::Relaxed);
        self.last_line.fetch_max(line, Ordering::Relaxed);
        if outcome != Outcome::Rejected {
            self.first_open_line.fetch_min(line, Ordering::Relaxed);
        }
    }

    /// A row was not sent, and counts as if it had not been read.
    pub fn not_sent(&self, line: u64) {
        self.first_open_line.fetch_min(line, Ordering::Relaxed);
    }

    /// The numbers now.
    pub fn counts(&self) -> Counts {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Counts {
            accepted: of(&self.accepted),
            replayed: of(&self.replayed),
            rejected: of(&self.rejected),
            failed: of(&self.failed),
            unknown: of(&self.unknown),
            last_line: of(&self.last_line),
            first_open_line: Some(of(&self.first_open_line)).filter(|line| *line != NONE),
            elapsed: self.began.elapsed(),
        }
    }
}

impl Counts {
    /// All rows.
    pub const fn rows(&self) -> u64 {
        self.accepted + self.rejected + self.failed + self.unknown
    }

    /// Rows per second since an earlier count.
    #[allow(clippy::cast_precision_loss)] // exact up to 2^53 rows
    pub fn rate_since(&self, earlier: &Self) -> f64 {
        let seconds = self.elapsed.saturating_sub(earlier.elapsed).as_secs_f64();
        let rows = self.rows().saturating_sub(earlier.rows());
        if seconds > 0.0 { rows as f64 / seconds } else { 0.0 }
    }
}

/// The numbers at the end, one a line: a name, white space, the number.
#[derive(Debug)]
pub struct Summary {
    /// The numbers.
    pub counts: Counts,
    /// Where rows are that were not accepted.
    pub rejects: Option<PathBuf>,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = &self.counts;
        writeln!(f, "rows      {}", counts.rows())?;
        writeln!(f, "accepted  {}", counts.accepted)?;
        writeln!(f, "replayed  {}", counts.replayed)?;
        writeln!(f, "rejected  {}", counts.rejected)?;
        writeln!(f, "failed    {}", counts.failed)?;
        writeln!(f, "unknown   {}", counts.unknown)?;
        writeln!(f, "seconds   {:.1}", counts.elapsed.as_secs_f64())?;
        write!(f, "rows/s    {:.0}", counts.rate_since(&Counts::default()))?;
        match &self.rejects {
            Some(file) => write!(f, "\nrejects   {}", file.display()),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_has_a_number_a_line() {
        let counts = Counts {
            accepted: 70_070,
            replayed: 70,
            rejected: 7,
            failed: 2,
            unknown: 1,
            elapsed: Duration::from_millis(10_040),
            ..Counts::default()
        };
        let summary = Summary { counts, rejects: Some(PathBuf::from("no.ndjson")) };
        assert_eq!(
            summary.to_string(),
            "rows      70080\naccepted  70070\nreplayed  70\nrejected  7\nfailed    2\nunknown   1\n\
             seconds   10.0\nrows/s    6980\nrejects   no.ndjson"
        );
    }

    #[test]
    fn nothing_at_all_has_no_rate() {
        let nothing = Counts::default();
        assert_eq!(
            Summary { counts: nothing, rejects: None }.to_string().lines().last(),
            Some("rows/s    0")
        );
    }
}
