//! A server that an earlier run left behind. It must stop before another one starts: two servers on the
//! same files would destroy them.

use std::fs::{File, TryLockError};
use std::time::Instant;

use anyhow::{Context, ensure};
use readings::store::SharedConnection;
use tokio::time::sleep;
use tracing::info;

use super::data_directory::{DataDirectory, serves_directory};
use super::server_process::{POLL_INTERVAL, STOP_TIMEOUT};

/// Acquires the lock of the directory's server once no other server uses the directory.
///
/// # Errors
/// When a server uses it and does not stop.
pub async fn acquire_server_lock(directory: &DataDirectory) -> anyhow::Result<File> {
    let lock = directory.server_lock()?;
    // Servers of an older version hold no lock; they are found by their address.
    let orphans: Vec<_> = directory.servers().map(|server| server.shared()).collect();
    let (started, mut logged) = (Instant::now(), false);
    loop {
        let is_locked = !try_lock(&lock)?;
        if !stop_orphan(&orphans, directory).await && !is_locked {
            return Ok(lock);
        }
        if !logged {
            info!("waiting for the Redis server that an earlier run left behind to stop");
            logged = true;
        }
        let path = directory.path().display();
        ensure!(
            started.elapsed() < STOP_TIMEOUT,
            "a Redis server that an earlier run left behind uses {path} and does not stop"
        );
        sleep(POLL_INTERVAL).await;
    }
}

fn try_lock(lock: &File) -> anyhow::Result<bool> {
    match lock.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error).context("cannot lock redis.lock"),
    }
}

/// Sends `SHUTDOWN` to the server if it still responds; returns whether it did.
async fn stop_orphan(orphans: &[SharedConnection], directory: &DataDirectory) -> bool {
    for orphan in orphans {
        if serves_directory(orphan, directory).await {
            orphan.shut_down_server().await;
            return true;
        }
    }
    false
}
