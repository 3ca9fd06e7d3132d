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
use crate::store::connection::{Generation, SharedConnection, reply};
use crate::store::error::StoreResult;
use crate::store::keys;

static REMOVAL: LazyLock<Script> = LazyLock::new(removal);
static EXPIRY: LazyLock<Script> = LazyLock::new(expiry);

const ZRANGE: &str = "ZRANGE";

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

    /// Whether a site has readings.
    pub(in crate::store) async fn exists(&self, site: &SiteId) -> StoreResult<bool> {
        let mut command = cmd(ZRANGE);
        command.arg(keys::series(site)).arg(0).arg(0);
        let found = reply::array(self.connection.send(ZRANGE, &command).await?);
        let found = found.ok_or_else(|| self.connection.unexpected_reply(ZRANGE))?;
        Ok(!found.is_empty())
    }

    /// The present generation of the connection.
    pub(in crate::store) fn generation(&self) -> Generation {
        self.connection.generation()
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
        let members: Vec<_> =
            entries.iter().map(|entry| (day(entry), codec::member(entry))).collect();
        self.remove_members(site, &members).await.map(drop)
    }

    /// Removes members of one site (`ZREM`), and the rollups of these days; gives the number that there was.
    ///
    /// # Errors
    /// When the server replied with an error or not at all; the members can be removed again.
    pub(in crate::store) async fn remove_members(
        &self,
        site: &SiteId,
        members: &[(Day, Vec<u8>)],
    ) -> StoreResult<u64> {
        let days: BTreeSet<Day> = members.iter().map(|(day, _)| *day).collect();
        let mut script = REMOVAL.key(keys::series(site));
        script.key(keys::rollups(site)).arg(keys::ROLLUP_GENERATION).arg(days.len());
        for day in &days {
            script.arg(day.number());
        }
        for (_, member) in members {
            script.arg(member.as_slice());
        }
        match self.connection.eval(ZREM, &script).await {
            Err(error) if error.code() == Some(CROSS_SLOT) => {
                self.remove_in_steps(site, members, &days).await
            }
            reply => self.removed(ZREM, &reply?),
        }
    }

    /// As [`SeriesStore::remove_members`], where a script may not have keys of several hash slots.
    async fn remove_in_steps(
        &self,
        site: &SiteId,
        members: &[(Day, Vec<u8>)],
        days: &BTreeSet<Day>,
    ) -> StoreResult<u64> {
        let mut remove = cmd(ZREM);
        remove.arg(keys::series(site));
        for (_, member) in members {
            remove.arg(member.as_slice());
        }
        let [delete, increase] = invalidate(site, days);
        let mut steps = pipe();
        steps.add_command(remove).add_command(delete).add_command(increase);
        let (replies, _) = self.connection.send_all(ZREM, &steps).await?;
        let replies = replies.into_iter().collect::<StoreResult<Vec<_>>>()?;
        self.removed(ZREM, replies.first().unwrap_or(&Value::Nil))
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
            reply => self.removed(ZREMRANGEBYSCORE, &reply?),
        }
    }

    /// As [`SeriesStore::expire_before`], where a script may not have keys of several hash slots.
    async fn expire_in_steps(&self, site: &SiteId, before: Instant) -> StoreResult<u64> {
        let mut command = cmd(ZREMRANGEBYSCORE);
        command.arg(keys::series(site)).arg("-inf").arg(score_below(before));
        let removed = self.connection.send(ZREMRANGEBYSCORE, &command).await?;
        let mut script = EXPIRY.key(keys::rollups(site));
        script.arg(score_below(before)).arg(Day::of(before).number());
        script.arg(keys::ROLLUP_GENERATION).arg(self.removed(ZREMRANGEBYSCORE, &removed)?);
        let removed = self.connection.eval(ZREMRANGEBYSCORE, &script).await?;
        self.removed(ZREMRANGEBYSCORE, &removed)
    }

    fn removed(&self, operation: &'static str, reply: &Value) -> StoreResult<u64> {
        reply::integer(reply).ok_or_else(|| self.connection.unexpected_reply(operation))
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
