//! Finds which entries are stored, in whichever tier.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use redis::{Value, cmd};

use crate::energy::rollup::Day;
use crate::reading::SiteId;
use crate::store::archive::DayArchive;
use crate::store::codec::{self, StreamEntry};
use crate::store::connection::{SharedConnection, reply};
use crate::store::error::{StoreError, StoreResult};
use crate::store::error_class::ErrorClass;
use crate::store::keys::{self, Keys};
use crate::store::packed::{Contents, PackedDays, PackedMembers, SiteDays};
use crate::store::stream_id::StreamId;

/// How often a site is searched again because its days have changed meanwhile. Too low and an entry whose day moves is
/// reported as missing; too high and a site that is packed at present takes long.
const MAX_ATTEMPTS: usize = 20;

const ZMSCORE: &str = "ZMSCORE";

/// Where the entries of sites are stored.
#[derive(Debug)]
pub(super) struct StoredEntries {
    connection: SharedConnection,
    packed: PackedDays,
    archive: Option<Arc<dyn DayArchive>>,
}

impl StoredEntries {
    pub fn new(connection: SharedConnection, archive: Option<Arc<dyn DayArchive>>) -> Self {
        Self { packed: PackedDays::new(connection.clone()), connection, archive }
    }

    /// Those of a site's entries that are in no tier.
    ///
    /// # Errors
    /// When the server or the archive replied with an error or not at all, or days are archived and there is no archive.
    pub async fn absent(
        &self,
        site: &SiteId,
        entries: &[StreamEntry],
    ) -> StoreResult<Vec<StreamId>> {
        let mut rest: Vec<_> = entries.iter().map(|it| (it, codec::member(it))).collect();
        for _ in 0..MAX_ATTEMPTS {
            let version = self.packed.version(site).await?;
            self.retain_not_hot(site, &mut rest).await?;
            if version.is_none() || rest.is_empty() {
                break;
            }
            let days = self.packed.of_site(site).await?;
            self.retain_not_in_days(site, &days, &mut rest).await?;
            // Members of a day that changed meanwhile may have been in no tier when that was searched.
            if self.packed.version(site).await? == version {
                break;
            }
        }
        Ok(rest.into_iter().map(|(entry, _)| entry.id).collect())
    }

    /// Leaves those that are not in the sorted set; all, when the key has another type.
    async fn retain_not_hot(&self, site: &SiteId, rest: &mut Vec<Entry<'_>>) -> StoreResult<()> {
        let mut command = cmd(ZMSCORE);
        command.arg(keys::series(site));
        for (_, member) in &*rest {
            command.arg(member.as_slice());
        }
        let scores = match self.connection.send(ZMSCORE, &command).await {
            Err(error) if error.class == ErrorClass::WrongType => return Ok(()),
            scores => reply::array(scores?),
        };
        let scores = scores.ok_or_else(|| self.connection.unexpected_reply(ZMSCORE))?;
        let mut scores = scores.into_iter();
        rest.retain(|_| scores.next() == Some(Value::Nil));
        Ok(())
    }

    /// Leaves those that are neither packed nor archived. One day at a time: a day may have 64 MiB.
    async fn retain_not_in_days(
        &self,
        site: &SiteId,
        days: &SiteDays,
        rest: &mut Vec<Entry<'_>>,
    ) -> StoreResult<()> {
        let of_rest: BTreeSet<_> = rest.iter().map(|(entry, _)| day_of(entry)).collect();
        for day in of_rest {
            let Some(header) = days.headers.get(&day) else { continue };
            if header.packed.count > 0 {
                let packed = self.packed.members(site, &[day]).await?;
                for (_, members) in packed.into_iter().flatten() {
                    remove(rest, &members);
                }
            }
            if let Some(contents) = header.archived()
                && rest.iter().any(|(it, _)| day_of(it) == day)
            {
                let archived = self.archived(site, day, contents).await?;
                for members in &archived {
                    remove(rest, members);
                }
            }
        }
        Ok(())
    }

    async fn archived(
        &self,
        site: &SiteId,
        day: Day,
        contents: Contents,
    ) -> StoreResult<Vec<PackedMembers>> {
        let Some(archive) = &self.archive else {
            let text = format!(
                "the readings of site {site} of {day} are archived, and ARCHIVE_URL is not set"
            );
            return Err(self.connection.found("get", ErrorClass::Archive, text));
        };
        let members = archive.members(site, &[(day, contents)]).await;
        members.map_err(|error| StoreError::of_archive(&error))
    }

    /// Whether a site had readings and has none any more: it is in the index, its sorted set does not exist, and no day is
    /// packed or archived. Entries of such a site are not missing: an operator deleted them.
    pub async fn site_was_deleted(&self, keys: &Keys, site: &SiteId) -> StoreResult<bool> {
        let mut index = cmd("ZSCORE");
        index.arg(keys.sites()).arg(site.as_str());
        let mut readings = cmd("ZCARD");
        readings.arg(keys::series(site));
        let is_indexed = self.connection.send("ZSCORE", &index).await? != Value::Nil;
        let is_empty = match self.connection.send("ZCARD", &readings).await {
            Err(error) if error.class == ErrorClass::WrongType => false,
            count => count? == Value::Int(0),
        };
        Ok(is_indexed && is_empty && self.packed.of_site(site).await?.members() == 0)
    }
}

/// An entry and its member.
type Entry<'a> = (&'a StreamEntry, Vec<u8>);

fn day_of(entry: &StreamEntry) -> Day {
    Day::of(entry.reading.timestamp.instant())
}

fn remove(rest: &mut Vec<Entry<'_>>, found: &PackedMembers) {
    let found: HashSet<_> = found.iter().collect();
    rest.retain(|(_, member)| !found.contains(member.as_slice()));
}
