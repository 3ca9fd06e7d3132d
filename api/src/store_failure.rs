//! Maps an error of the store to a 503, and to a line in the log: one line a second for each operation.
//!
//! The log has the server and the cause; a client gets neither.

use std::time::Instant;

use instrumentation::log_throttle::LogThrottle;
use poem_openapi::ApiResponse;
use poem_openapi::payload::Json;
use readings::store::{ErrorClass, StoreError};
use tracing::warn;

use crate::error_body::ErrorBody;
use crate::error_code::ErrorCode;

const UNSUITABLE: &str = "The store cannot serve this service: it is a node of a Redis Cluster, or lacks \
                          commands that are needed";

const DENIED: &str = "The store denies access with this service's credentials";

/// The operation of a request that failed in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StoreOperation {
    AppendReading,
    AppendBatch,
    Query,
    DeleteReadings,
    ListDeadLetters,
    ChangeDeadLetters,
    DescribePipeline,
    DescribeStream,
}

impl StoreOperation {
    /// The line of the log, and its throttle.
    const fn log(self) -> (&'static str, &'static LogThrottle) {
        static THROTTLES: [LogThrottle; 7] = [const { LogThrottle::new() }; 7];
        let [append, batch, query, deletion, dead_letters, pipeline, stream] = &THROTTLES;
        match self {
            Self::AppendReading => ("a reading was not accepted", append),
            Self::AppendBatch => ("readings of a batch were not accepted", batch),
            Self::Query => ("a query failed", query),
            Self::DeleteReadings => ("readings were not deleted", deletion),
            Self::ListDeadLetters | Self::ChangeDeadLetters => {
                ("dead letters cannot be reached", dead_letters)
            }
            Self::DescribePipeline => ("the pipeline cannot be described", pipeline),
            Self::DescribeStream => ("the stream cannot be described", stream),
        }
    }

    /// Whether it changes what is stored, so that its outcome can be unknown.
    const fn is_write(self) -> bool {
        use StoreOperation::{AppendBatch, AppendReading, ChangeDeadLetters, DeleteReadings};
        matches!(self, AppendReading | AppendBatch | ChangeDeadLetters | DeleteReadings)
    }
}

/// The response of an operation that is not possible now.
#[derive(ApiResponse)]
pub(crate) enum ServiceUnavailable {
    /// The service is unavailable: `code` says why, `Retry-After` when to try again.
    #[oai(status = 503)]
    Response(Json<ErrorBody>, #[oai(header = "Retry-After")] u64),
}

impl ServiceUnavailable {
    /// With the seconds after which to try again.
    pub fn new(body: ErrorBody, retry_after: u64) -> Self {
        Self::Response(Json(body), retry_after)
    }

    /// Logs an error of the store and converts it.
    pub fn from_store(operation: StoreOperation, error: &StoreError) -> Self {
        let (line, throttle) = operation.log();
        if let Some(suppressed) = throttle.should_log(Instant::now()) {
            warn!(%error, suppressed, "{line}");
        }
        let (mut body, retry_after) = error_body(error);
        if operation.is_write() && error.outcome_is_unknown() {
            body.code = ErrorCode::OutcomeUnknown;
        }
        Self::new(body, retry_after)
    }
}

/// The body for an error of the store, and the seconds after which to try again. Does not log.
pub(crate) fn error_body(error: &StoreError) -> (ErrorBody, u64) {
    let (code, detail, retry_after) = classify(error);
    // Clients of earlier releases, which had no `code`, search for these words.
    let unknown = if error.outcome_is_unknown() { "; it may have taken the request" } else { "" };
    (ErrorBody::new(code, format!("{detail}{unknown}")), retry_after)
}

fn classify(error: &StoreError) -> (ErrorCode, &str, u64) {
    use ErrorCode::{
        ArchiveUnavailable, StoreAccessDenied, StoreBusy, StoreFull, StoreReadOnly, StoreTimeout,
        StoreUnreachable, StoreUnsuitable, StreamExhausted,
    };
    match error.class {
        ErrorClass::Full => {
            (StoreFull, "The store accepts no writes now: it is out of memory, disk or replicas", 5)
        }
        ErrorClass::ReadOnly => {
            (StoreReadOnly, "The store accepts no writes now: a failover is in progress", 1)
        }
        ErrorClass::Busy | ErrorClass::NoGroup => (StoreBusy, "The store is starting or busy", 1),
        ErrorClass::Timeout => (StoreTimeout, "The store did not respond in time", 1),
        ErrorClass::Disconnected => (StoreUnreachable, "The store cannot be reached", 1),
        ErrorClass::Denied => (StoreAccessDenied, error.finding().unwrap_or(DENIED), 30),
        ErrorClass::Exhausted => (
            StreamExhausted,
            "The stream accepts no more entries: its last id is the largest there can be. When it is \
             drained, an operator must rename it",
            30,
        ),
        ErrorClass::Unsuitable => (StoreUnsuitable, error.finding().unwrap_or(UNSUITABLE), 30),
        ErrorClass::Archive => (
            ArchiveUnavailable,
            "A part of the readings is in the archive, which does not respond",
            10,
        ),
        ErrorClass::WrongType | ErrorClass::Other => {
            (ErrorCode::StoreError, "The store rejected the request", 30)
        }
    }
}
