//! Compares all files with what Redis knows of their days.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use readings::SiteId;
use readings::energy::rollup::Day;
use readings::store::archive::ArchiveError;
use readings::store::packed::{Contents, DayHeader, PackedDays};
use readings::store::series::SiteIndex;

use crate::archiver::{RunError, orphans};
use crate::manifest::{ArchiveFile, Manifest};
use crate::parquet_archive::ParquetArchive;
use crate::row::{Row, by_day, members};
use crate::site_days_in_files::SitesOfFiles;

/// Sites of one page of the index. Too low: a round trip to Redis for few. Too high: more memory.
const PAGE: usize = 1_000;

/// What was found.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Files that were read.
    pub files: u64,
    /// Sites whose headers were compared with the files.
    pub sites: u64,
    /// Days of sites whose readings are those of their headers.
    pub days: u64,
    /// Their readings.
    pub readings: u64,
    /// Those of these days whose readings were replaced since: Redis is of before that.
    pub replaced: u64,
    /// Days of sites in files that do not count: what was unpacked, deleted, or archived before Redis lost its data.
    pub uncounted: u64,
    /// Files that no manifest names: of ended processes, or being written.
    pub orphans: Vec<String>,
    /// How many sentences say what is wrong.
    pub problems: u64,
}

/// What is reported while an archive is verified.
#[derive(Debug)]
pub enum Finding<'a> {
    /// What was found so far.
    Progress(&'a Verified),
    /// A sentence that says what is wrong.
    Problem(&'a str),
}

/// Verifies an archive against a Redis.
pub struct Verification<'a> {
    archive: &'a ParquetArchive,
    packed: &'a PackedDays,
    report: &'a mut dyn FnMut(Finding<'_>),
    found: Verified,
    /// Days of sites that were found in files, and those that headers name: their difference by day.
    missing: BTreeMap<Day, i64>,
    /// Days that the files have otherwise, and replaced readings may have as their headers say; with what is wrong else.
    others: BTreeMap<(SiteId, Day), String>,
}

