//! What becomes of the days of one site in a file.

use std::collections::{BTreeMap, BTreeSet};

use readings::SiteId;
use readings::energy::rollup::Day;
use readings::store::packed::{
    ArchivedDay, Changed, Contents, DayChange, DayHeader, PackedDays, PackedMembers, PackedPart,
    PackedValue,
};
use tracing::error;

use super::error::RunError;
use crate::manifest::Manifest;
use crate::parquet_archive::ParquetArchive;
use crate::row::{Row, by_day, members};

/// A day that is in the new file as its header says, once that is changed.
#[derive(Debug, Clone)]
pub(super) struct Outcome {
    pub site: SiteId,
    pub day: Day,
    /// The header that the day had.
    pub header: DayHeader,
}

impl Outcome {
    /// Changes the header, and removes the packed value: whether the day was still as it was. The days of the site are to be
    /// summarized after it.
    pub async fn commit(&self, packed: &PackedDays) -> Result<bool, RunError> {
        let has_readings = self.header.packed.count > 0;
        let header = DayHeader {
            packed: Contents::default(),
            archived: has_readings.then_some(ArchivedDay::Current(self.header.packed)),
            ..self.header.clone()
        };
        let change = DayChange {
            day: self.day,
            expected: Some(&self.header),
            lease: None,
            header: &header,
            value: PackedValue::Removed,
            added: &[],
            removed: &[],
        };
        Ok(packed.change_one(&self.site, &change).await? == Changed::Yes)
    }
}

/// The days of a site in a file.
pub(super) struct SiteDaysOfFile<'a> {
    pub archive: &'a ParquetArchive,
    /// That of before the file.
    pub manifest: &'a Manifest,
    pub packed: &'a PackedDays,
    pub site: &'a SiteId,
    pub due: BTreeSet<Day>,
    /// Days before it have expired: once Redis has deleted them their rows are left out.
    pub oldest_kept: Option<Day>,
}

/// What becomes of the rows of a site.
#[derive(Debug, Default)]
pub(super) struct SiteRows {
    /// Those of the new file.
    pub rows: Vec<Row>,
    /// Those of the files before of days that the new one has otherwise, or not at all.
    pub replaced: Vec<Row>,
    pub outcomes: Vec<Outcome>,
    /// Days that are left as they are, as their packed values are damaged.
    pub damaged: Vec<RunError>,
}

/// Archived members of a day.
struct ArchivedMembers {
    members: PackedMembers,
    /// Whether the newest file has others: Redis is of before it.
    is_replaced: bool,
}

/// Rows of a day, of the files before.
type Days = BTreeMap<Day, Vec<Row>>;

