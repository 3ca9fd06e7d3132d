//! Posts rows to the service, and again while it is away.
//!
//! This is the only place that knows that a row is a request of its own; an operation that takes
//! many at once would be used here.

use std::error::Error;
use std::time::Duration;

use anyhow::Context;
use backon::{ExponentialBuilder, Retryable, Sleeper};
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::redirect;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::Shared;
use super::answer::{Trouble, judge};
use super::availability::Availability;
use super::service_url::ServiceUrl;
use super::verdict::{Outcome, Refusal, Verdict};

/// How long making a connection may take. Too low and far services are never reached; too high and
/// one that vanished is noticed late.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long an answer may take, longer than the service gives itself (30 s). Too low and rows that
/// were taken count as unknown; too high and a service that hangs is noticed late.
const ANSWER_TIMEOUT: Duration = Duration::from_mins(1);

/// How long a connection is kept for the next row, shorter than the service keeps it (60 s). Too low
/// and slow input needs a connection for each row; too high and a row is sent on a connection that
/// the service is just closing: nobody knows then whether it was taken.
const IDLE_TIMEOUT: Duration = Duration::from_secs(15);

/// The pause before a row is sent a second time; it doubles up to [`MAX_PAUSE`]. Too low: a service
/// in trouble gets more of it. Too high: a short restart costs more time than it takes.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// The longest pause unless the service asks for more. Too low: as above. Too high: it is noticed
/// late that the service is back.
const MAX_PAUSE: Duration = Duration::from_secs(2);

/// The longest pause that a service may ask for. Too low: it is asked before it is ready. Too high: a
/// wrong `Retry-After` stalls the import.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(30);

/// Posts rows; any number at once.
pub struct Client {
    http: reqwest::Client,
    url: ServiceUrl,
    retry_for: Duration,
    availability: Availability,
    shared: Shared,
}

impl Client {
    /// Makes a client that tries a row again for `retry_for`.
    ///
    /// # Errors
    /// When the system has no certificates to check those of an `https://` service by.
    pub fn new(url: ServiceUrl, retry_for: Duration, shared: Shared) -> anyhow::Result<Self> {
        let http = http(&url).context("cannot set up HTTPS")?;
        let availability = Availability::new(retry_for, shared.clone());
        Ok(Self { http, url, retry_for, availability, shared })
    }

    /// Posts a row, and says what became of it in the end.
    pub async fn post(&self, body: &str) -> Verdict {
        let deadline = Instant::now() + self.retry_for;
        let answers = self.availability.answers();
        let stop = self.shared.stop.token();
        let posting = (|| self.try_to_post(body, deadline))
            .retry(pauses())
            .sleep(sleep_unless(stop.clone()))
            .when(|_| Instant::now() < deadline && !stop.is_cancelled())
            .adjust(|trouble, pause| {
                let pause = pause?.max(asked_for(trouble));
                Some(pause.min(deadline.saturating_duration_since(Instant::now())))
            });
        posting.await.unwrap_or_else(|trouble| {
            self.availability.gave_up(answers);
            Verdict::Refused(Refusal::because(Outcome::Failed, "unavailable", trouble.reason))
        })
    }

    async fn try_to_post(&self, body: &str, deadline: Instant) -> Result<Verdict, Trouble> {
        let _turn = self.availability.turn(deadline).await?;
        let result = self.send(body).await;
        match &result {
            Err(trouble) => self.availability.trouble(&trouble.reason),
            Ok(Verdict::Refused(refusal)) if refusal.outcome == Outcome::Unknown => {
                self.availability.trouble(&refusal.in_words());
            }
            Ok(_) => self.availability.answered(),
        }
        result
    }

    async fn send(&self, body: &str) -> Result<Verdict, Trouble> {
        const JSON: HeaderValue = HeaderValue::from_static("application/json");
        let request = self.http.post(self.url.readings().clone()).header(CONTENT_TYPE, JSON);
        match request.body(body.to_owned()).send().await {
            Ok(answer) => judge(answer).await,
            Err(error) if error.is_connect() => Err(self.not_connected(&error)),
            Err(error) => Ok(Verdict::Refused(unknown(&error))),
        }
    }

    fn not_connected(&self, error: &reqwest::Error) -> Trouble {
        let reason = format!("{} cannot be reached: {}", self.url, cause(error));
        Trouble { reason, retry_after: None }
    }
}

fn http(url: &ServiceUrl) -> reqwest::Result<reqwest::Client> {
    // Err means that the process has chosen a provider before, which serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(ANSWER_TIMEOUT)
        .pool_idle_timeout(IDLE_TIMEOUT)
        // A redirected POST may become a GET; that the URL is another is for a person to know.
        .redirect(redirect::Policy::none());
    if url.is_on_this_machine() {
        // A proxy that the environment names is for the world outside of this machine.
        builder = builder.no_proxy();
    }
    if !url.is_encrypted() {
        // Certificates are not needed, and small containers have none.
        builder = builder.tls_certs_only([]);
    }
    builder.build()
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

fn asked_for(trouble: &Trouble) -> Duration {
    trouble.retry_after.unwrap_or_default().min(MAX_RETRY_AFTER)
}

/// The connection broke or was silent after the row was, or may have been, sent.
fn unknown(error: &reqwest::Error) -> Refusal {
    Refusal::unknown(format!("no answer, so the row may have been taken: {}", cause(error)))
}

/// The innermost error; those around it only say that it was about a request.
fn cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests;
