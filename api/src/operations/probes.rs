//! `/livez` and `/readyz`, for probes.

use std::sync::{Mutex, PoisonError};

use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object, OpenApi};
use tracing::{debug, info, warn};

use super::liveness::{CheckLiveness, LivenessProbe};
use super::readiness::{NotReady, Readiness};
use crate::api_tag::ApiTag;
use crate::draining::Draining;
use crate::error_body::ErrorBody;
use crate::error_code::ErrorCode;

// The schema's name is that of earlier releases: generated clients have a type of that name.

/// Liveness response.
#[derive(Debug, Clone, Object)]
#[oai(rename = "Alive")]
pub struct Liveness {
    /// Always `alive`.
    status: String,
}

/// Readiness response.
#[derive(Debug, Clone, Object)]
pub struct Ready {
    /// Always `ready`; a service that is not ready responds with 503.
    status: String,
    /// Of several partitions, the streams that accept no readings now. Absent when all do.
    #[oai(skip_serializing_if_is_none)]
    unavailable_streams: Option<Vec<String>>,
}

#[derive(ApiResponse)]
enum LiveResponse {
    /// The process runs and does its work.
    #[oai(status = 200)]
    Live(Json<Liveness>),
    /// The process does not do its work, though Redis is available: restart it.
    #[oai(status = 503)]
    Stalled(Json<ErrorBody>),
}

#[derive(ApiResponse)]
enum ReadyResponse {
    /// Requests are served.
    #[oai(status = 200)]
    Ready(Json<Ready>),
    /// Requests should be sent to another instance; `code` says why.
    #[oai(status = 503)]
    NotReady(Json<ErrorBody>),
}

/// `/livez` and `/readyz`, for probes.
#[derive(Debug)]
pub struct ProbesApi {
    liveness: LivenessProbe,
    readiness: Readiness,
    draining: Draining,
    /// The reason that was logged last; `None` when the service was ready.
    logged: Mutex<Option<String>>,
}

impl ProbesApi {
    /// Probes of a service with this liveness and readiness.
    #[must_use]
    pub const fn new(liveness: CheckLiveness, readiness: Readiness, draining: Draining) -> Self {
        let liveness = LivenessProbe::new(liveness);
        Self { liveness, readiness, draining, logged: Mutex::new(None) }
    }

    /// Logs a change of readiness or of its reason: a line for each probe would be one every few seconds.
    fn log_change(&self, line: &'static str, reason: Option<&str>) {
        // A panic cannot leave it half changed.
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        if logged.as_deref() == reason {
            return;
        }
        if let Some(reason) = reason {
            warn!(reason, "{line}");
        } else {
            info!("ready again");
        }
        *logged = reason.map(str::to_owned);
    }

    fn ready(&self, unavailable: Vec<String>) -> Ready {
        let is_partial = !unavailable.is_empty();
        let reason = is_partial.then(|| format!("{} accept no readings", unavailable.join(", ")));
        self.log_change("not ready for all partitions", reason.as_deref());
        let unavailable_streams = is_partial.then_some(unavailable);
        Ready { status: "ready".to_owned(), unavailable_streams }
    }

    fn not_ready(&self, reason: &NotReady) -> ReadyResponse {
        match reason {
            // Logged by the connection, with the name of the server.
            NotReady::Store(error) => debug!(%error, "not ready"),
            NotReady::Misconfigured(reason) => {
                self.log_change("not ready", Some(&reason.to_string()));
            }
        }
        ReadyResponse::NotReady(Json(reason.error_body()))
    }
}

#[OpenApi(tag = "ApiTag::Operations")]
impl ProbesApi {
    /// Liveness
    ///
    /// 503 when the pipeline has made no progress for `PROGRESS_TIMEOUT`. An unavailable Redis never fails it: a
    /// restart of the process would not repair Redis.
    #[allow(clippy::unused_async, reason = "the framework calls async operations only")]
    #[oai(path = "/livez", method = "get", operation_id = "get_livez")]
    async fn livez(&self) -> LiveResponse {
        match self.liveness.check() {
            Ok(()) => LiveResponse::Live(Json(Liveness { status: "alive".to_owned() })),
            Err(reason) => LiveResponse::Stalled(Json(ErrorBody::new(ErrorCode::Stalled, reason))),
        }
    }

    /// Readiness
    ///
    /// 503 while Redis is unreachable, loading, read-only, out of memory, set to evict readings or unsuitable (a node
    /// of a Redis Cluster, a server without required commands), denies what the service needs, or its stream accepts
    /// no more entries; and while the service is shutting down. `detail` says what to do. With several partitions it is
    /// 200 while one of them accepts readings, and names the others.
    #[oai(path = "/readyz", method = "get", operation_id = "get_readyz")]
    async fn readyz(&self) -> ReadyResponse {
        if self.draining.has_begun() {
            return ReadyResponse::NotReady(Json(ErrorBody::new(
                ErrorCode::ShuttingDown,
                "The service is shutting down",
            )));
        }
        match self.readiness.check().await {
            Ok(unavailable) => ReadyResponse::Ready(Json(self.ready(unavailable))),
            Err(reason) => self.not_ready(&reason),
        }
    }
}
