//! A server that an earlier run left behind. It ends before another is started: two over the same files
//! would destroy them.

use std::fs::{File, TryLockError};
use std::time::Instant;

use anyhow::{Context, ensure};
use readings::store::SharedConnection;
use tokio::time::sleep;
use tracing::info;

use super::data_directory::Directory;
use super::{LOOK_EVERY, STOP_TIMEOUT, uses};

/// Gives the lock that the next server is going to have, once no other server uses the directory.
///
/// # Errors
/// When there is one that does not end.
pub async fn lock_server(directory: &Directory) -> anyhow::Result<File> {
    let lock = directory.server_lock()?;
    // Servers that an older version started have no lock: they are found by where they were.
    let orphan = directory.server().map(|server| server.shared());
    let (started, mut told) = (Instant::now(), false);
    loop {
        let is_locked = !try_lock(&lock)?;
        if !is_asked_to_end(orphan.as_ref(), directory).await && !is_locked {
            return Ok(lock);
        }
        if !told {
            info!("waiting for the end of the Redis server that an earlier run left behind");
            told = true;
        }
        let shown = directory.path().display();
        ensure!(
            started.elapsed() < STOP_TIMEOUT,
            "a Redis server that an earlier run left behind uses {shown} and does not end"
        );
        sleep(LOOK_EVERY).await;
    }
}

fn try_lock(lock: &File) -> anyhow::Result<bool> {
    match lock.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error).context("cannot lock redis.lock"),
    }
}

/// Asks the server to end, if it answers.
async fn is_asked_to_end(orphan: Option<&SharedConnection>, directory: &Directory) -> bool {
    let Some(orphan) = orphan else { return false };
    let answers = uses(orphan, directory).await;
    if answers {
        orphan.shut_down_server().await;
    }
    answers
}
