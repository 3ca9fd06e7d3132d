//! A run over all sites.

use std::sync::Arc;
use std::time::{Duration, Instant};

use readings::energy::rollup::Day;
use readings::store::deletion::ReadingDeleter;
use readings::store::packed::PackedDays;
use readings::store::series::{SeriesStore, SiteIndex};
use readings::store::stream::StreamPartitions;
use readings::store::tier_runs::ArchivingProgress;
use readings::store::{ArchiveRecord, Keys, PartitionCount, SharedConnection};
use tracing::{error, info, warn};
use xxhash_rust::xxh3::xxh3_64;

use super::error::RunError;
use super::job::{Done, LEASE, Reporter, Workplace};
use super::plan::{SiteDaySet, count, jobs};
use super::replaced::Forgetting;
use super::scan::{Found, Scan};
use super::sweep::sweep;
use crate::manifest::{ArchiveFile, Manifest};
use crate::metrics::METRICS;
use crate::parquet_archive::ParquetArchive;

/// What is archived, and when.
#[derive(Debug, Clone, Copy)]
pub struct ArchiverSettings {
    /// The time after the end of a day at which it is archived (`ARCHIVE_AFTER`).
    pub after: Duration,
    /// Into how many parts the sites of a new archive are divided (`ARCHIVE_PARTITIONS`).
    pub partitions: PartitionCount,
    /// The age at which readings expire; without it they stay.
    pub retention: Option<Duration>,
}

/// Moves packed days into the archive.
#[derive(Debug, Clone)]
pub struct Archiver {
    archive: ParquetArchive,
    packed: PackedDays,
    sites: SiteIndex,
    deleter: ReadingDeleter,
    record: ArchiveRecord,
    keys: Keys,
    connection: SharedConnection,
    settings: ArchiverSettings,
    token: String,
}

/// What a run has done.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Archived {
    /// Days of sites that were archived.
    pub days: u64,
    /// Days of sites that were changed meanwhile, which the next run archives, and those that are damaged.
    pub skipped: u64,
    /// Files that were written, or whose readings are expired.
    pub files: u64,
    /// Files of ended processes that were deleted.
    pub swept: u64,
    /// Readings of archived days that were removed, because `DEDUP_POLICY` keeps another one of their device and instant.
    pub deduplicated: u64,
}

/// What a pass leaves.
struct Passed {
    manifest: Manifest,
    /// How the first of the days and files that are damaged is.
    damaged: Option<RunError>,
}

impl Archiver {
    /// Archives the days of one stream's sites, over a connection that others may share.
    #[must_use]
    pub fn new(
        archive: ParquetArchive,
        partitions: &StreamPartitions,
        connection: &SharedConnection,
        settings: ArchiverSettings,
    ) -> Self {
        let (keys, partitions) = (partitions.keys(), partitions.with_connection(connection));
        let series = SeriesStore::new(connection.clone());
        let series = series.with_archive(Some(Arc::new(archive.clone())));
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let now = now.unwrap_or_default().as_nanos();
        let token = format!("{:016x}", xxh3_64(format!("{now} {}", std::process::id()).as_bytes()));
        METRICS.succeeded();
        Self {
            archive,
            packed: PackedDays::new(connection.clone()),
            sites: SiteIndex::new(keys, connection.clone()),
            deleter: ReadingDeleter::new(partitions, series),
            record: ArchiveRecord::new(keys, connection.clone()),
            keys: keys.clone(),
            connection: connection.clone(),
            settings,
            token,
        }
    }

    /// Archives what is due, unless another process does; `None` then.
    ///
    /// # Errors
    /// When Redis or the archive does not reply, or has something else than it should. What is committed stays.
    pub async fn run(&self) -> Result<Option<Archived>, RunError> {
        if !self.record.acquire(&self.token, LEASE).await? {
            return Ok(None);
        }
        let mut reporter = Reporter::of_archiving(&self.keys, self.connection.clone());
        reporter.begin(ArchivingProgress::next).await;
        let done = self.run_with_lease(&mut reporter).await;
        METRICS.run(done.is_ok());
        reporter.end(done.as_ref().err().map(ToString::to_string).as_deref()).await;
        // Err: it expires.
        let _ = self.record.release(&self.token).await;
        done.map(Some)
    }

    async fn run_with_lease(&self, reporter: &mut Reporter) -> Result<Archived, RunError> {
        let cut = self.cut();
        let mut manifest = self.first_manifest().await?;
        reporter.progress().watermark = manifest.watermark;
        let mut archived =
            Archived { deduplicated: self.compare_late_readings().await?, ..Archived::default() };
        loop {
            let found = self.scan(cut).await?;
            reporter.progress().days_due += count(&found.due);
            let passed = self.pass(&manifest, found.due, cut, &mut archived, reporter).await?;
            manifest = passed.manifest;
            if found.is_complete {
                let first_archived = found.first_archived;
                let newest = self.finish(manifest, cut, first_archived, &mut archived).await?;
                reporter.progress().watermark = newest.watermark;
                return passed.damaged.map_or(Ok(archived), Err);
            }
            // Another pass would find the damaged days again.
            passed.damaged.map_or(Ok(()), Err)?;
        }
    }

    /// Compares late readings of archived days with the archived ones (`DEDUP_POLICY`); gives the number of readings that
    /// were removed. The days are archived again by this run.
    async fn compare_late_readings(&self) -> Result<u64, RunError> {
        let mut removed = 0;
        while let Some(of_days) = self.deleter.compare_late_readings().await? {
            removed += of_days;
            if !self.record.acquire(&self.token, LEASE).await? {
                return Err(RunError::Conflict);
            }
        }
        if removed > 0 {
            info!(removed, "DEDUP_POLICY keeps other readings of archived days");
        }
        Ok(removed)
    }