impl<'a> Verification<'a> {
    /// Nothing is read yet.
    #[must_use]
    pub fn new(
        archive: &'a ParquetArchive,
        packed: &'a PackedDays,
        report: &'a mut dyn FnMut(Finding<'_>),
    ) -> Self {
        let (missing, others) = (BTreeMap::new(), BTreeMap::new());
        Self { archive, packed, report, found: Verified::default(), missing, others }
    }

    /// Reads all files and all headers. What the archiver changes meanwhile may be reported wrongly.
    ///
    /// # Errors
    /// When Redis or the archive does not reply. A file that is missing or damaged is a problem, and no error.
    pub async fn run(mut self, index: &SiteIndex) -> Result<Verified, RunError> {
        let newest = self.archive.manifests().read().await?;
        if let Some(manifest) = newest.as_deref() {
            for file in &manifest.files {
                let read = self.file(manifest, file).await;
                self.recover(read)?;
            }
            for replaced in &manifest.replaced {
                let read = self.replaced(manifest, &replaced.file).await;
                self.recover(read)?;
            }
        }
        for problem in std::mem::take(&mut self.others).into_values() {
            self.problem(&problem);
        }
        self.sites(index, newest.as_deref()).await?;
        let orphans = orphans(self.archive.files(), newest.as_deref()).await?;
        self.found.orphans = orphans.into_iter().map(|(path, _)| path).collect();
        Ok(self.found)
    }

    /// Counts a file, and what is wrong with it as a whole.
    fn recover(&mut self, read: Result<(), RunError>) -> Result<(), RunError> {
        match read {
            Ok(()) => {}
            Err(RunError::Archive(ArchiveError { cause, .. })) => self.problem(&cause),
            Err(error) => return Err(error),
        }
        self.found.files += 1;
        self.progress();
        Ok(())
    }

    async fn file(&mut self, manifest: &Manifest, file: &ArchiveFile) -> Result<(), RunError> {
        let mut sites = self.open(file).await?;
        let mut rows_read = 0;
        while let Some(site) = sites.next_site() {
            let rows = sites.take(&site).await?;
            rows_read += rows.len() as u64;
            if !rows.is_sorted_by(|a, b| a.file_order() <= b.file_order()) {
                self.problem_of(file, format_args!("the rows of site {site} are not sorted"));
            }
            for (day, header, rows) in self.days(&site, rows).await? {
                self.day(manifest, file, (&site, day), header.as_ref(), &rows);
            }
            self.progress();
        }
        if rows_read != file.rows {
            let text = format_args!(
                "it has {rows_read} readings, its manifest says {rows}",
                rows = file.rows
            );
            self.problem_of(file, text);
        }
        Ok(())
    }

    async fn open(&self, file: &ArchiveFile) -> Result<SitesOfFiles, ArchiveError> {
        let (files, reader) = (self.archive.files(), self.archive.reader());
        SitesOfFiles::open(files, reader, std::slice::from_ref(file)).await
    }

    /// The rows of a site by their days, with the headers of these.
    async fn days(
        &self,
        site: &SiteId,
        rows: Vec<Row>,
    ) -> Result<Vec<(Day, Option<DayHeader>, Vec<Row>)>, RunError> {
        let rows = by_day(rows);
        let days: Vec<_> = rows.keys().copied().collect();
        let (_, headers) = self.packed.headers(site, &days).await?;
        Ok(rows.into_iter().zip(headers).map(|((day, rows), it)| (day, it, rows)).collect())
    }

    fn day(
        &mut self,
        manifest: &Manifest,
        file: &ArchiveFile,
        (site, day): (&SiteId, Day),
        header: Option<&DayHeader>,
        rows: &[Row],
    ) {
        let Some(archived) = header.and_then(DayHeader::archived) else {
            self.found.uncounted += 1;
            return;
        };
        *self.missing.entry(day).or_default() -= 1;
        if members(site, rows).is_some_and(|members| members.are(&archived)) {
            self.count(&archived);
            return;
        }
        let (count, expected, path) = (rows.len(), archived.count, &file.path);
        let text = format!(
            "{path}: {day} of site {site} has {count} readings, its header in Redis has {expected} others"
        );
        if manifest.has_replaced(site, day) {
            self.others.insert((site.clone(), day), text);
        } else {
            self.problem(&text);
        }
    }

    /// Counts the days of which Redis is of before a file, and the readings of then are kept.
    async fn replaced(&mut self, manifest: &Manifest, file: &ArchiveFile) -> Result<(), RunError> {
        let mut sites = self.open(file).await?;
        let mut absent = BTreeSet::new();
        while let Some(site) = sites.next_site() {
            let rows = sites.take(&site).await?;
            for (day, header, rows) in self.days(&site, rows).await? {
                let Some(archived) = header.as_ref().and_then(DayHeader::archived) else {
                    continue;
                };
                if !members(&site, &rows).is_some_and(|members| members.are(&archived)) {
                    continue;
                }
                let is_other = self.others.remove(&(site.clone(), day)).is_some();
                let is_absent = !is_other
                    && self.archive.newest(manifest, &site, day).await?.is_empty()
                    && absent.insert((site.clone(), day));
                if is_absent {
                    *self.missing.entry(day).or_default() -= 1;
                }
                if is_other || is_absent {
                    self.found.replaced += 1;
                    self.count(&archived);
                }
            }
        }
        Ok(())
    }

    fn count(&mut self, archived: &Contents) {
        self.found.days += 1;
        self.found.readings += archived.count;
    }

    /// Archived days that no file has.
    async fn sites(
        &mut self,
        index: &SiteIndex,
        manifest: Option<&Manifest>,
    ) -> Result<(), RunError> {
        let mut after: Option<SiteId> = None;
        loop {
            let start = after.as_ref().map_or(Bound::Unbounded, |it| Bound::Excluded(it.as_str()));
            let page = index.list(start, "", PAGE).await?;
            for site in &page {
                self.site(site, manifest).await?;
            }
            after = page.into_iter().next_back();
            if after.is_none() {
                break;
            }
        }
        for (day, sites) in std::mem::take(&mut self.missing) {
            if sites > 0 {
                self.problem(&format!(
                    "of {day} the files lack {sites} sites that are archived by their headers"
                ));
            }
        }
        Ok(())
    }

    async fn site(&mut self, site: &SiteId, manifest: Option<&Manifest>) -> Result<(), RunError> {
        let has =
            |day: Day| manifest.is_some_and(|it| it.has(site, day) || it.has_replaced(site, day));
        for (day, header) in self.packed.of_site(site).await?.headers {
            let Some(Contents { count, .. }) = header.archived() else { continue };
            if has(day) {
                *self.missing.entry(day).or_default() += 1;
            } else {
                self.problem(&format!(
                    "no file has {day} of site {site} with its {count} readings"
                ));
            }
        }
        self.found.sites += 1;
        self.progress();
        Ok(())
    }

    fn progress(&mut self) {
        (self.report)(Finding::Progress(&self.found));
    }

    fn problem_of(&mut self, file: &ArchiveFile, text: std::fmt::Arguments<'_>) {
        self.problem(&format!("{}: {text}", file.path));
    }

    fn problem(&mut self, text: &str) {
        self.found.problems += 1;
        (self.report)(Finding::Problem(text));
    }
}
