//! The index of the sites that have readings.

use std::ops::Bound;

use redis::{Cmd, cmd};

use crate::reading::SiteId;
use crate::store::connection::reply;
use crate::store::connection::{Generation, SharedConnection};
use crate::store::error::StoreResult;
use crate::store::keys::Keys;

/// The index, over a connection that others may share.
#[derive(Debug, Clone)]
pub struct SiteIndex {
    key: String,
    connection: SharedConnection,
}

impl SiteIndex {
    /// The index of one stream's sites.
    #[must_use]
    pub fn new(keys: &Keys, connection: SharedConnection) -> Self {
        Self { key: keys.sites(), connection }
    }

    /// The present generation of the connection.
    #[must_use]
    pub fn generation(&self) -> Generation {
        self.connection.generation()
    }

    /// The command that adds sites (`ZADD`); adding them again changes nothing. `None` without sites.
    pub(super) fn index_command<'a>(
        &self,
        sites: impl IntoIterator<Item = &'a SiteId>,
    ) -> Option<Cmd> {
        let mut command = cmd("ZADD");
        command.arg(&self.key);
        let mut sites = sites.into_iter().peekable();
        sites.peek()?;
        for site in sites {
            command.arg(0).arg(site.as_str());
        }
        Some(command)
    }

    /// Up to `limit` sites in the order of their bytes, from `start` on.
    ///
    /// # Errors
    /// When the server replied with an error or not at all.
    pub async fn list(&self, start: Bound<&str>, limit: usize) -> StoreResult<Vec<String>> {
        const ZRANGE: &str = "ZRANGE";
        let start = match start {
            Bound::Unbounded => "-".to_owned(),
            Bound::Included(site) => format!("[{site}"),
            Bound::Excluded(site) => format!("({site}"),
        };
        let mut command = cmd(ZRANGE);
        command.arg(&self.key).arg(start).arg("+").arg("BYLEX");
        command.arg("LIMIT").arg(0).arg(limit);
        let reply = self.connection.send(ZRANGE, &command).await?;
        let sites = reply::array(reply).ok_or_else(|| self.connection.unexpected_reply(ZRANGE))?;
        Ok(sites.into_iter().filter_map(reply::text).collect())
    }
}