    /// Days before it are due.
    fn cut(&self) -> Day {
        let before = readings::Instant::before_now(self.settings.after);
        before.map_or(Day::from_number(i32::MIN), Day::of)
    }

    /// Days before it are expired.
    fn oldest_kept(&self) -> Option<Day> {
        readings::Instant::before_now(self.settings.retention?).map(Day::of)
    }

    /// The newest manifest, which is of the archive that Redis knows.
    async fn first_manifest(&self) -> Result<Manifest, RunError> {
        let newest = self.archive.manifests().read().await?;
        let known = self.record.archive().await?;
        let url = self.archive.files().url().to_string();
        match (newest, known) {
            (Some(newest), Some(known)) if newest.archive == known => Ok(newest.as_ref().clone()),
            (Some(newest), None) if newest.files.is_empty() => {
                self.record.set_archive(&newest.archive).await?;
                Ok(newest.as_ref().clone())
            }
            (Some(newest), None) => {
                Err(RunError::UnknownArchive { url, files: newest.files.len() })
            }
            (_, Some(_)) => Err(RunError::OtherArchive { url }),
            (None, None) => {
                let first = Manifest::new(self.token.clone(), self.settings.partitions);
                let committed = self.archive.manifests().commit(first.replacing(&[], None)).await?;
                let first = committed.ok_or(RunError::Conflict)?;
                self.record.set_archive(&first.archive).await?;
                Ok(first.as_ref().clone())
            }
        }
    }

    async fn scan(&self, cut: Day) -> Result<Found, RunError> {
        let scan = Scan { packed: &self.packed, sites: &self.sites, cut };
        let mut found = Found::default();
        while scan.next_page(&mut found).await? {
            if !self.record.acquire(&self.token, LEASE).await? {
                return Err(RunError::Conflict);
            }
        }
        Ok(found)
    }

    /// Writes the files of a plan, one after another. What is damaged stays as it is, and keeps nothing else from the archive.
    async fn pass(
        &self,
        manifest: &Manifest,
        due: SiteDaySet,
        cut: Day,
        archived: &mut Archived,
        reporter: &mut Reporter,
    ) -> Result<Passed, RunError> {
        let mut workplace = Workplace {
            reporter,
            archive: &self.archive,
            packed: &self.packed,
            record: &self.record,
            token: &self.token,
            oldest_kept: self.oldest_kept(),
            renewed_at: Instant::now(),
        };
        let mut passed = Passed { manifest: manifest.clone(), damaged: None };
        for job in jobs(manifest, due, cut) {
            let (done, next) = match workplace.execute(&job, &passed.manifest).await {
                Ok(done) => done,
                Err(error @ RunError::Damaged { .. }) => {
                    error!(%error, "a file is left as it is");
                    archived.skipped += count(&job.due);
                    passed.damaged.get_or_insert(error);
                    continue;
                }
                Err(error) => return Err(error),
            };
            let ([first, last], Done { days, skipped, damaged }) = (job.days, done);
            info!(days, skipped, %first, %last, partition = job.partition, "archived days");
            archived.days += days;
            archived.skipped += skipped;
            archived.files += 1;
            METRICS.archived(days);
            passed.damaged = passed.damaged.or_else(|| damaged.into_iter().next());
            passed.manifest = next;
        }
        Ok(passed)
    }

    /// Commits the watermark, forgets expired files and old replaced readings, and sweeps.
    async fn finish(
        &self,
        manifest: Manifest,
        cut: Day,
        first_archived: Option<Day>,
        archived: &mut Archived,
    ) -> Result<Arc<Manifest>, RunError> {
        let expired = self.expired(&manifest, first_archived);
        archived.files += expired.len() as u64;
        let forgetting =
            Forgetting { archive: &self.archive, packed: &self.packed, manifest: &manifest };
        let forgotten = [expired, forgetting.forgotten().await?].concat();
        let watermark =
            manifest.watermark.max(Some(cut.number()).filter(|_| archived.skipped == 0));
        if !forgotten.is_empty() || watermark != manifest.watermark {
            let next = Manifest { watermark, ..manifest.replacing(&forgotten, None) };
            let committed = self.archive.manifests().commit(next).await?;
            committed.ok_or(RunError::Conflict)?;
        }
        for file in &forgotten {
            self.archive.files().delete(&file.path).await?;
        }
        let newest = self.archive.manifests().read().await?.ok_or(RunError::Conflict)?;
        archived.swept = sweep(self.archive.files(), &newest).await?;
        self.archive.manifests().sweep().await?;
        METRICS.manifest(&newest);
        if archived.swept > 0 {
            warn!(files = archived.swept, "deleted files that ended processes have left");
        }
        Ok(newest)
    }

    /// Files all of whose days are expired. A day more is kept, as is a file that the header of a day still names.
    fn expired(&self, manifest: &Manifest, first_archived: Option<Day>) -> Vec<ArchiveFile> {
        let Some(oldest) = self.oldest_kept() else { return Vec::new() };
        let is_expired = |file: &&ArchiveFile| {
            let is_named = first_archived.is_some_and(|first| first.number() <= file.last_day);
            file.last_day < oldest.number() - 1 && !is_named
        };
        manifest.files.iter().filter(is_expired).cloned().collect()
    }
}
