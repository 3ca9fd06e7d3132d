//! Sends rows, several at a time, and sees to what becomes of them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, anyhow};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::client::Client;
use crate::input::row::NextRow;
use crate::tracking::Shared;
use crate::tracking::rejects::Rejects;
use crate::tracking::row_outcome::{Outcome, Refusal, Verdict};

/// How many rows in a row may fail before the import ends; at least twice the rows under way, which
/// may all fail at once. Too low: it ends at a short disturbance. Too high: a wrong URL is asked
/// that often.
const MIN_STREAK: usize = 100;

/// Sends the rows of an import.
pub struct Sender {
    client: Client,
    rejects: Mutex<Rejects>,
    shared: Shared,
    streak: AtomicUsize,
}

/// Rows on their way from the file.
type RowQueue = tokio::sync::Mutex<mpsc::Receiver<NextRow>>;

impl Sender {
    /// Sends with a client, and notes what is not accepted.
    pub const fn new(client: Client, rejects: Rejects, shared: Shared) -> Self {
        Self { client, rejects: Mutex::new(rejects), shared, streak: AtomicUsize::new(0) }
    }

    /// Sends rows, `concurrency` at a time, until there are none or the import is to end.
    ///
    /// # Errors
    /// Never for a row: those are counted.
    pub async fn send_all(
        self,
        rows: mpsc::Receiver<NextRow>,
        concurrency: u16,
    ) -> anyhow::Result<()> {
        let (sender, rows) = (Arc::new(self), Arc::new(RowQueue::new(rows)));
        let max_streak = MIN_STREAK.max(2 * usize::from(concurrency));
        let mut workers = JoinSet::new();
        for _ in 0..concurrency {
            workers.spawn(Arc::clone(&sender).work(Arc::clone(&rows), max_streak));
        }
        while let Some(worker) = workers.join_next().await {
            worker.context("a worker of the import broke off")?;
        }
        Ok(())
    }

    async fn work(self: Arc<Self>, rows: Arc<RowQueue>, max_streak: usize) {
        let stop = self.shared.stop.token();
        while let Some(row) = self.next(&rows, &stop).await {
            match row {
                Ok(row) => match self.client.post(&row).await {
                    Verdict::Accepted { is_replayed } => {
                        self.accepted(row.line, is_replayed == Some(true));
                    }
                    Verdict::Refused(refusal) => {
                        self.refused(row.line, row.text(), &refusal, max_streak);
                    }
                    Verdict::NotSent => self.shared.counter.not_sent(row.line),
                },
                Err(no_row) => {
                    self.refused(no_row.line, &no_row.text, &no_row.fault.into(), max_streak);
                }
            }
        }
    }

    async fn next(&self, rows: &RowQueue, stop: &CancellationToken) -> Option<NextRow> {
        let next = stop.run_until_cancelled(async { rows.lock().await.recv().await });
        next.await.flatten()
    }

    fn accepted(&self, line: u64, is_replayed: bool) {
        self.streak.store(0, Ordering::Relaxed);
        self.shared.counter.accepted(line, is_replayed);
    }

    fn refused(&self, line: u64, text: &str, refusal: &Refusal, max_streak: usize) {
        self.shared.counter.refused(line, refusal.outcome);
        self.note(line, text, refusal);
        if refusal.outcome == Outcome::Rejected {
            self.streak.store(0, Ordering::Relaxed);
        } else if self.streak.fetch_add(1, Ordering::Relaxed) + 1 == max_streak {
            let reasons = refusal.in_words();
            self.shared
                .stop
                .because(anyhow!("{max_streak} rows failed in a row, the last as {reasons}"));
        }
    }

    fn note(&self, line: u64, text: &str, refusal: &Refusal) {
        let mut rejects = self.rejects.lock().unwrap_or_else(PoisonError::into_inner);
        // Why an import ends is told once, not for each row that shares it.
        let is_told = refusal.outcome != Outcome::Rejected && self.shared.stop.reason().is_some();
        if is_told && rejects.path().is_none() {
            return;
        }
        if let Err(error) = rejects.add(line, text, refusal) {
            self.shared.stop.because(anyhow!("the rejects file cannot be written: {error}"));
        }
    }
}
