//! Finds the sites that have readings by their keys (`SCAN`), whichever program stored them, for the index of sites.

use redis::{Value, cmd};

use super::found_keys::FoundKeys;
use super::site_index::SiteIndex;
use crate::reading::SiteId;
use crate::store::connection::{Generation, Placement, SharedConnection, reply};
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

/// A scan of all keys for sites: those of one master after the other.
#[derive(Debug)]
pub struct SiteScan<'a> {
    index: &'a SiteIndex,
    /// Where the keys were when it began: the scan may miss those that move meanwhile.
    placement: Option<Placement>,
    /// The masters that are not scanned yet; the last of them is being scanned.
    masters: Vec<SharedConnection>,
    cursor: u64,
    generation: Option<Generation>,
    ended: bool,
    restarts: u32,
}

impl SiteIndex {
    /// Begins a scan.
    #[must_use]
    pub const fn scan(&self) -> SiteScan<'_> {
        SiteScan {
            index: self,
            placement: None,
            masters: Vec::new(),
            cursor: BEGIN,
            generation: None,
            ended: false,
            restarts: 0,
        }
    }

    /// The number of keys that a scan visits (`DBSIZE`).
    ///
    /// # Errors
    /// When the server replied with an error or not at all.
    pub async fn key_count(&self) -> StoreResult<u64> {
        const DBSIZE: &str = "DBSIZE";
        let mut keys = 0;
        for master in self.connection().masters().await? {
            let count = master.send(DBSIZE, &cmd(DBSIZE)).await?;
            keys += reply::integer(&count).ok_or_else(|| master.unexpected_reply(DBSIZE))?;
        }
        Ok(keys)
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
    /// session does not know the cursor; and when keys have moved to other masters of a Redis Cluster meanwhile.
    ///
    /// # Errors
    /// When the server replied with an error or not at all; the same page can be requested again.
    pub async fn next(&mut self) -> StoreResult<Option<FoundSites>> {
        if self.ended {
            return Ok(None);
        }
        let moved = self.begin_with_masters().await?;
        let Some(master) = self.masters.last().cloned() else { return Ok(None) };
        let reply = match self.generation.filter(|_| self.cursor != BEGIN) {
            Some(generation) => self.next_page(&master, generation).await?,
            None => None,
        };
        let began_again = moved || (reply.is_none() && self.cursor != BEGIN);
        let reply = match reply {
            Some(reply) => reply,
            None => self.begin(&master).await?,
        };
        let (cursor, found) = parse(reply).ok_or_else(|| master.unexpected_reply(SCAN))?;
        let sites = found.with_readings(self.index.connection()).await?;
        self.cursor = cursor;
        if cursor == BEGIN {
            self.masters.pop();
            self.ended = self.masters.is_empty() && !self.has_moved().await?;
        }
        Ok(Some(FoundSites { sites, began_again }))
    }

    /// Begins with all masters, unless some are left; returns whether that is because keys have moved.
    async fn begin_with_masters(&mut self) -> StoreResult<bool> {
        if !self.masters.is_empty() {
            return Ok(false);
        }
        let moved = self.placement.is_some();
        self.restarts += u32::from(moved);
        let connection = self.index.connection();
        self.placement = Some(connection.placement().await?);
        self.masters = connection.masters().await?;
        Ok(moved)
    }

    /// Whether keys have moved since the scan began; not after many times, as slots may be moved for hours.
    async fn has_moved(&self) -> StoreResult<bool> {
        let placement = self.index.connection().placement().await?;
        Ok(self.restarts < MAX_RESTARTS && self.placement.as_ref() != Some(&placement))
    }

    /// The next page; `None` where the connection was lost and the scan is to begin again.
    async fn next_page(
        &mut self,
        master: &SharedConnection,
        generation: Generation,
    ) -> StoreResult<Option<Value>> {
        match self.page_in(master, generation).await {
            Err(error) if error.class != ErrorClass::Disconnected => return Err(error),
            Err(error) if self.restarts >= MAX_RESTARTS => return Err(error),
            Ok(Some(page)) => return Ok(Some(page)),
            Ok(None) | Err(_) => self.restarts += 1,
        }
        Ok(None)
    }

    /// The first page of a master, in the present generation.
    async fn begin(&mut self, master: &SharedConnection) -> StoreResult<Value> {
        self.cursor = BEGIN;
        // Connects first, so that the generation is that of the page; else it is requested again.
        master.ping().await?;
        loop {
            let generation = master.generation();
            if let Some(reply) = self.page_in(master, generation).await? {
                self.generation = Some(generation);
                return Ok(reply);
            }
        }
    }

    /// The page at the cursor; `None` where the generation has ended.
    async fn page_in(
        &self,
        master: &SharedConnection,
        generation: Generation,
    ) -> StoreResult<Option<Value>> {
        let mut command = cmd(SCAN);
        command.arg(self.cursor).arg("MATCH").arg(keys::all_series_and_days());
        command.arg("COUNT").arg(SCANNED_KEYS);
        master.send_in_generation(generation, SCAN, &command).await
    }
}

/// `None` for a reply of another shape. Keys that are not UTF-8 are of no site.
fn parse(reply: Value) -> Option<(u64, FoundKeys)> {
    let [cursor, found] = <[Value; 2]>::try_from(reply::array(reply)?).ok()?;
    let cursor = reply::text(cursor)?.parse().ok()?;
    let found = reply::array(found)?.into_iter().filter_map(reply::text);
    Some((cursor, found.collect()))
}
