//! Whether a service works, for probes (`/livez`, `/readyz`).

use std::sync::{Mutex, PoisonError};

use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object, OpenApi};
use tracing::{debug, info, warn};

use super::draining::Draining;
use super::readiness::{NotReady, Readiness};
use crate::error_body::ErrorBody;
use crate::error_code::ErrorCode;
use crate::tags::Topic;

/// A sign of life.
#[derive(Debug, Clone, Object)]
pub struct Alive {
    /// Always `alive`.
    status: String,
}

/// Readiness.
#[derive(Debug, Clone, Object)]
pub struct Ready {
    /// Always `ready`; a service that is not answers 503.
    status: String,
}

#[derive(ApiResponse)]
enum ReadyAnswer {
    /// Requests are served.
    #[oai(status = 200)]
    Ready(Json<Ready>),
    /// Requests should go elsewhere.
    #[oai(status = 503)]
    NotReady(Json<ErrorBody>),
}

/// `/livez` and `/readyz`, for probes.
#[derive(Debug)]
pub struct ProbesApi {
    readiness: Readiness,
    draining: Draining,
    /// Why the service is not ready, as the log was told last.
    told: Mutex<Option<String>>,
}

impl ProbesApi {
    /// Of a service that needs so much of Redis, and that may be about to end.
    #[must_use]
    pub const fn new(readiness: Readiness, draining: Draining) -> Self {
        Self { readiness, draining, told: Mutex::new(None) }
    }

    /// Tells the log when the service becomes ready or not, or for another reason than before: probes
    /// ask every few seconds.
    fn tell(&self, reason: Option<&str>) {
        // It is whole after each of its changes, also when a thread panicked between them.
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.as_deref() == reason {
            return;
        }
        if let Some(reason) = reason {
            warn!(reason, "not ready");
        } else {
            info!("ready again");
        }
        *told = reason.map(str::to_owned);
    }

    fn not_ready(&self, reason: &NotReady) -> ReadyAnswer {
        match reason {
            // The log says so for what was asked of Redis, with the server.
            NotReady::Store(error) => debug!(%error, "not ready"),
            NotReady::Misconfiguration(danger) => self.tell(Some(&danger.to_string())),
        }
        ReadyAnswer::NotReady(Json(reason.problem()))
    }
}

#[OpenApi(tag = "Topic::Operations")]
impl ProbesApi {
    /// Whether the process runs
    ///
    /// Never asks Redis: restarting the process would not bring Redis back.
    #[allow(clippy::unused_async, reason = "the framework calls async operations only")]
    #[oai(path = "/livez", method = "get", operation_id = "get_livez")]
    async fn livez(&self) -> Json<Alive> {
        Json(Alive { status: "alive".to_owned() })
    }

    /// Whether requests can be served
    ///
    /// 503 while Redis is unreachable, loading, read-only, out of memory or set to throw readings away,
    /// cannot be used (a node of a Redis Cluster, a server without commands that are needed), denies
    /// what the service needs, or its stream takes no more entries; and while the service is shutting
    /// down. The answer says what to do.
    #[oai(path = "/readyz", method = "get", operation_id = "get_readyz")]
    async fn readyz(&self) -> ReadyAnswer {
        if self.draining.has_begun() {
            return ReadyAnswer::NotReady(Json(ErrorBody::new(
                ErrorCode::ShuttingDown,
                "The service is shutting down",
            )));
        }
        match self.readiness.check().await {
            Ok(()) => {
                self.tell(None);
                ReadyAnswer::Ready(Json(Ready { status: "ready".to_owned() }))
            }
            Err(reason) => self.not_ready(&reason),
        }
    }
}
