//! Lines of the log about bulk writes.

use std::time::Instant;

use instrumentation::log_throttle::LogThrottle;
use tracing::{info, warn};

/// Readings that were deleted were written once more.
pub(super) fn log_deleted(count: usize) {
    static THROTTLE: LogThrottle = LogThrottle::new();
    if let Some(suppressed) = THROTTLE.should_log(Instant::now()) {
        info!(count, suppressed, "deleted readings were stored again, and are removed");
    }
}

/// Entries were claimed while they were processed.
pub(super) fn log_claimed_by_other(count: usize) {
    static THROTTLE: LogThrottle = LogThrottle::new();
    if let Some(suppressed) = THROTTLE.should_log(Instant::now()) {
        warn!(count, suppressed, "entries claimed by another consumer; they are not written here");
    }
}
