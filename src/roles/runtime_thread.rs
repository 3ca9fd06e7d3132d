//! Threads beside the main one, each with a runtime of its own.

use std::future::pending;
use std::thread;

use anyhow::Context;
use tokio::runtime::{Builder, Handle};

/// Starts a thread that carries out what is given to its runtime, until the process ends.
///
/// One runtime over several threads would move each task between them, and have each command to Redis
/// written alone (measured: twice the processor time a reading).
///
/// # Errors
/// When there can be no more threads.
pub fn start(name: &str) -> anyhow::Result<Handle> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let handle = runtime.handle().clone();
    let thread = thread::Builder::new().name(name.to_owned());
    thread.spawn(move || runtime.block_on(pending::<()>())).context("cannot start a thread")?;
    Ok(handle)
}
