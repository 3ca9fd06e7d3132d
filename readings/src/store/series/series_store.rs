//! The sorted sets of all sites.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use redis::{Script, Value, cmd, pipe};

use super::invalidation::{expiry, invalidate, removal};
use super::reader::SeriesReader;
use super::sample_reader::SampleReader;
use super::selection::Selection;
use super::selection_reader::SelectionReader;
use crate::energy::calendar::Range;
use crate::energy::rollup::Day;
use crate::iso8601::Instant;
use crate::reading::SiteId;
use crate::store::codec::{self, StreamEntry};
use crate::store::connection::{SharedConnection, reply};
use crate::store::error::StoreResult;
use crate::store::keys;

static REMOVAL: LazyLock<Script> = LazyLock::new(removal);
static EXPIRY: LazyLock<Script> = LazyLock::new(expiry);

const ZREM: &str = "ZREM";

const ZREMRANGEBYSCORE: &str = "ZREMRANGEBYSCORE";

/// A node of a Redis Cluster that owns all slots: a site's readings and its rollups are in two of them. The
/// commands are sent one by one then, first the removal.
const CROSS_SLOT: &str = "CROSSSLOT";

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

    /// Removes readings of one site (`ZREM`), and the rollups of their days.
    ///
    /// # Errors
    /// When the server replied with an error or not at all; the readings can be removed again.
    pub async fn remove(&self, site: &SiteId, entries: &[StreamEntry]) -> StoreResult<()> {
        let day = |entry: &StreamEntry| Day::of(entry.reading.timestamp.instant());
        let days: BTreeSet<Day> = entries.iter().map(day).collect();
        let mut script = REMOVAL.key(keys::series(site));
        script.key(keys::rollups(site)).arg(keys::ROLLUP_GENERATION).arg(days.len());
        for day in &days {
            script.arg(day.number());
        }
        for entry in entries {
            script.arg(codec::member(entry));
        }
        match self.connection.eval(ZREM, &script).await {
            Err(error) if error.code() == Some(CROSS_SLOT) => {
                self.remove_in_steps(site, entries, &days).await
            }
            result => result.map(drop),
        }
    }

    /// As [`SeriesStore::remove`], where a script may not have keys of several hash slots.
    async fn remove_in_steps(
        &self,
        site: &SiteId,
        entries: &[StreamEntry],
        days: &BTreeSet<Day>,
    ) -> StoreResult<()> {
        let mut remove = cmd(ZREM);
        remove.arg(keys::series(site));
        for entry in entries {
            remove.arg(codec::member(entry));
        }
        let [delete, increase] = invalidate(site, days);
        let mut steps = pipe();
        steps.add_command(remove).add_command(delete).add_command(increase);
        let (replies, _) = self.connection.send_all(ZREM, &steps).await?;
        replies.into_iter().try_for_each(|reply| reply.map(drop))
    }

    /// Removes a site's readings with a timestamp before an instant (`ZREMRANGEBYSCORE`), and the rollups of
    /// their days; gives their number.
    ///
    /// # Errors
    /// When the server replied with an error or not at all.
    pub async fn expire_before(&self, site: &SiteId, before: Instant) -> StoreResult<u64> {
        let mut script = EXPIRY.key(keys::series(site));
        script.key(keys::rollups(site)).arg(score_below(before)).arg(Day::of(before).number());
        script.arg(keys::ROLLUP_GENERATION);
        match self.connection.eval(ZREMRANGEBYSCORE, &script).await {
            Err(error) if error.code() == Some(CROSS_SLOT) => {
                self.expire_in_steps(site, before).await
            }
            reply => self.removed(&reply?),
        }
    }

    /// As [`SeriesStore::expire_before`], where a script may not have keys of several hash slots.
    async fn expire_in_steps(&self, site: &SiteId, before: Instant) -> StoreResult<u64> {
        let mut command = cmd(ZREMRANGEBYSCORE);
        command.arg(keys::series(site)).arg("-inf").arg(score_below(before));
        let removed = self.connection.send(ZREMRANGEBYSCORE, &command).await?;
        let mut script = EXPIRY.key(keys::rollups(site));
        script.arg(score_below(before)).arg(Day::of(before).number());
        script.arg(keys::ROLLUP_GENERATION).arg(self.removed(&removed)?);
        self.removed(&self.connection.eval(ZREMRANGEBYSCORE, &script).await?)
    }

    fn removed(&self, reply: &Value) -> StoreResult<u64> {
        reply::integer(reply).ok_or_else(|| self.connection.unexpected_reply(ZREMRANGEBYSCORE))
    }

    /// Reads all readings of a site, page by page.
    #[must_use]
    pub fn read(&self, site: &SiteId) -> SeriesReader {
        SeriesReader::new(self.connection.clone(), site)
    }

    /// Reads the samples of a range of a site's readings, page by page.
    #[must_use]
    pub fn samples(&self, site: &SiteId, range: Range) -> SampleReader {
        SampleReader::new(self.connection.clone(), site, range)
    }

    /// Reads a selection of a site's readings, page by page; `wanted` is about how many the caller will use.
    #[must_use]
    pub fn select(&self, site: &SiteId, selection: Selection, wanted: usize) -> SelectionReader {
        SelectionReader::new(self.connection.clone(), site, selection, wanted)
    }
}

/// The scores below that of an instant, as the upper bound of a range.
fn score_below(instant: Instant) -> String {
    format!("({}", instant.epoch_seconds())
}
