//! Posts rows to the service, and retries while it is unavailable.
//!
//! Only this module knows which rows are one request: [`Client::post_all`] sends readings as batches where the service
//! has them, [`Client::post`] one row.

pub mod api_key;
mod batch;
pub mod batch_response;
mod batch_support;
mod circuit_breaker;
#[cfg(test)]
pub mod fake_service;
mod http_client;
mod in_flight;
mod key_rejection;
mod response;
pub mod service_url;
pub mod tls_files;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, anyhow};
use backon::{ExponentialBuilder, Retryable, Sleeper};
use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use self::api_key::ApiKey;
use self::batch_support::BatchSupport;
use self::circuit_breaker::CircuitBreaker;
use self::in_flight::InFlight;
use self::key_rejection::rejects_credentials;
use self::response::{RetryableFailure, ServiceResponse, UnexpectedResponse, classify};
use self::service_url::ServiceUrl;
use self::tls_files::TlsFiles;
use crate::input::row::Row;
use crate::tracking::ImportState;
use crate::tracking::row_outcome::RowOutcome;

/// The pause before the second attempt; it doubles up to [`MAX_BACKOFF`]. Too low: adds load to a failing service.
/// Too high: a short restart costs more time than it takes.
const INITIAL_BACKOFF: Duration = Duration::from_millis(100);

/// The longest pause, unless `Retry-After` asks for more. Too low: as above. Too high: recovery is detected late.
const MAX_BACKOFF: Duration = Duration::from_secs(2);

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Posts rows; any number concurrently.
pub struct Client {
    http: reqwest::Client,
    url: ServiceUrl,
    retry_for: Duration,
    circuit_breaker: CircuitBreaker,
    /// Whether a response was one that only an Ingestion API sends. Until then, anything else aborts the import:
    /// the URL is wrong.
    is_ingestion_api: AtomicBool,
    /// Whether the service accepted a row with a key without a sign that it knows keys.
    ignores_keys: AtomicBool,
    batches: BatchSupport,
    state: ImportState,
}

impl Client {
    /// Creates a client that sends each row with `api_key`, and retries it for `retry_for`.
    ///
    /// # Errors
    /// When `url` is `https://` and the system has no CA certificates, or a file of certificates cannot be used.
    pub fn new(
        url: ServiceUrl,
        api_key: Option<&ApiKey>,
        tls: &TlsFiles,
        retry_for: Duration,
        state: ImportState,
    ) -> anyhow::Result<Self> {
        let http = http_client::client(&url, api_key, tls).context("cannot set up HTTPS")?;
        let circuit_breaker = CircuitBreaker::new(retry_for, state.clone());
        let (is_ingestion_api, ignores_keys) = (AtomicBool::new(false), AtomicBool::new(false));
        let batches = BatchSupport::default();
        Ok(Self {
            http,
            url,
            retry_for,
            circuit_breaker,
            is_ingestion_api,
            ignores_keys,
            batches,
            state,
        })
    }

    /// Whether a response was one that only an Ingestion API sends.
    pub fn has_found_service(&self) -> bool {
        self.is_ingestion_api.load(Ordering::Relaxed)
    }

    /// Posts a row, with retries, and returns its final outcome.
    pub async fn post(&self, row: &Row) -> RowOutcome {
        let in_flight = InFlight::new(row.key.is_some(), self.retry_for);
        let posted = self.with_retries(&in_flight, || async {
            let response = self.send(row).await?;
            self.observe(&response, row);
            Ok(response)
        });
        posted.await.map_or_else(|outcome| outcome, |response| in_flight.outcome(response))
    }

    /// Retries until the final response; otherwise returns the outcome of the rows of the request.
    async fn with_retries<T, F: Future<Output = Result<T, RetryableFailure>>>(
        &self,
        in_flight: &InFlight,
        send: impl Fn() -> F,
    ) -> Result<T, RowOutcome> {
        // Compared when the retries are exhausted: has any other request succeeded meanwhile?
        let successes = self.circuit_breaker.successes();
        let abort = self.state.abort.token();
        let posting = (|| self.attempt(in_flight, &send))
            .retry(backoff())
            .sleep(interruptible_sleep(abort.clone()))
            .when(|failure| self.may_retry(in_flight, failure))
            .adjust(|failure, pause| {
                // `Retry-After` may lengthen the pause, the deadline cuts it: the last attempt is at the deadline.
                let pause = pause?.max(failure.retry_after.unwrap_or_default());
                Some(pause.min(in_flight.time_left()))
            });
        posting.await.map_err(|failure| {
            if in_flight.time_left().is_zero() {
                self.circuit_breaker.on_exhausted(successes);
            }
            in_flight.exhausted(failure, abort.is_cancelled())
        })
    }

