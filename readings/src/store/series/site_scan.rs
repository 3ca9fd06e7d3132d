//! Finds the sites of sorted sets, whichever program stored their readings (`SCAN`), for the index of sites.

use redis::{Value, cmd};

use super::site_index::SiteIndex;
use crate::reading::SiteId;
use crate::store::connection::{Generation, reply};
use crate::store::error::StoreResult;
use crate::store::error_class::ErrorClass;
use crate::store::keys;

/// Keys that one command visits. Too low and a scan takes many round trips; too high and Redis serves no other client
/// that long (about half a microsecond a key).
pub const SCANNED_KEYS: u64 = 1_000;

/// How often a scan begins again. Too low and one lost connection ends a long scan; too high and one that is lost again and
/// again is never reported.
const MAX_RESTARTS: u32 = 5;

const SCAN: &str = "SCAN";

/// The cursor at which a scan begins, and which ends it.
const BEGIN: u64 = 0;

/// Sites that one command has found.
#[derive(Debug, Default)]
pub struct FoundSites {
    /// Sites with readings; a site may be found twice.
    pub sites: Vec<SiteId>,
    /// Whether the scan began again with this page: a cursor is of one server session.
    pub began_again: bool,
}

/// A scan of all keys for sites.
#[derive(Debug)]
pub struct SiteScan<'a> {
    index: &'a SiteIndex,
    cursor: u64,
    generation: Option<Generation>,
    ended: bool,
    restarts: u32,
}

impl SiteIndex {
    /// Begins a scan.
    #[must_use]
    pub const fn scan(&self) -> SiteScan<'_> {
        SiteScan { index: self, cursor: BEGIN, generation: None, ended: false, restarts: 0 }
    }

    /// The number of keys that a scan visits (`DBSIZE`).
    ///
    /// # Errors
    /// When the server replied with an error or not at all.
    pub async fn key_count(&self) -> StoreResult<u64> {
        const DBSIZE: &str = "DBSIZE";
        let count = self.connection().send(DBSIZE, &cmd(DBSIZE)).await?;
        reply::integer(&count).ok_or_else(|| self.connection().unexpected_reply(DBSIZE))
    }

    /// Adds sites; gives how many were not in the index (`ZADD`).
    ///
    /// # Errors
    /// When the server replied with an error or not at all; the same sites can be added again.
    pub async fn add(&self, sites: &[SiteId]) -> StoreResult<u64> {
        const ZADD: &str = "ZADD";
        let Some(command) = self.index_command(sites) else { return Ok(0) };
        let added = self.connection().send(ZADD, &command).await?;
        reply::integer(&added).ok_or_else(|| self.connection().unexpected_reply(ZADD))
    }

    /// How many of these sites are not in the index (`ZMSCORE`).
    ///
    /// # Errors
    /// When the server replied with an error or not at all.
    pub async fn count_missing(&self, sites: &[SiteId]) -> StoreResult<usize> {
        const ZMSCORE: &str = "ZMSCORE";
        if sites.is_empty() {
            return Ok(0);
        }
        let mut command = cmd(ZMSCORE);
        command.arg(self.key());
        for site in sites {
            command.arg(site.as_str());
        }
        let scores = reply::array(self.connection().send(ZMSCORE, &command).await?);
        let scores = scores.ok_or_else(|| self.connection().unexpected_reply(ZMSCORE))?;
        Ok(scores.iter().filter(|score| **score == Value::Nil).count())
    }
}

impl SiteScan<'_> {
    /// The next sites; `None` after the last. After the connection was replaced the scan begins again, as another server
    /// session does not know the cursor.
    ///
    /// # Errors
    /// When the server replied with an error or not at all; the same page can be requested again.
    pub async fn next(&mut self) -> StoreResult<Option<FoundSites>> {
        if self.ended {
            return Ok(None);
        }
        let reply = match self.generation.filter(|_| self.cursor != BEGIN) {
            Some(generation) => self.next_page(generation).await?,
            None => None,
        };
        let began_again = reply.is_none() && self.cursor != BEGIN;
        let reply = match reply {
            Some(reply) => reply,
            None => self.begin().await?,
        };
        let (cursor, sites) =
            parse(reply).ok_or_else(|| self.index.connection().unexpected_reply(SCAN))?;
        self.cursor = cursor;
        self.ended = cursor == BEGIN;
        Ok(Some(FoundSites { sites, began_again }))
    }

    /// The next page; `None` where the connection was lost and the scan is to begin again.
    async fn next_page(&mut self, generation: Generation) -> StoreResult<Option<Value>> {
        match self.page_in(generation).await {
            Err(error) if error.class != ErrorClass::Disconnected => return Err(error),
            Err(error) if self.restarts >= MAX_RESTARTS => return Err(error),
            Ok(Some(page)) => return Ok(Some(page)),
            Ok(None) | Err(_) => self.restarts += 1,
        }
        Ok(None)
    }

    /// The first page, in the present generation.
    async fn begin(&mut self) -> StoreResult<Value> {
        self.cursor = BEGIN;
        // Connects first, so that the generation is that of the page; else it is requested again.
        self.index.connection().ping().await?;
        loop {
            let generation = self.index.generation();
            if let Some(reply) = self.page_in(generation).await? {
                self.generation = Some(generation);
                return Ok(reply);
            }
        }
    }

    /// The page at the cursor; `None` where the generation has ended.
    async fn page_in(&self, generation: Generation) -> StoreResult<Option<Value>> {
        let mut command = cmd(SCAN);
        command.arg(self.cursor).arg("MATCH").arg(keys::all_series());
        command.arg("COUNT").arg(SCANNED_KEYS).arg("TYPE").arg("zset");
        self.index.connection().send_in_generation(generation, SCAN, &command).await
    }
}

/// `None` for a reply of another shape. Keys that are not UTF-8 are of no site.
fn parse(reply: Value) -> Option<(u64, Vec<SiteId>)> {
    let [cursor, found] = <[Value; 2]>::try_from(reply::array(reply)?).ok()?;
    let cursor = reply::text(cursor)?.parse().ok()?;
    let found = reply::array(found)?.into_iter().filter_map(reply::text);
    Some((cursor, found.filter_map(|key| keys::site_of_series(&key)).collect()))
}
