//! The index of the sites that have readings.

use std::collections::BTreeSet;
use std::ops::Bound;

use redis::{Cmd, Pipeline, cmd};

use crate::reading::SiteId;
use crate::store::connection::reply;
use crate::store::connection::{Generation, SharedConnection};
use crate::store::error::StoreResult;
use crate::store::error_class::ErrorClass;
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

    pub(super) const fn connection(&self) -> &SharedConnection {
        &self.connection
    }

    pub(super) fn key(&self) -> &str {
        &self.key
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

    /// Up to `limit` sites that begin with `prefix`, in the order of their bytes, from `start` on.
    ///
    /// # Errors
    /// When the server replied with an error or not at all.
    pub async fn list(
        &self,
        start: Bound<&str>,
        prefix: &str,
        limit: usize,
    ) -> StoreResult<Vec<SiteId>> {
        const ZRANGE: &str = "ZRANGE";
        let start = match start {
            Bound::Included(site) if site >= prefix => format!("[{site}"),
            Bound::Excluded(site) if site >= prefix => format!("({site}"),
            _ => format!("[{prefix}"),
        };
        let mut command = cmd(ZRANGE);
        command.arg(&self.key).arg(start).arg(end_of_prefix(prefix)).arg("BYLEX");
        command.arg("LIMIT").arg(0).arg(limit);
        let reply = self.connection.send(ZRANGE, &command).await?;
        let sites = reply::array(reply).ok_or_else(|| self.connection.unexpected_reply(ZRANGE))?;
        Ok(sites.into_iter().filter_map(reply::text).filter_map(SiteId::new).collect())
    }
}

impl SiteIndex {
    /// The number of sites, and up to `limit` of them, each at most once, chosen at random. `None` where the server does not
    /// permit it.
    ///
    /// # Errors
    /// When the server replied with an error or not at all.
    pub async fn sample(&self, limit: usize) -> StoreResult<Option<(u64, Vec<SiteId>)>> {
        const ZCARD: &str = "ZCARD";
        const ZRANGE: &str = "ZRANGE";
        let mut count = cmd(ZCARD);
        count.arg(&self.key);
        let count = match self.connection.send(ZCARD, &count).await {
            Err(error) if error.class == ErrorClass::Denied => return Ok(None),
            count => reply::integer(&count?).unwrap_or_default(),
        };
        // By rank, and not by ZRANDMEMBER, for which users of existing services have no right.
        let mut chosen = BTreeSet::new();
        if count <= limit as u64 {
            chosen.extend(0..count);
        } else {
            while chosen.len() < limit {
                chosen.insert(fastrand::u64(0..count));
            }
        }
        let mut commands = Pipeline::with_capacity(chosen.len());
        for rank in chosen {
            commands.cmd(ZRANGE).arg(&self.key).arg(rank).arg(rank);
        }
        if commands.is_empty() {
            return Ok(Some((count, Vec::new())));
        }
        let (replies, _) = self.connection.send_all(ZRANGE, &commands).await?;
        let mut sites = Vec::with_capacity(replies.len());
        for reply in replies {
            let found = reply::array(reply?).unwrap_or_default().into_iter();
            sites.extend(found.filter_map(reply::text).filter_map(SiteId::new));
        }
        Ok(Some((count, sites)))
    }

    /// Whether a site is in the index.
    ///
    /// # Errors
    /// When the server replied with an error or not at all.
    pub async fn contains(&self, site: &SiteId) -> StoreResult<bool> {
        let id = site.as_str();
        Ok(self.list(Bound::Included(id), id, 1).await?.first() == Some(site))
    }
}

/// The bound below which all texts with a prefix are, as an argument of `ZRANGE … BYLEX`.
fn end_of_prefix(prefix: &str) -> Vec<u8> {
    /// UTF-8 has no such byte.
    const ABOVE_ALL: u8 = 0xff;
    [b"(", prefix.as_bytes(), &[ABOVE_ALL]].concat()
}
