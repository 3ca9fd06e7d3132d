//! Logs panics: their messages may contain parts of a reading, which the log escapes.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::{self, PanicHookInfo};

use tracing::error;

use crate::config::LogSettings;

/// Logs panics from now on. If errors are not logged, Rust prints panics as it does by default.
pub fn install(log: &LogSettings) {
    if log.has_errors() {
        panic::set_hook(Box::new(log_panic));
    }
}

fn log_panic(panic: &PanicHookInfo<'_>) {
    let cause = panic.payload_as_str().unwrap_or_default();
    let location = panic.location().map(ToString::to_string);
    let thread = std::thread::current();
    // Captured only with RUST_BACKTRACE=1.
    let trace = Backtrace::capture();
    let trace = (trace.status() == BacktraceStatus::Captured).then(|| trace.to_string());
    error!(cause, location, thread = thread.name(), backtrace = trace, "a thread panicked");
}
