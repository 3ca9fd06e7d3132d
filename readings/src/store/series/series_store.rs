//! The sorted sets of all sites.

use redis::cmd;

use super::reader::SeriesReader;
use crate::iso8601::Instant;
use crate::reading::SiteId;
use crate::store::codec::{self, StreamEntry};
use crate::store::connection::{SharedConnection, reply};
use crate::store::error::StoreResult;
use crate::store::keys;

/// The sorted sets of all sites, over a connection that others may share.
#[derive(Debug, Clone)]
pub struct SeriesStore {
    connection: SharedConnection,
}

impl SeriesStore {
    /// The sorted sets of the server that the connection leads to.
    #[must_use]
    pub const fn new(connection: SharedConnection) -> Self {
        Self { connection }
    }

    pub(super) const fn connection(&self) -> &SharedConnection {
        &self.connection
    }

    /// Removes readings of one site (`ZREM`).
    ///
    /// # Errors
    /// When the server replied with an error or not at all; the readings can be removed again.
    pub async fn remove(&self, site: &SiteId, entries: &[StreamEntry]) -> StoreResult<()> {
        const ZREM: &str = "ZREM";
        let mut command = cmd(ZREM);
        command.arg(keys::series(site));
        for entry in entries {
            command.arg(codec::member(entry));
        }
        self.connection.send(ZREM, &command).await.map(drop)
    }

    /// Removes a site's readings with a timestamp before an instant (`ZREMRANGEBYSCORE`); gives their
    /// number.
    ///
    /// # Errors
    /// When the server replied with an error or not at all.
    pub async fn expire_before(&self, site: &SiteId, before: Instant) -> StoreResult<u64> {
        const ZREMRANGEBYSCORE: &str = "ZREMRANGEBYSCORE";
        let mut command = cmd(ZREMRANGEBYSCORE);
        let bound = format!("({}", before.epoch_seconds());
        command.arg(keys::series(site)).arg("-inf").arg(bound);
        let reply = self.connection.send(ZREMRANGEBYSCORE, &command).await?;
        reply::integer(&reply).ok_or_else(|| self.connection.unexpected_reply(ZREMRANGEBYSCORE))
    }

    /// Reads all readings of a site, page by page.
    #[must_use]
    pub fn read(&self, site: &SiteId) -> SeriesReader {
        SeriesReader::new(self.connection.clone(), site)
    }
}
