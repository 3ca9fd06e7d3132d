//! Where trouble with Redis becomes an answer and a line in the log: one line a second of a kind.
//!
//! The log says which server it was and why; a client is told neither.

use std::time::Instant;

use instrumentation::log_throttle::LogThrottle;
use readings::store::{ErrorClass, StoreError};
use tracing::warn;

use crate::error_body::Problem;

const UNSUITABLE: &str = "The store cannot serve this service: it is a node of a Redis Cluster, or lacks \
                          commands that are needed";

/// What a request was for, which Redis did not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    Reading,
    Query,
    DeadLetters,
    Pipeline,
    Metrics,
}

impl Asked {
    /// The line of the log, and how often it has been said.
    const fn throttle(self) -> (&'static str, &'static LogThrottle) {
        static THROTTLES: [LogThrottle; 5] = [const { LogThrottle::new() }; 5];
        let [reading, query, letters, pipeline, metrics] = &THROTTLES;
        match self {
            Self::Reading => ("a reading was not taken", reading),
            Self::Query => ("a query was not answered", query),
            Self::DeadLetters => ("dead letters cannot be reached", letters),
            Self::Pipeline => ("the pipeline cannot be described", pipeline),
            Self::Metrics => ("the stream cannot be described", metrics),
        }
    }
}

/// What a client is told of trouble with Redis: a sentence, and after how many seconds to try again.
/// The log is told more.
pub(crate) fn unavailable(asked: Asked, error: &StoreError) -> (Problem, u64) {
    let (line, throttle) = asked.throttle();
    if let Some(suppressed) = throttle.should_log(Instant::now()) {
        warn!(%error, suppressed, "{line}");
    }
    told(error)
}

/// As [`unavailable`], but the log is told elsewhere.
pub(crate) fn told(error: &StoreError) -> (Problem, u64) {
    let (detail, retry_after) = match error.class {
        ErrorClass::Full => {
            ("The store takes no writes now: it is out of memory, disk or replicas", 5)
        }
        ErrorClass::ReadOnly => ("The store takes no writes now: it is changing its master", 1),
        ErrorClass::Busy | ErrorClass::NoGroup => ("The store is starting or busy", 1),
        ErrorClass::Timeout => ("The store did not answer in time", 1),
        ErrorClass::Disconnected => ("The store cannot be reached", 1),
        ErrorClass::Denied => ("The store refuses this service's credentials", 30),
        ErrorClass::Exhausted => (
            "The stream takes no more entries: its last id is the largest there can be. When it is \
             drained, an operator must rename it",
            30,
        ),
        ErrorClass::Unsuitable => (error.finding().unwrap_or(UNSUITABLE), 30),
        ErrorClass::WrongType | ErrorClass::Other => ("The store refused the request", 30),
    };
    // The importer looks for these words, and so may others.
    let unknown = if error.outcome_is_unknown() { "; it may have taken the request" } else { "" };
    (Problem::new(format!("{detail}{unknown}")), retry_after)
}
