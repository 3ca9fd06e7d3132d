//! Brings archived days back into Redis: as packed days, or, where Redis has lost its data, as what it has to know of them.

use std::collections::BTreeSet;

use readings::SiteId;
use readings::energy::rollup::Day;
use readings::store::ArchiveRecord;
use readings::store::packed::{
    ArchivedDay, Changed, Contents, DayChange, DayHeader, PackedDays, PackedValue,
};
use readings::store::series::SiteIndex;

use crate::archiver::RunError;
use crate::manifest::ArchiveFile;
use crate::parquet_archive::ParquetArchive;
use crate::row::{Row, by_day, members};
use crate::site_days_in_files::SitesOfFiles;

/// Which days are restored, and how.
#[derive(Debug, Clone, Default)]
pub struct Restoration {
    /// Only these sites; none: all.
    pub sites: BTreeSet<SiteId>,
    /// Only days from this one on.
    pub from: Option<Day>,
    /// Only days before this one.
    pub before: Option<Day>,
    /// Whether readings stay in the archive, and only headers that Redis lacks are restored.
    pub only_headers: bool,
}

/// What was restored.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Restored {
    /// Sites that were read.
    pub sites: u64,
    /// Days of sites that were restored.
    pub days: u64,
    /// Their readings.
    pub readings: u64,
    /// Days of sites that are in Redis already, or were unpacked or deleted since.
    pub present: u64,
}

/// Where to.
#[derive(Debug, Clone)]
pub struct RestoredInto<'a> {
    /// The packed days.
    pub packed: &'a PackedDays,
    /// The site index: sites with restored days are added.
    pub sites: &'a SiteIndex,
    /// It records that the archive is that of this Redis, once all days are restored.
    pub record: &'a ArchiveRecord,
}

impl Restoration {
    /// Restores the days, file by file. A day that Redis knows to be packed or deleted is left as it is, so it can be run
    /// again, and beside services.
    ///
    /// # Errors
    /// When Redis or the archive does not reply, or a file is damaged: what is restored stays.
    pub async fn run(
        &self,
        archive: &ParquetArchive,
        into: &RestoredInto<'_>,
        mut progress: impl FnMut(&Restored),
    ) -> Result<Restored, RunError> {
        let mut restored = Restored::default();
        let Some(manifest) = archive.manifests().read().await? else { return Ok(restored) };
        for file in manifest.files.iter().filter(|file| self.has_days_of(file)) {
            let opened = std::slice::from_ref(file);
            let mut sites = SitesOfFiles::open(archive.files(), archive.reader(), opened).await?;
            while let Some(site) = sites.next_site() {
                let rows = sites.take(&site).await?;
                if self.sites.is_empty() || self.sites.contains(&site) {
                    self.site(into, &site, rows, &mut restored).await?;
                    progress(&restored);
                }
            }
        }
        if self.is_whole() {
            into.record.set_archive(&manifest.archive).await?;
        }
        Ok(restored)
    }

    fn is_whole(&self) -> bool {
        self.sites.is_empty() && self.from.is_none() && self.before.is_none()
    }

    fn has_days_of(&self, file: &ArchiveFile) -> bool {
        self.from.is_none_or(|from| from.number() <= file.last_day)
            && self.before.is_none_or(|before| file.first_day < before.number())
    }

    async fn site(
        &self,
        into: &RestoredInto<'_>,
        site: &SiteId,
        rows: Vec<Row>,
        restored: &mut Restored,
    ) -> Result<(), RunError> {
        let headers = into.packed.of_site(site).await?.headers;
        let mut is_indexed = false;
        restored.sites += 1;
        for (day, rows) in by_day(rows) {
            let is_wanted = self.from.is_none_or(|from| from <= day)
                && self.before.is_none_or(|before| day < before);
            if !is_wanted {
                continue;
            }
            let count = rows.len() as u64;
            if self.day(into.packed, site, day, headers.get(&day), &rows).await? {
                restored.days += 1;
                restored.readings += count;
                if !std::mem::replace(&mut is_indexed, true) {
                    into.sites.add(std::slice::from_ref(site)).await?;
                }
            } else {
                restored.present += 1;
            }
        }
        Ok(())
    }

    /// Restores a day: whether it was not in Redis.
    async fn day(
        &self,
        packed: &PackedDays,
        site: &SiteId,
        day: Day,
        before: Option<&DayHeader>,
        rows: &[Row],
    ) -> Result<bool, RunError> {
        let damaged = |cause: String| RunError::Damaged {
            site: site.to_string(),
            day: day.to_string(),
            cause,
        };
        let members =
            members(site, rows).ok_or_else(|| damaged("a row has no member".to_owned()))?;
        let Some(header) = self.header(before, members.contents()) else { return Ok(false) };
        let value = if self.only_headers {
            PackedValue::Kept
        } else {
            let block = members.to_block(header.revision);
            PackedValue::Set(block.map_err(|error| damaged(error.to_string()))?)
        };
        let change = DayChange {
            day,
            expected: before,
            lease: None,
            header: &header,
            value,
            added: &[],
            removed: &[],
        };
        Ok(packed.change(site, &change).await? == Changed::Yes)
    }

    /// The header of a restored day; `None` where it is not to be restored.
    fn header(&self, before: Option<&DayHeader>, contents: Contents) -> Option<DayHeader> {
        let Some(before) = before else {
            let (packed, archived) = if self.only_headers {
                (Contents::default(), ArchivedDay::Current(contents))
            } else {
                (contents, ArchivedDay::Superseded)
            };
            let archived = Some(archived);
            return Some(DayHeader { revision: 1, is_complete: true, packed, archived });
        };
        let is_same = before.archived().is_some_and(|archived| {
            (archived.count, archived.checksum) == (contents.count, contents.checksum)
        });
        let is_restored = is_same && before.packed.count == 0 && !self.only_headers;
        is_restored.then(|| DayHeader {
            packed: contents,
            archived: Some(ArchivedDay::Superseded),
            ..before.clone()
        })
    }
}
