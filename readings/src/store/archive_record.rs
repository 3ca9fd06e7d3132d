//! What Redis knows of the archive as a whole: which one has its days, and which process writes to it.

use std::time::Duration;

use redis::cmd;

use super::connection::{SharedConnection, reply};
use super::error::StoreResult;
use super::keys::Keys;
use super::lease;

const HGET: &str = "HGET";
const HSET: &str = "HSET";

/// The field of the name of the archive.
const ARCHIVE: &str = "archive";

/// The field of the lease of the process that writes to it.
const LEASE: &str = "lease";

/// A hash beside the stream.
#[derive(Debug, Clone)]
pub struct ArchiveRecord {
    key: String,
    connection: SharedConnection,
}

impl ArchiveRecord {
    /// That of one stream's sites.
    #[must_use]
    pub fn new(keys: &Keys, connection: SharedConnection) -> Self {
        Self { key: keys.archive(), connection }
    }

    /// The name of the archive that has the archived days; `None` before the first run, and in a Redis that has lost its
    /// data.
    ///
    /// # Errors
    /// When the server replied with an error or not at all.
    pub async fn archive(&self) -> StoreResult<Option<String>> {
        let mut command = cmd(HGET);
        command.arg(&self.key).arg(ARCHIVE);
        self.connection.send(HGET, &command).await.map(reply::text)
    }

    /// Records that an archive has the archived days.
    ///
    /// # Errors
    /// When the server replied with an error or not at all.
    pub async fn set_archive(&self, name: &str) -> StoreResult<()> {
        let mut command = cmd(HSET);
        command.arg(&self.key).arg(ARCHIVE).arg(name);
        self.connection.send(HSET, &command).await.map(drop)
    }

    /// Acquires or renews the lease of the process that writes to the archive: whether it has it now.
    ///
    /// # Errors
    /// When the server replied with an error or not at all.
    pub async fn acquire(&self, token: &str, lease: Duration) -> StoreResult<bool> {
        lease::acquire(&self.connection, [&self.key, LEASE], token, lease).await
    }

    /// Ends the lease.
    ///
    /// # Errors
    /// When the server replied with an error or not at all: it expires.
    pub async fn release(&self, token: &str) -> StoreResult<()> {
        lease::release(&self.connection, [&self.key, LEASE], token).await
    }
}
