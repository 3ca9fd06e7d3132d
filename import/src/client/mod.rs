//! Posts rows to the service, and again while it is away.
//!
//! This is the only place that knows that a row is a request of its own; an operation that takes
//! many at once would be used here.

mod circuit_breaker;
#[cfg(test)]
pub mod fake_service;
mod http_client;
mod in_flight_row;
mod response;
pub mod service_url;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, anyhow};
use backon::{ExponentialBuilder, Retryable, Sleeper};
use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use self::in_flight_row::Attempt;
use crate::client::circuit_breaker::Availability;
use crate::client::response::{Answer, Trouble, judge};
use crate::client::service_url::ServiceUrl;
use crate::input::row::Row;
use crate::tracking::Shared;
use crate::tracking::row_outcome::Verdict;

/// The pause before a row is sent a second time; it doubles up to [`MAX_PAUSE`]. Too low: a service
/// in trouble gets more of it. Too high: a short restart costs more time than it takes.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// The longest pause unless the service asks for more. Too low: as above. Too high: it is noticed
/// late that the service is back.
const MAX_PAUSE: Duration = Duration::from_secs(2);

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Posts rows; any number at once.
pub struct Client {
    http: reqwest::Client,
    url: ServiceUrl,
    retry_for: Duration,
    availability: Availability,
    /// Whether an answer was such as only an Ingestion API gives.
    is_proven: AtomicBool,
    /// Whether the service accepted a row with a key as if it had none.
    ignores_keys: AtomicBool,
    shared: Shared,
}

impl Client {
    /// Makes a client that tries a row again for `retry_for`.
    ///
    /// # Errors
    /// When the system has no certificates to check those of an `https://` service by.
    pub fn new(url: ServiceUrl, retry_for: Duration, shared: Shared) -> anyhow::Result<Self> {
        let http = http_client::client(&url).context("cannot set up HTTPS")?;
        let availability = Availability::new(retry_for, shared.clone());
        let (is_proven, ignores_keys) = (AtomicBool::new(false), AtomicBool::new(false));
        Ok(Self { http, url, retry_for, availability, is_proven, ignores_keys, shared })
    }

    /// Posts a row, and says what became of it in the end.
    pub async fn post(&self, row: &Row) -> Verdict {
        let attempt = Attempt::new(row, self.retry_for);
        let answers = self.availability.answers();
        let stop = self.shared.stop.token();
        let posting = (|| self.try_to_post(&attempt))
            .retry(pauses())
            .sleep(sleep_unless(stop.clone()))
            .when(|trouble| self.may_try_again(&attempt, trouble))
            .adjust(|trouble, pause| {
                let pause = pause?.max(trouble.retry_after.unwrap_or_default());
                Some(pause.min(attempt.time_left()))
            });
        match posting.await {
            Ok(answer) => attempt.verdict(answer),
            Err(trouble) => {
                if attempt.time_left().is_zero() {
                    self.availability.gave_up(answers);
                }
                attempt.given_up(trouble, stop.is_cancelled())
            }
        }
    }

    /// A row that may be there is sent again only if the service would know it by its key.
    fn may_try_again(&self, attempt: &Attempt<'_>, trouble: &Trouble) -> bool {
        let is_safe = !trouble.may_be_there
            || (attempt.row.key.is_some() && !self.ignores_keys.load(Ordering::Relaxed));
        is_safe && !attempt.time_left().is_zero() && !self.shared.stop.is_stopped()
    }

    async fn try_to_post(&self, attempt: &Attempt<'_>) -> Result<Answer, Trouble> {
        let _turn = self.availability.turn(attempt.deadline()).await?;
        attempt.begins();
        let result = self.send(attempt.row).await;
        match &result {
            Err(trouble) => {
                attempt.failed(trouble);
                self.availability.trouble(trouble);
            }
            Ok(answer) => self.look_at(answer, attempt.row),
        }
        result
    }

    /// Learns from an answer what the service is.
    fn look_at(&self, answer: &Answer, row: &Row) {
        match answer {
            Answer::Odd(oddity) if !self.is_proven.load(Ordering::Relaxed) => {
                self.shared.stop.because(anyhow!(self.url.no_service(oddity)));
                return;
            }
            Answer::Accepted { is_replayed: None } if row.key.is_some() => self.knows_no_keys(),
            _ => {}
        }
        if !self.is_proven.load(Ordering::Relaxed) {
            self.is_proven.store(true, Ordering::Relaxed);
        }
        self.availability.answered();
    }

    fn knows_no_keys(&self) {
        if !self.ignores_keys.swap(true, Ordering::Relaxed) {
            self.shared.progress.note(
                "the service does not know Idempotency-Key: a row that is sent again is added again, \
                 so rows are not whose outcome is unknown",
            );
        }
    }

    async fn send(&self, row: &Row) -> Result<Answer, Trouble> {
        const JSON: HeaderValue = HeaderValue::from_static("application/json");
        let mut request = self.http.post(self.url.readings().clone()).header(CONTENT_TYPE, JSON);
        if let Some(key) = &row.key {
            request = request.header(IDEMPOTENCY_KEY, key);
        }
        match request.body(row.body.clone()).send().await {
            Ok(answer) => judge(answer).await,
            Err(error) => Err(self.no_answer(&error)),
        }
    }

    fn no_answer(&self, error: &reqwest::Error) -> Trouble {
        let is_proven = self.is_proven.load(Ordering::Relaxed);
        if let Some(lasting) = http_client::lasting(error).filter(|_| !is_proven) {
            self.shared.stop.because(anyhow!("{}: {lasting}{}", self.url, self.url.other_scheme()));
        }
        let (url, cause) = (&self.url, http_client::cause(error));
        let may_be_there = !error.is_connect();
        let reason = if may_be_there {
            format!("no answer from {url}, so a row may have been taken: {cause}")
        } else {
            let way = http_client::proxy(url).map(|proxy| format!(" by way of the proxy {proxy}"));
            format!("{url} cannot be reached{}: {cause}", way.unwrap_or_default())
        };
        Trouble { reason, retry_after: None, may_be_there }
    }
}

fn pauses() -> ExponentialBuilder {
    ExponentialBuilder::new()
        .with_min_delay(FIRST_PAUSE)
        .with_max_delay(MAX_PAUSE)
        .with_jitter()
        .without_max_times()
}

/// Sleeps, but not longer than until `stop`.
fn sleep_unless(stop: CancellationToken) -> impl Sleeper<Sleep = impl Future + Send> {
    move |pause| {
        let stop = stop.clone();
        async move {
            tokio::select! {
                () = sleep(pause) => {}
                () = stop.cancelled() => {}
            }
        }
    }
}

#[cfg(test)]
mod tests;
