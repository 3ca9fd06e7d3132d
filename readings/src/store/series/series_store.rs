//! The sorted sets of all sites.

use std::collections::BTreeSet;
use std::sync::Arc;

use redis::{Value, cmd, pipe};

use super::invalidation::invalidate;
use super::reader::SeriesReader;
use super::sample_reader::SampleReader;
use super::selection::Selection;
use super::selection_reader::SelectionReader;
use super::tiers::TierSources;
use crate::energy::calendar::Range;
use crate::energy::rollup::Day;
use crate::reading::SiteId;
use crate::store::archive::DayArchive;
use crate::store::connection::{Generation, SharedConnection, reply};
use crate::store::error::StoreResult;
use crate::store::keys;
use crate::store::packed::PackedDays;

const ZRANGE: &str = "ZRANGE";

/// A node of a Redis Cluster that owns all slots: a site's readings and its rollups are in two of them. The
/// commands are sent one by one then, first the removal.
pub(super) const CROSS_SLOT: &str = "CROSSSLOT";

/// The sorted sets of all sites, over a connection that others may share.
#[derive(Debug, Clone)]
pub struct SeriesStore {
    connection: SharedConnection,
    packed: PackedDays,
    archive: Option<Arc<dyn DayArchive>>,
}

impl SeriesStore {
    /// The sorted sets of the server that the connection leads to.
    #[must_use]
    pub fn new(connection: SharedConnection) -> Self {
        Self { packed: PackedDays::new(connection.clone()), connection, archive: None }
    }

    /// The same store with the archive that has the archived days of its sites. Without one, what needs such a day fails.
    #[must_use]
    pub fn with_archive(self, archive: Option<Arc<dyn DayArchive>>) -> Self {
        Self { archive, ..self }
    }

    /// The packed days of its sites.
    #[must_use]
    pub const fn packed(&self) -> &PackedDays {
        &self.packed
    }

    /// The archive of its sites.
    pub(in crate::store) const fn archive(&self) -> Option<&Arc<dyn DayArchive>> {
        self.archive.as_ref()
    }

    /// Whether a site has readings.
    ///
    /// # Errors
    /// When the server replied with an error or not at all.
    pub async fn exists(&self, site: &SiteId) -> StoreResult<bool> {
        let mut command = cmd(ZRANGE);
        command.arg(keys::series(site)).arg(0).arg(0);
        let found = reply::array(self.connection.send(ZRANGE, &command).await?);
        let found = found.ok_or_else(|| self.connection.unexpected_reply(ZRANGE))?;
        // A day is not packed while the sorted set has no other; but its readings may have been deleted since.
        Ok(!found.is_empty() || self.packed.of_site(site).await?.members() > 0)
    }

    /// The present generation of the connection.
    pub(in crate::store) fn generation(&self) -> Generation {
        self.connection.generation()
    }

    /// Waits until the replicas that `REDIS_WAIT_REPLICAS` asks for have what was written in this generation.
    ///
    /// # Errors
    /// When too few have it in time, or the generation has ended: the write is to be repeated.
    pub async fn wait_replicas(&self, written: Generation) -> StoreResult<()> {
        self.connection.wait_replicas(written).await
    }

    pub(in crate::store) const fn connection(&self) -> &SharedConnection {
        &self.connection
    }

    /// Invalidates the rollups of days.
    pub(super) async fn invalidate(&self, site: &SiteId, days: &BTreeSet<Day>) -> StoreResult<()> {
        let mut both = pipe();
        for command in invalidate(site, days) {
            both.add_command(command);
        }
        let (replies, _) = self.connection.send_all("HDEL, HINCRBY", &both).await?;
        replies.into_iter().try_for_each(|reply| reply.map(drop))
    }

    pub(super) fn removed(&self, operation: &'static str, reply: &Value) -> StoreResult<u64> {
        reply::integer(reply).ok_or_else(|| self.connection.unexpected_reply(operation))
    }

    fn sources(&self) -> TierSources {
        let (connection, packed) = (self.connection.clone(), self.packed.clone());
        TierSources { connection, packed, archive: self.archive().cloned() }
    }

    /// Reads all readings of a site, page by page.
    #[must_use]
    pub fn read(&self, site: &SiteId) -> SeriesReader {
        SeriesReader::new(self.sources(), site)
    }

    /// Reads the samples of a range of a site's readings, page by page.
    #[must_use]
    pub fn samples(&self, site: &SiteId, range: Range) -> SampleReader {
        SampleReader::new(self.sources(), site, range)
    }

    /// Reads a selection of a site's readings, page by page; `wanted` is about how many the caller will use.
    #[must_use]
    pub fn select(&self, site: &SiteId, selection: Selection, wanted: usize) -> SelectionReader {
        SelectionReader::new(self.sources(), site, selection, wanted)
    }
}
