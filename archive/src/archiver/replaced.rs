//! Replaced readings: how they are kept, and when they are forgotten.
//!
//! Redis may come to be as it was before a file was replaced: it is restored from a backup, or a failover or a power failure
//! loses its last writes. Its headers then name the readings of that time. Readers find them among the replaced ones; and
//! before these are forgotten, a day whose header still names them is packed with them again, and archived by the next run.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use readings::SiteId;
use readings::energy::rollup::Day;
use readings::store::archive::ArchiveError;
use readings::store::packed::{
    ArchivedDay, DayChange, DayHeader, PackedDays, PackedMembers, PackedValue,
};
use tracing::warn;

use super::error::RunError;
use super::plan::Job;
use crate::file_writer::FileWriter;
use crate::manifest::{ArchiveFile, Manifest};
use crate::object_files::ObjectFiles;
use crate::parquet_archive::ParquetArchive;
use crate::row::{Row, by_day, members};
use crate::site_days_in_files::SitesOfFiles;

/// How long they are kept. Too low and a backup of Redis that is older names readings that the archive does not have; too
/// high and deleted readings take space for longer.
pub const KEPT_FOR: Duration = Duration::from_hours(7 * 24);

/// Writes the readings that a job replaces, if there are any.
pub(super) struct ReplacedWriter {
    writer: FileWriter,
    days: BTreeSet<Day>,
}

impl ReplacedWriter {
    pub fn create(files: &ObjectFiles, job: &Job) -> Result<Self, ArchiveError> {
        let writer = FileWriter::create_replaced(files, job.partition, job.days)?;
        Ok(Self { writer, days: BTreeSet::new() })
    }

    pub async fn push(&mut self, site: &SiteId, rows: Vec<Row>) -> Result<(), ArchiveError> {
        self.days.extend(rows.iter().map(Row::day));
        self.writer.push(site, rows).await
    }

    /// The file, of no more days than it has.
    pub async fn finish(self) -> Result<Option<ArchiveFile>, ArchiveError> {
        let file = self.writer.finish().await?;
        let ends = self.days.first().zip(self.days.last());
        Ok(file.zip(ends).map(|(file, (first, last))| ArchiveFile {
            first_day: first.number(),
            last_day: last.number(),
            ..file
        }))
    }
}

/// Forgets replaced readings.
pub(super) struct Forgetting<'a> {
    pub archive: &'a ParquetArchive,
    pub packed: &'a PackedDays,
    pub manifest: &'a Manifest,
}

impl Forgetting<'_> {
    /// The old files whose readings no header names any more.
    pub async fn forgotten(&self) -> Result<Vec<ArchiveFile>, RunError> {
        let old = SystemTime::now() - KEPT_FOR;
        let old = old.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        let mut forgotten = Vec::new();
        for replaced in self.manifest.replaced.iter().filter(|replaced| replaced.at < old) {
            if !self.is_named(&replaced.file).await? {
                forgotten.push(replaced.file.clone());
            }
        }
        Ok(forgotten)
    }

    /// Whether headers name readings of a file: days of which nothing else is packed are packed with them again.
    async fn is_named(&self, file: &ArchiveFile) -> Result<bool, RunError> {
        let (files, reader) = (self.archive.files(), self.archive.reader());
        let mut sites = SitesOfFiles::open(files, reader, std::slice::from_ref(file)).await?;
        let mut is_named = false;
        while let Some(site) = sites.next_site() {
            let rows = sites.take(&site).await?;
            for (day, rows) in by_day(rows) {
                is_named |= self.is_day_named(file, &site, day, &rows).await?;
            }
        }
        Ok(is_named)
    }

    async fn is_day_named(
        &self,
        file: &ArchiveFile,
        site: &SiteId,
        day: Day,
        rows: &[Row],
    ) -> Result<bool, RunError> {
        let Some(header) = self.packed.header(site, day).await? else { return Ok(false) };
        let Some(contents) = header.archived() else { return Ok(false) };
        let unreadable = || self.archive.files().error("read", format!("{}: a row", file.path));
        let replaced = members(site, rows).ok_or_else(unreadable)?;
        if !replaced.are(&contents)
            || self.archive.newest(self.manifest, site, day).await?.are(&contents)
        {
            return Ok(false);
        }
        warn!(%site, %day, "Redis is of before a change of an archived day: its readings of then are archived again");
        if header.packed.count == 0 {
            self.pack(site, day, &header, &replaced).await?;
        }
        Ok(true)
    }

    /// What is packed otherwise is united with them by the next run.
    async fn pack(
        &self,
        site: &SiteId,
        day: Day,
        before: &DayHeader,
        members: &PackedMembers,
    ) -> Result<(), RunError> {
        let block = members.to_block(before.revision);
        let block = block.map_err(|error| self.archive.files().error("read", error))?;
        let header = DayHeader {
            packed: members.contents(),
            archived: Some(ArchivedDay::Superseded),
            ..before.clone()
        };
        let change = DayChange {
            day,
            expected: Some(before),
            lease: None,
            header: &header,
            value: PackedValue::Set(block),
            added: &[],
            removed: &[],
        };
        // Where it was changed meanwhile the next run sees it.
        self.packed.change(site, &change).await.map(drop)?;
        Ok(())
    }
}