    /// A request that may have been accepted is retried only if its keys prevent duplicates.
    fn may_retry(&self, in_flight: &InFlight, failure: &RetryableFailure) -> bool {
        let is_safe = !failure.may_be_accepted || self.has_effective_keys(in_flight);
        is_safe && !in_flight.time_left().is_zero() && !self.state.abort.is_aborted()
    }

    fn has_effective_keys(&self, in_flight: &InFlight) -> bool {
        in_flight.has_keys && !self.ignores_keys.load(Ordering::Relaxed)
    }

    async fn attempt<T, F: Future<Output = Result<T, RetryableFailure>>>(
        &self,
        in_flight: &InFlight,
        send: &impl Fn() -> F,
    ) -> Result<T, RetryableFailure> {
        // Held until the response: with an open breaker, no other request is sent meanwhile.
        let _probe = self.circuit_breaker.acquire(in_flight.deadline()).await?;
        in_flight.on_sent();
        let result = send().await;
        if let Err(failure) = &result {
            in_flight.on_failure(failure);
            self.circuit_breaker.on_failure(failure);
        }
        result
    }

    /// Detects by a final response whether this is an Ingestion API, and whether it supports keys.
    fn observe(&self, response: &ServiceResponse, row: &Row) {
        match response {
            ServiceResponse::Unexpected(unexpected) => return self.observe_unexpected(unexpected),
            ServiceResponse::Accepted { is_replayed: None } if row.key.is_some() => {
                self.warn_keys_unsupported();
            }
            _ => {}
        }
        self.observe_service();
    }

    /// A response of the service itself.
    fn observe_service(&self) {
        // Reads first: after the first response it is always set, and a write would contend for the cache line.
        if !self.is_ingestion_api.load(Ordering::Relaxed) {
            self.is_ingestion_api.store(true, Ordering::Relaxed);
        }
        self.circuit_breaker.on_success();
    }

    /// Aborts the import if the service rejects its credentials or was never found.
    fn observe_unexpected(&self, unexpected: &UnexpectedResponse) {
        if rejects_credentials(unexpected.status) || !self.has_found_service() {
            self.state.abort.trigger(anyhow!(self.url.explain_unexpected(unexpected)));
        } else {
            self.observe_service();
        }
    }

    fn warn_keys_unsupported(&self) {
        if !self.ignores_keys.swap(true, Ordering::Relaxed) {
            self.state.progress.print_notice(
                "the service does not support Idempotency-Key: a row that is sent twice is stored twice, \
                 so rows of unknown outcome are not retried",
            );
        }
    }

    async fn send(&self, row: &Row) -> Result<ServiceResponse, RetryableFailure> {
        const JSON: HeaderValue = HeaderValue::from_static("application/json");
        let mut request = self.http.post(self.url.readings().clone()).header(CONTENT_TYPE, JSON);
        if let Some(key) = &row.key {
            request = request.header(IDEMPOTENCY_KEY, key);
        }
        match request.body(row.body.clone()).send().await {
            Ok(response) => classify(response).await,
            Err(error) => Err(self.transport_failure(&error)),
        }
    }

    /// A request without a response. Only if the connection was never established, the row cannot have been accepted.
    fn transport_failure(&self, error: &reqwest::Error) -> RetryableFailure {
        let permanent = http_client::permanent_failure(error).filter(|_| !self.has_found_service());
        if let Some(permanent) = permanent {
            let hint = self.url.other_scheme();
            self.state.abort.trigger(anyhow!("{}: {permanent}{hint}", self.url));
        }
        let url = &self.url;
        let cause = http_client::root_cause(error);
        let may_be_accepted = !error.is_connect();
        let reason = if may_be_accepted {
            format!("no response from {url}, so a row may have been accepted: {cause}")
        } else {
            let proxy = http_client::proxy(url).map(|proxy| format!(" through the proxy {proxy}"));
            format!("{url} cannot be reached{}: {cause}", proxy.unwrap_or_default())
        };
        RetryableFailure { reason, retry_after: None, may_be_accepted, request_id: None }
    }
}

fn backoff() -> ExponentialBuilder {
    ExponentialBuilder::new()
        .with_min_delay(INITIAL_BACKOFF)
        .with_max_delay(MAX_BACKOFF)
        .with_jitter()
        .without_max_times()
}

/// Sleeps until the end of the pause or the abort, whichever is first.
fn interruptible_sleep(abort: CancellationToken) -> impl Sleeper<Sleep = impl Future + Send> {
    move |pause| {
        let abort = abort.clone();
        async move {
            tokio::select! {
                () = sleep(pause) => {}
                () = abort.cancelled() => {}
            }
        }
    }
}

#[cfg(test)]
mod tests;
