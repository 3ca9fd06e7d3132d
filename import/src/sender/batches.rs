//! Collects rows into batches. A site's rows go to one worker, which sends one request after the other, so they are sent
//! in the order of the file.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::{Receiver, Sender as Queue, channel};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use super::{MIN_CONSECUTIVE_FAILURES, RequestOptions, Sender};
use crate::input::row::{ParsedRow, Row};

/// How long a worker waits until its batch is full. Too low: a file that is read slowly makes many small requests. Too
/// high: rows of a pipe arrive late.
const LINGER: Duration = Duration::from_millis(20);

impl Sender {
    /// Sends the first rows alone, until it is known that there is a service, and gives the others to workers.
    pub(super) async fn send_batches(
        self: Arc<Self>,
        mut rows: Receiver<ParsedRow>,
        requests: RequestOptions,
        workers: &mut JoinSet<()>,
    ) {
        let RequestOptions { batch_size, concurrency } = requests;
        let max_failures = MIN_CONSECUTIVE_FAILURES.max(2 * concurrency * batch_size);
        let abort = self.state.abort.token();
        while !self.client.has_found_service() {
            let next = abort.run_until_cancelled(rows.recv()).await.flatten();
            let Some(row) = next else { return };
            self.send_one(row, max_failures).await;
        }
        let queues: Vec<_> = (0..concurrency)
            .map(|_| {
                let (queue, received) = channel(batch_size);
                let sender = Arc::clone(&self);
                workers.spawn(sender.run_batch_worker(received, batch_size, max_failures));
                queue
            })
            .collect();
        while let Some(Some(row)) = abort.run_until_cancelled(rows.recv()).await {
            self.give_to_worker(row, &queues).await;
        }
    }

    /// A row that cannot be given to its worker, because the import is aborted, is not sent.
    async fn give_to_worker(&self, row: ParsedRow, queues: &[Queue<ParsedRow>]) {
        let site = row.as_ref().ok().and_then(|row| row.site);
        let part = site.map_or(0, |site| site.part(queues.len()));
        let Some(queue) = queues.get(part) else { return };
        if let Err(unsent) = queue.send(row).await {
            self.not_sent(&unsent.0);
        }
    }

    fn not_sent(&self, row: &ParsedRow) {
        let line = row.as_ref().map_or_else(|invalid| invalid.line, |row| row.line);
        self.state.stats.not_sent(line);
    }

    async fn run_batch_worker(
        self: Arc<Self>,
        mut queue: Receiver<ParsedRow>,
        batch_size: usize,
        max_failures: usize,
    ) {
        let abort = self.state.abort.token();
        let mut rows = Vec::with_capacity(batch_size);
        loop {
            rows.clear();
            // The abort interrupts the wait for rows, never rows in flight: their outcome must be recorded.
            let filling = abort.run_until_cancelled(fill(&mut rows, &mut queue, batch_size)).await;
            if filling.is_none() {
                break;
            }
            if rows.is_empty() {
                return;
            }
            self.send_rows(rows.drain(..), batch_size, max_failures).await;
        }
        queue.close();
        while let Some(row) = queue.recv().await {
            rows.push(row);
        }
        for row in &rows {
            self.not_sent(row);
        }
    }

    async fn send_rows(
        &self,
        parsed: impl Iterator<Item = ParsedRow>,
        batch_size: usize,
        max_failures: usize,
    ) {
        let mut rows: Vec<Row> = Vec::new();
        for row in parsed {
            match row {
                Ok(row) => rows.push(row),
                Err(row) => self.not_accepted(row.line, &row.text, &row.error.into(), max_failures),
            }
        }
        let outcomes = self.client.post_all(&rows, batch_size).await;
        for (row, outcome) in rows.iter().zip(outcomes) {
            self.record(row, outcome, max_failures);
        }
    }
}

/// Waits for rows until there are `limit`, the queue ends, or [`LINGER`] has passed since the first.
async fn fill(rows: &mut Vec<ParsedRow>, queue: &mut Receiver<ParsedRow>, limit: usize) {
    queue.recv_many(rows, limit).await;
    let deadline = Instant::now() + LINGER;
    while rows.len() < limit {
        let more = queue.recv_many(rows, limit - rows.len());
        if timeout_at(deadline, more).await.is_ok_and(|count| count > 0) {
            continue;
        }
        break;
    }
}
