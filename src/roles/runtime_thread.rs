//! Threads besides the main one, each with a runtime of its own.

use std::future::pending;
use std::thread;

use anyhow::Context;
use tokio::runtime::{Builder, Handle};

/// Spawns a thread that drives a single-threaded runtime until the process exits; tasks are spawned on the
/// handle.
///
/// One runtime with several threads would move tasks between them, and write each command to Redis alone
/// (measured: twice the processor time per reading).
///
/// # Errors
/// When the system provides no more threads.
pub fn spawn_runtime_thread(name: &str) -> anyhow::Result<Handle> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let handle = runtime.handle().clone();
    let thread = thread::Builder::new().name(name.to_owned());
    thread.spawn(move || runtime.block_on(pending::<()>())).context("cannot start a thread")?;
    Ok(handle)
}
