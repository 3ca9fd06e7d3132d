//! One request through all its attempts.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::key_rejection::rejects_credentials;
use super::response::{RetryableFailure, ServiceResponse, UnexpectedResponse};
use crate::tracking::row_outcome::{FailureKind, RowFailure, RowOutcome};

/// The state of the attempts of a request with one row or many. Attempts are sequential; interior mutability lets the
/// retry closures share it.
pub struct InFlight {
    /// Whether each of its rows has an idempotency key.
    pub has_keys: bool,
    retry_for: Duration,
    first_sent: OnceLock<Instant>,
    /// Whether any attempt may have been accepted.
    may_be_accepted: AtomicBool,
}

impl InFlight {
    /// A request that was not sent yet; once sent, it is retried for `retry_for`.
    pub const fn new(has_keys: bool, retry_for: Duration) -> Self {
        let may_be_accepted = AtomicBool::new(false);
        Self { has_keys, retry_for, first_sent: OnceLock::new(), may_be_accepted }
    }

    /// The end of its retries; `None` before it is first sent.
    pub fn deadline(&self) -> Option<Instant> {
        Some(*self.first_sent.get()? + self.retry_for)
    }

    /// The time until the deadline.
    pub fn time_left(&self) -> Duration {
        let until = |deadline: Instant| deadline.saturating_duration_since(Instant::now());
        self.deadline().map_or(self.retry_for, until)
    }

    /// Records that it is being sent; the first time starts its clock.
    pub fn on_sent(&self) {
        self.first_sent.get_or_init(Instant::now);
    }

    /// Records a failed attempt.
    pub fn on_failure(&self, failure: &RetryableFailure) {
        if failure.may_be_accepted {
            self.may_be_accepted.store(true, Ordering::Relaxed);
        }
    }

    /// The outcome after a final response.
    pub fn outcome(&self, response: ServiceResponse) -> RowOutcome {
        match response {
            ServiceResponse::Accepted { is_replayed } => RowOutcome::Accepted { is_replayed },
            ServiceResponse::Rejected(failure) => RowOutcome::NotAccepted(failure),
            ServiceResponse::Unexpected(unexpected) => self.unexpected(unexpected),
        }
    }

    /// The outcome after a response that an Ingestion API does not send.
    pub fn unexpected(&self, unexpected: UnexpectedResponse) -> RowOutcome {
        let rule = match unexpected.code {
            Some(code) if rejects_credentials(unexpected.status) => code,
            _ => format!("http_{}", unexpected.status.as_u16()),
        };
        self.failed(rule, unexpected.reason, unexpected.request_id)
    }

    /// The outcome after the last attempt failed.
    pub fn exhausted(&self, failure: RetryableFailure, is_aborted: bool) -> RowOutcome {
        if is_aborted && self.first_sent.get().is_none() {
            return RowOutcome::NotSent;
        }
        self.failed("unavailable".to_owned(), failure.reason, failure.request_id)
    }

    /// Unknown if any attempt may have been accepted, however the last one failed.
    pub fn failed(&self, rule: String, reason: String, request_id: Option<String>) -> RowOutcome {
        let failure = if self.may_be_accepted.load(Ordering::Relaxed) {
            RowFailure::new(FailureKind::Unknown, "outcome_unknown", reason)
        } else {
            RowFailure::new(FailureKind::Failed, rule, reason)
        };
        RowOutcome::NotAccepted(failure.of_request(request_id))
    }
}
