//! Posts many rows as one request, and as smaller ones where that is needed.

use std::sync::atomic::Ordering;

use anyhow::anyhow;
use futures_util::future::BoxFuture;
use futures_util::{StreamExt, stream};
use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, HeaderValue};

use super::Client;
use super::batch_response::{BatchResponse, RejectedRow, SettledBatch, classify_batch};
use super::in_flight::InFlight;
use super::response::{RetryableFailure, UnexpectedResponse};
use crate::input::row::Row;
use crate::tracking::row_outcome::{FailureKind, RowFailure, RowOutcome};

/// Rows of a worker that are in flight where each is a request of its own. Too low: slow. Too high: many connections.
const SINGLE_ROWS: usize = 16;

impl Client {
    /// Posts rows in their order, with retries, and returns the final outcome of each: readings in batches of at most
    /// `batch_size`, and what is no reading alone, as its text must not be changed.
    pub async fn post_all(&self, rows: &[Row], batch_size: usize) -> Vec<RowOutcome> {
        let mut outcomes = Vec::with_capacity(rows.len());
        let mut rest = rows;
        while let Some(first) = rest.first() {
            let size = batch_size.min(self.batches.max_rows.load(Ordering::Relaxed)).max(1);
            let is_batch = first.site.is_some();
            let alike = rest.iter().take_while(|row| row.site.is_some() == is_batch).count();
            let count = if is_batch { alike.min(size) } else { alike };
            let (part, after) = rest.split_at(count);
            outcomes.extend(if is_batch {
                self.post_batch(part).await
            } else {
                self.post_each(part).await
            });
            rest = after;
        }
        outcomes
    }

    /// Posts each row as a request of its own.
    async fn post_each(&self, rows: &[Row]) -> Vec<RowOutcome> {
        // Collected first: the compiler cannot prove that a future of a borrowed stream of borrowed rows may be sent.
        let posts: Vec<_> = rows.iter().map(|row| self.post(row)).collect();
        stream::iter(posts).buffered(SINGLE_ROWS).collect().await
    }

    async fn post_batch(&self, rows: &[Row]) -> Vec<RowOutcome> {
        if rows.len() < 2 || self.batches.is_unsupported.load(Ordering::Relaxed) {
            return self.post_each(rows).await;
        }
        let has_keys = rows.iter().all(|row| row.key.is_some());
        let in_flight = InFlight::new(has_keys, self.retry_for);
        let body = ndjson(rows);
        let posted = self.with_retries(&in_flight, || async {
            let response = self.send_batch(body.clone(), rows.len()).await?;
            self.observe_batch(&response, has_keys);
            Ok(response)
        });
        let all = |outcome: RowOutcome| vec![outcome; rows.len()];
        match posted.await {
            Ok(BatchResponse::Settled(settled)) => self.outcomes(settled, rows.len()),
            Ok(BatchResponse::CutOff) if !self.has_effective_keys(&in_flight) => {
                all(cut_off(rows.len()))
            }
            Ok(BatchResponse::TooLarge | BatchResponse::CutOff) => self.post_halves(rows).await,
            Ok(BatchResponse::Unsupported) => {
                self.on_unsupported();
                self.post_each(rows).await
            }
            Ok(BatchResponse::Unexpected(unexpected)) => all(in_flight.unexpected(unexpected)),
            Err(outcome) => all(outcome),
        }
    }

    /// A future on the heap, as it contains those of the halves.
    fn post_halves<'a>(&'a self, rows: &'a [Row]) -> BoxFuture<'a, Vec<RowOutcome>> {
        let half = rows.len().div_ceil(2);
        if self.batches.max_rows.fetch_min(half, Ordering::Relaxed) > half {
            let notice =
                format_args!("a batch of {} rows is too large, {half} are sent", rows.len());
            self.state.progress.print_notice(notice);
        }
        let (first, second) = rows.split_at(half);
        Box::pin(async move {
            let mut outcomes = self.post_batch(first).await;
            outcomes.extend(self.post_batch(second).await);
            outcomes
        })
    }

