//! Panics are lines of the log: what one says may come from a reading, and is for the log to show.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::{self, PanicHookInfo};

use tracing::error;

use crate::config::LogSettings;

/// From now on writes panics to the log; where that has no errors they are written as Rust does.
pub fn start(log: &LogSettings) {
    if log.has_errors() {
        panic::set_hook(Box::new(tell));
    }
}

fn tell(panic: &PanicHookInfo<'_>) {
    let cause = panic.payload_as_str().unwrap_or_default();
    let location = panic.location().map(ToString::to_string);
    let thread = std::thread::current();
    // With RUST_BACKTRACE=1.
    let trace = Backtrace::capture();
    let trace = (trace.status() == BacktraceStatus::Captured).then(|| trace.to_string());
    error!(cause, location, thread = thread.name(), backtrace = trace, "a thread panicked");
}
