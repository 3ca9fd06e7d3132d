//! Sends rows concurrently, and records the outcome of each.

mod batches;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, anyhow};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::client::Client;
use crate::input::row::{ParsedRow, Row};
use crate::tracking::ImportState;
use crate::tracking::rejects::Rejects;
use crate::tracking::row_outcome::{FailureKind, RowFailure, RowOutcome};

/// How many rows may fail in succession before the import is aborted; at least twice the rows in flight, which may all
/// fail at once. Too low: a short outage aborts. Too high: a wrong URL gets that many requests.
const MIN_CONSECUTIVE_FAILURES: usize = 100;

/// Requests in flight by default, each with many rows. Too low: the service waits for the import. Too high: other clients
/// wait while Redis appends as many batches.
const BATCHES_IN_FLIGHT: usize = 4;

/// Requests in flight by default, each with one row. Too low: slow. Too high: many connections.
const ROWS_IN_FLIGHT: usize = 64;

/// How rows are divided into requests.
#[derive(Debug, Clone, Copy)]
pub struct RequestOptions {
    /// Rows of a request.
    batch_size: usize,
    /// Requests in flight.
    concurrency: usize,
}

impl RequestOptions {
    /// With `concurrency` requests in flight, or as many as are usual for requests of this size. Rows without keys are
    /// sent in the order of the file, request after request: an import that continues must know the last one.
    pub fn new(batch_size: u16, concurrency: Option<u16>, has_keys: bool) -> Self {
        let batch_size = usize::from(batch_size);
        let concurrency = concurrency.map(usize::from);
        let concurrency = match batch_size {
            1 => concurrency.unwrap_or(ROWS_IN_FLIGHT),
            _ if has_keys => concurrency.unwrap_or(BATCHES_IN_FLIGHT),
            _ => 1,
        };
        Self { batch_size, concurrency }
    }
}

/// Sends the rows of an import.
pub struct Sender {
    client: Client,
    rejects: Mutex<Rejects>,
    state: ImportState,
    consecutive_failures: AtomicUsize,
}

/// The queue from the reader, which the workers share.
type RowQueue = tokio::sync::Mutex<mpsc::Receiver<ParsedRow>>;

impl Sender {
    /// Creates a sender that writes rows which are not accepted to `rejects`.
    pub const fn new(client: Client, rejects: Rejects, state: ImportState) -> Self {
        let consecutive_failures = AtomicUsize::new(0);
        Self { client, rejects: Mutex::new(rejects), state, consecutive_failures }
    }

    /// Sends rows until the queue ends or the import is aborted.
    ///
    /// # Errors
    /// When a worker panics. Failed rows are counted, and are no error.
    pub async fn send_all(
        self,
        rows: mpsc::Receiver<ParsedRow>,
        requests: RequestOptions,
    ) -> anyhow::Result<()> {
        let mut workers = JoinSet::new();
        let sender = Arc::new(self);
        if requests.batch_size == 1 {
            sender.start_single_workers(rows, requests, &mut workers);
        } else {
            sender.send_batches(rows, requests, &mut workers).await;
        }
        while let Some(worker) = workers.join_next().await {
            worker.context("a worker of the import panicked")?;
        }
        Ok(())
    }

    fn start_single_workers(
        self: Arc<Self>,
        rows: mpsc::Receiver<ParsedRow>,
        requests: RequestOptions,
        workers: &mut JoinSet<()>,
    ) {
        let rows = Arc::new(RowQueue::new(rows));
        let max_failures = MIN_CONSECUTIVE_FAILURES.max(2 * requests.concurrency);
        for _ in 0..requests.concurrency {
            workers.spawn(Arc::clone(&self).run_worker(Arc::clone(&rows), max_failures));
        }
    }

    async fn run_worker(self: Arc<Self>, rows: Arc<RowQueue>, max_failures: usize) {
        let abort = self.state.abort.token();
        // The abort interrupts the wait for a row, never a row in flight: its outcome must be recorded.
        let next_row = async || {
            abort.run_until_cancelled(async { rows.lock().await.recv().await }).await.flatten()
        };
        while let Some(row) = next_row().await {
            self.send_one(row, max_failures).await;
        }
    }

    async fn send_one(&self, row: ParsedRow, max_failures: usize) {
        match row {
            Ok(row) => {
                let outcome = self.client.post(&row).await;
                self.record(&row, outcome, max_failures);
            }
            Err(row) => self.not_accepted(row.line, &row.text, &row.error.into(), max_failures),
        }
    }

    fn record(&self, row: &Row, outcome: RowOutcome, max_failures: usize) {
        match outcome {
            RowOutcome::Accepted { is_replayed } => {
                self.accepted(row.line, is_replayed == Some(true));
            }
            RowOutcome::NotAccepted(failure) => {
                self.not_accepted(row.line, row.text(), &failure, max_failures);
            }
            RowOutcome::NotSent => self.state.stats.not_sent(row.line),
        }
    }

    fn accepted(&self, line: u64, is_replayed: bool) {
        self.consecutive_failures.store(0, Ordering::Relaxed);
        self.state.stats.accepted(line, is_replayed);
    }

    fn not_accepted(&self, line: u64, text: &str, failure: &RowFailure, max_failures: usize) {
        self.state.stats.not_accepted(line, failure.kind);
        self.write_reject(line, text, failure);
        // A rejection is a response of a working service.
        if failure.kind == FailureKind::Rejected {
            self.consecutive_failures.store(0, Ordering::Relaxed);
        } else if self.consecutive_failures.fetch_add(1, Ordering::Relaxed) + 1 == max_failures {
            let last = failure.describe();
            let reason = anyhow!("{max_failures} rows failed in a row, the last one: {last}");
            self.state.abort.trigger(reason);
        }
    }

    fn write_reject(&self, line: u64, text: &str, failure: &RowFailure) {
        let mut rejects = self.rejects.lock().unwrap_or_else(PoisonError::into_inner);
        // On the terminal, the reason of the abort is printed once, not for each row that failed by it.
        let is_duplicate =
            failure.kind != FailureKind::Rejected && self.state.abort.reason().is_some();
        if is_duplicate && rejects.path().is_none() {
            return;
        }
        if let Err(error) = rejects.add(line, text, failure) {
            self.state.abort.trigger(anyhow!("the rejects file cannot be written: {error}"));
        }
    }
}