    fn on_unsupported(&self) {
        if !self.batches.is_unsupported.swap(true, Ordering::Relaxed) {
            let notice =
                "the service does not support batches, so each row is a request of its own";
            self.state.progress.print_notice(notice);
        }
    }

    /// Detects by a final response whether the service supports keys of rows.
    fn observe_batch(&self, response: &BatchResponse, has_keys: bool) {
        match response {
            BatchResponse::Unexpected(unexpected) => return self.observe_unexpected(unexpected),
            BatchResponse::Settled(SettledBatch { replayed: None, .. }) if has_keys => {
                self.warn_keys_unsupported();
            }
            // The single rows will show whether there is a service.
            BatchResponse::Unsupported => return,
            _ => {}
        }
        self.observe_service();
    }

    async fn send_batch(
        &self,
        body: Vec<u8>,
        rows: usize,
    ) -> Result<BatchResponse, RetryableFailure> {
        const NDJSON: HeaderValue = HeaderValue::from_static("application/x-ndjson");
        let request = self.http.post(self.url.batch().clone()).header(CONTENT_TYPE, NDJSON);
        match request.body(body).send().await {
            Ok(response) => classify_batch(response, rows).await,
            Err(error) => Err(self.transport_failure(&error)),
        }
    }

    /// The outcome of each row of a batch.
    fn outcomes(&self, settled: SettledBatch, rows: usize) -> Vec<RowOutcome> {
        let SettledBatch { replayed, errors, request_id, .. } = settled;
        let mut outcomes =
            vec![RowOutcome::Accepted { is_replayed: replayed.map(|_| false) }; rows];
        for RejectedRow { index, reasons } in errors {
            let failure = RowFailure { kind: FailureKind::Rejected, reasons, request_id: None };
            let failure = self.unless_forbidden(failure).of_request(request_id.clone());
            if let Some(outcome) = outcomes.get_mut(index) {
                *outcome = RowOutcome::NotAccepted(failure);
            }
        }
        // The response has their number only: which rows they are does not matter.
        let accepted = outcomes.iter_mut().filter_map(|outcome| match outcome {
            RowOutcome::Accepted { is_replayed } => is_replayed.as_mut(),
            _ => None,
        });
        let replayed = usize::try_from(replayed.unwrap_or_default()).unwrap_or(usize::MAX);
        accepted.take(replayed).for_each(|is_replayed| *is_replayed = true);
        outcomes
    }

    /// A row whose site the API key does not permit ends the import, as it does alone.
    fn unless_forbidden(&self, failure: RowFailure) -> RowFailure {
        const FORBIDDEN: &str = "site_forbidden";
        let Some(reason) = failure.reasons.iter().find(|reason| reason.rule == FORBIDDEN) else {
            return failure;
        };
        let unexpected = UnexpectedResponse {
            status: StatusCode::FORBIDDEN,
            reason: format!("the service rejects a row: {}", reason.msg),
            code: Some(FORBIDDEN.to_owned()),
            location: None,
            request_id: None,
        };
        self.state.abort.trigger(anyhow!(self.url.explain_unexpected(&unexpected)));
        RowFailure { kind: FailureKind::Failed, ..failure }
    }
}

fn cut_off(rows: usize) -> RowOutcome {
    let reason = format!("the service has not received all of {rows} rows");
    RowOutcome::NotAccepted(RowFailure::new(FailureKind::Unknown, "outcome_unknown", reason))
}

/// The readings, a line each. A key is the first member, so that the row is recognised when it is sent alone, too.
fn ndjson(rows: &[Row]) -> Vec<u8> {
    const MEMBER: &str = r#"{"idempotency_key":""#;
    const KEY_BYTES: usize = 64;
    let room = |row: &Row| row.body.len() + MEMBER.len() + KEY_BYTES;
    let mut body = Vec::with_capacity(rows.iter().map(room).sum());
    for row in rows {
        match (&row.key, row.body.strip_prefix('{')) {
            (Some(key), Some(members)) => {
                for part in [MEMBER, key, "\",", members] {
                    body.extend_from_slice(part.as_bytes());
                }
            }
            _ => body.extend_from_slice(row.body.as_bytes()),
        }
        body.push(b'\n');
    }
    body
}
