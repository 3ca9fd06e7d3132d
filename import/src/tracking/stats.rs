//! Counts of rows by outcome.

use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::tracking::row_outcome::FailureKind;

/// Counts rows; shared by all workers.
#[derive(Debug)]
pub struct Stats {
    started: Instant,
    accepted: AtomicU64,
    replayed: AtomicU64,
    rejected: AtomicU64,
    failed: AtomicU64,
    unknown: AtomicU64,
    last_line: AtomicU64,
    first_unsettled_line: AtomicU64,
}

/// The value of `first_unsettled_line` while there is no such line.
const NO_LINE: u64 = u64::MAX;

/// The counts at one point in time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Accepted by the service.
    pub accepted: u64,
    /// Accepted rows of which an earlier request had been accepted.
    pub replayed: u64,
    /// Not valid readings.
    pub rejected: u64,
    /// Not accepted by the service.
    pub failed: u64,
    /// Perhaps accepted by the service.
    pub unknown: u64,
    /// The highest line (from 1) of a row with an outcome.
    pub last_line: u64,
    /// The lowest line of a row that is neither accepted nor rejected.
    pub first_unsettled_line: Option<u64>,
    /// Time since the start.
    pub elapsed: Duration,
}

impl Stats {
    /// All counts are 0; the clock starts.
    pub fn start() -> Self {
        Self {
            started: Instant::now(),
            accepted: AtomicU64::new(0),
            replayed: AtomicU64::new(0),
            rejected: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            unknown: AtomicU64::new(0),
            last_line: AtomicU64::new(0),
            first_unsettled_line: AtomicU64::new(NO_LINE),
        }
    }

    /// Counts an accepted row that starts on this line.
    pub fn accepted(&self, line: u64, is_replayed: bool) {
        self.accepted.fetch_add(1, Ordering::Relaxed);
        self.replayed.fetch_add(is_replayed.into(), Ordering::Relaxed);
        self.last_line.fetch_max(line, Ordering::Relaxed);
    }

    /// Counts a row that was not accepted and starts on this line.
    pub fn not_accepted(&self, line: u64, kind: FailureKind) {
        let count = match kind {
            FailureKind::Rejected => &self.rejected,
            FailureKind::Failed => &self.failed,
            FailureKind::Unknown => &self.unknown,
        };
        count.fetch_add(1, Ordering::Relaxed);
        self.last_line.fetch_max(line, Ordering::Relaxed);
        if kind != FailureKind::Rejected {
            self.first_unsettled_line.fetch_min(line, Ordering::Relaxed);
        }
    }

    /// Marks the line of a row that was not sent: an import that continues must start there or before.
    pub fn not_sent(&self, line: u64) {
        self.first_unsettled_line.fetch_min(line, Ordering::Relaxed);
    }

    /// The counts now.
    pub fn snapshot(&self) -> Snapshot {
        // Not one atomic step: rows may be counted between two loads, which only the display sees.
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Snapshot {
            accepted: load(&self.accepted),
            replayed: load(&self.replayed),
            rejected: load(&self.rejected),
            failed: load(&self.failed),
            unknown: load(&self.unknown),
            last_line: load(&self.last_line),
            first_unsettled_line: Some(load(&self.first_unsettled_line))
                .filter(|line| *line != NO_LINE),
            elapsed: self.started.elapsed(),
        }
    }
}

impl Snapshot {
    /// Rows with an outcome.
    pub const fn rows(&self) -> u64 {
        self.accepted + self.rejected + self.failed + self.unknown
    }

    /// Rows per second since an earlier snapshot.
    #[allow(clippy::cast_precision_loss)] // exact up to 2^53 rows
    pub fn rate_since(&self, earlier: &Self) -> f64 {
        let seconds = self.elapsed.saturating_sub(earlier.elapsed).as_secs_f64();
        let rows = self.rows().saturating_sub(earlier.rows());
        if seconds > 0.0 { rows as f64 / seconds } else { 0.0 }
    }
}

/// The summary: one count a line, as name, white space, number.
#[derive(Debug)]
pub struct Summary {
    /// The final counts.
    pub counts: Snapshot,
    /// The file of the rows that were not accepted.
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
        write!(f, "rows/s    {:.0}", counts.rate_since(&Snapshot::default()))?;
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
    fn the_summary_has_one_count_a_line() {
        let counts = Snapshot {
            accepted: 70_070,
            replayed: 70,
            rejected: 7,
            failed: 2,
            unknown: 1,
            elapsed: Duration::from_millis(10_040),
            ..Snapshot::default()
        };
        let summary = Summary { counts, rejects: Some(PathBuf::from("no.ndjson")) };
        assert_eq!(
            summary.to_string(),
            "rows      70080\naccepted  70070\nreplayed  70\nrejected  7\nfailed    2\nunknown   1\n\
             seconds   10.0\nrows/s    6980\nrejects   no.ndjson"
        );
    }

    #[test]
    fn without_rows_the_rate_is_zero() {
        let empty = Snapshot::default();
        assert_eq!(
            Summary { counts: empty, rejects: None }.to_string().lines().last(),
            Some("rows/s    0")
        );
    }
}