impl SiteDaysOfFile<'_> {
    /// What the new file has, of the rows of the files before and of the packed days that are due.
    pub async fn rows(&self, rows: Vec<Row>) -> Result<SiteRows, RunError> {
        let headers = self.packed.of_site(self.site).await?.headers;
        let (mut before, mut found) = (by_day(rows), SiteRows::default());
        for day in &self.due {
            let Some(header) = headers.get(day).filter(|it| it.is_archivable()) else { continue };
            let (outcome, rows) = match self.due_day(*day, header, &before).await {
                Ok(Some(due)) => due,
                Ok(None) => continue,
                Err(error @ RunError::Damaged { .. }) => {
                    error!(%error, "a day is left as it is");
                    found.damaged.push(error);
                    if header.archived().is_none() {
                        // They do not count, and are what is left of it.
                        found.rows.extend(before.remove(day).unwrap_or_default());
                    }
                    continue;
                }
                Err(error) => return Err(error),
            };
            let replaced = before.remove(day).unwrap_or_default();
            if !self.members_of(*day, &replaced)?.are(&outcome.header.packed) {
                found.replaced.extend(replaced);
            }
            found.rows.extend(rows);
            found.outcomes.push(outcome);
        }
        for (day, rows) in before {
            self.keep(day, headers.get(&day), rows, &mut found).await?;
        }
        Ok(found)
    }

    /// Keeps the rows that count, and those that Redis does not know and that have not expired. What is packed or deleted does
    /// not stay.
    async fn keep(
        &self,
        day: Day,
        header: Option<&DayHeader>,
        rows: Vec<Row>,
        found: &mut SiteRows,
    ) -> Result<(), RunError> {
        let Some(header) = header else {
            if self.oldest_kept.is_none_or(|oldest| oldest <= day) {
                found.rows.extend(rows);
            }
            return Ok(());
        };
        let Some(contents) = header.archived() else {
            found.replaced.extend(rows);
            return Ok(());
        };
        let archived = self.archived(day, &contents, &rows).await?;
        if archived.is_replaced {
            found.rows.extend(self.rows_of(day, &archived.members)?);
            found.replaced.extend(rows);
        } else {
            found.rows.extend(rows);
        }
        Ok(())
    }

    /// The archived members of a day that its header tells of. A file that lacks a reading is not replaced by one that lacks
    /// it, too.
    async fn archived(
        &self,
        day: Day,
        contents: &Contents,
        rows: &[Row],
    ) -> Result<ArchivedMembers, RunError> {
        let newest = self.members_of(day, rows)?;
        if newest.are(contents) {
            return Ok(ArchivedMembers { members: newest, is_replaced: false });
        }
        let replaced = self.archive.replaced(self.manifest, self.site, day, contents, &newest);
        if let Some(members) = replaced.await? {
            return Ok(ArchivedMembers { members, is_replaced: true });
        }
        let (count, expected) = (newest.len(), contents.count);
        Err(self.damaged(
            day,
            format!("the archive has {count} readings other than the {expected} of its header"),
        ))
    }

    fn members_of(&self, day: Day, rows: &[Row]) -> Result<PackedMembers, RunError> {
        members(self.site, rows).ok_or_else(|| self.damaged(day, "a row has no member"))
    }

    fn rows_of(&self, day: Day, members: &PackedMembers) -> Result<Vec<Row>, RunError> {
        let rows: Option<Vec<_>> = members.iter().map(Row::of_member).collect();
        rows.ok_or_else(|| self.damaged(day, "a member has no row"))
    }

    /// A day that is due; `None` when it was changed meanwhile, so that a later run archives it.
    async fn due_day(
        &self,
        day: Day,
        header: &DayHeader,
        before: &Days,
    ) -> Result<Option<(Outcome, Vec<Row>)>, RunError> {
        let (header, members) = match header.archived() {
            Some(archived) => {
                let rows = before.get(&day).map(Vec::as_slice).unwrap_or_default();
                let Some(united) = self.unite(day, header, &archived, rows).await? else {
                    return Ok(None);
                };
                united
            }
            None => match self.packed_members(day, header).await? {
                Some(members) => (header.clone(), members),
                None => return Ok(None),
            },
        };
        let rows = self.rows_of(day, &members)?;
        Ok(Some((Outcome { site: self.site.clone(), day, header }, rows)))
    }

    /// `None` when the day was changed since its header was read.
    async fn packed_members(
        &self,
        day: Day,
        header: &DayHeader,
    ) -> Result<Option<PackedMembers>, RunError> {
        match self.packed.part(self.site, day, header).await? {
            PackedPart::Members(members) => Ok(Some(members)),
            PackedPart::Changed => Ok(None),
            PackedPart::Damaged(damage) => Err(self.damaged(day, damage)),
        }
    }

    /// Brings archived readings and those that were packed later together in the packed value: from now on the rows of
    /// files do not count, so that a reading which is deleted before the header is changed stays deleted.
    async fn unite(
        &self,
        day: Day,
        header: &DayHeader,
        archived: &Contents,
        rows: &[Row],
    ) -> Result<Option<(DayHeader, PackedMembers)>, RunError> {
        let archived = self.archived(day, archived, rows).await?.members;
        let Some(packed) = self.packed_members(day, header).await? else { return Ok(None) };
        let united = archived.union(&packed);
        let revision = header.revision.wrapping_add(1);
        let block = united.to_block(revision).map_err(|error| self.damaged(day, error))?;
        let changed = DayHeader {
            revision,
            is_complete: true,
            packed: united.contents(),
            archived: Some(ArchivedDay::Superseded),
        };
        let change = DayChange {
            day,
            expected: Some(header),
            lease: None,
            header: &changed,
            value: PackedValue::Set(block),
            added: &[],
            removed: &[],
        };
        let is_changed = self.packed.change(self.site, &change).await? == Changed::Yes;
        fail::fail_point!("archive-after-unite");
        Ok(is_changed.then_some((changed, united)))
    }

    fn damaged(&self, day: Day, cause: impl std::fmt::Display) -> RunError {
        RunError::Damaged {
            site: self.site.to_string(),
            day: day.to_string(),
            cause: cause.to_string(),
        }
    }
}
