//! One file: rows of the files before it and of packed days, manifest, headers.

use std::time::{Duration, Instant};

use futures_util::TryStreamExt;
use readings::SiteId;
use readings::energy::rollup::Day;
use readings::store::ArchiveRecord;
use readings::store::packed::PackedDays;
use readings::store::tier_runs::{ArchivingProgress, TierRunReporter};
use xxhash_rust::xxh3::xxh3_64;

use super::error::RunError;
use super::plan::{Job, count};
use super::replaced::ReplacedWriter;
use super::site_days::{Outcome, SiteDaysOfFile};
use crate::batches::Rows;
use crate::file_writer::FileWriter;
use crate::manifest::{ArchiveFile, Manifest};
use crate::parquet_archive::ParquetArchive;
use crate::site_days_in_files::SitesOfFiles;

/// How long a process has the lease without renewing it. Too low and a slow file loses it; too high and the archive waits
/// after a crash.
pub(super) const LEASE: Duration = Duration::from_mins(2);

/// When it is renewed.
const RENEWED_AFTER: Duration = Duration::from_secs(20);

/// Reports how far a run is.
pub(super) type Reporter = TierRunReporter<ArchivingProgress>;

/// What the jobs of a run share.
pub(super) struct Workplace<'a> {
    pub archive: &'a ParquetArchive,
    pub packed: &'a PackedDays,
    pub record: &'a ArchiveRecord,
    pub token: &'a str,
    pub reporter: &'a mut Reporter,
    pub oldest_kept: Option<Day>,
    pub renewed_at: Instant,
}

/// What a job has written.
struct Written {
    file: Option<ArchiveFile>,
    replaced: Option<ArchiveFile>,
    outcomes: Vec<Outcome>,
    damaged: Vec<RunError>,
}

/// What a job has done.
#[derive(Debug, Default)]
pub(super) struct Done {
    pub days: u64,
    /// Days that were changed meanwhile, or are damaged.
    pub skipped: u64,
    /// How days are damaged.
    pub damaged: Vec<RunError>,
}

impl Workplace<'_> {
    /// Writes the file, commits it, and changes the headers of its days.
    pub async fn execute(
        &mut self,
        job: &Job,
        manifest: &Manifest,
    ) -> Result<(Done, Manifest), RunError> {
        let Written { file, replaced, outcomes, damaged } = self.write(job, manifest).await?;
        let written: Vec<_> = file.iter().chain(&replaced).cloned().collect();
        fail::fail_point!("archive-after-file");
        if outcomes.is_empty() && !damaged.is_empty() {
            self.delete(&written).await?;
            return Ok((Done { days: 0, skipped: count(&job.due), damaged }, manifest.clone()));
        }
        for file in &written {
            self.verify(file).await?;
        }
        fail::fail_point!("archive-after-verify");
        let next = manifest.replacing(&job.inputs, file).keeping(replaced);
        self.commit(&next, &written).await?;
        fail::fail_point!("archive-after-manifest");
        let days = self.change_headers(&outcomes).await?;
        let skipped = count(&job.due).saturating_sub(days);
        self.reporter.progress().changed += skipped.saturating_sub(damaged.len() as u64);
        fail::fail_point!("archive-before-delete");
        self.delete(&job.inputs).await?;
        Ok((Done { days, skipped, damaged }, next))
    }

    /// Changes the headers of the days that are as they were: how many.
    async fn change_headers(&mut self, outcomes: &[Outcome]) -> Result<u64, RunError> {
        let mut days = 0;
        for of_site in outcomes.chunk_by(|a, b| a.site == b.site) {
            for outcome in of_site {
                let is_changed = u64::from(outcome.commit(self.packed).await?);
                days += is_changed;
                self.reporter.progress().days += is_changed;
                fail::fail_point!("archive-after-header");
                self.renew().await?;
            }
            if let Some(Outcome { site, .. }) = of_site.first() {
                self.packed.summarize(site).await?;
            }
        }
        Ok(days)
    }

    async fn write(&mut self, job: &Job, manifest: &Manifest) -> Result<Written, RunError> {
        let (files, reader) = (self.archive.files(), self.archive.reader());
        let mut writer = FileWriter::create(files, job.partition, job.days)?;
        let mut replaced = ReplacedWriter::create(files, job)?;
        let mut before = SitesOfFiles::open(files, reader, &job.inputs).await?;
        let mut due = job.due.iter().peekable();
        let (mut outcomes, mut damaged) = (Vec::new(), Vec::new());
        while let Some(site) = first(before.next_site(), due.peek().map(|(site, _)| *site)) {
            self.renew().await?;
            let days = due.next_if(|(next, _)| **next == site).map(|(_, days)| days.clone());
            let of_site = SiteDaysOfFile {
                archive: self.archive,
                manifest,
                packed: self.packed,
                site: &site,
                due: days.unwrap_or_default(),
                oldest_kept: self.oldest_kept,
            };
            let of_site = of_site.rows(before.take(&site).await?).await?;
            writer.push(&site, of_site.rows).await?;
            replaced.push(&site, of_site.replaced).await?;
            outcomes.extend(of_site.outcomes);
            damaged.extend(of_site.damaged);
        }
        let (file, replaced) = (writer.finish().await?, replaced.finish().await?);
        Ok(Written { file, replaced, outcomes, damaged })
    }

    /// Reads the file back. What was read from Redis and from other files was compared with its headers before, so the sum
    /// suffices.
    async fn verify(&self, file: &ArchiveFile) -> Result<(), RunError> {
        let mut batches = self.archive.reader().all(file).await?;
        let (mut count, mut sum) = (0, 0_u64);
        let damaged =
            |cause: &str| self.archive.files().error("read", format!("{}: {cause}", file.path));
        while let Some(batch) = batches.try_next().await? {
            let rows = Rows::of(&batch).ok_or_else(|| damaged("a column is missing"))?;
            for place in 0..rows.len() {
                let site = SiteId::new(rows.site.get(place));
                let member = site.and_then(|site| rows.get(place).member(&site));
                sum = sum
                    .wrapping_add(xxh3_64(&member.ok_or_else(|| damaged("a row has no member"))?));
                count += 1;
            }
        }
        if (count, sum) == (file.rows, file.checksum) {
            return Ok(());
        }
        Err(damaged("it has other rows than were written").into())
    }

    /// Commits a manifest, or deletes the files where another process has committed one.
    async fn commit(&self, next: &Manifest, written: &[ArchiveFile]) -> Result<(), RunError> {
        if self.archive.manifests().commit(next.clone()).await?.is_some() {
            return Ok(());
        }
        self.delete(written).await?;
        Err(RunError::Conflict)
    }

    async fn delete(&self, files: &[ArchiveFile]) -> Result<(), RunError> {
        for file in files {
            self.archive.files().delete(&file.path).await?;
        }
        Ok(())
    }

    /// Renews the lease and reports how far the run is, if that was not done for some seconds.
    async fn renew(&mut self) -> Result<(), RunError> {
        self.reporter.report().await;
        if self.renewed_at.elapsed() < RENEWED_AFTER {
            return Ok(());
        }
        if !self.record.acquire(self.token, LEASE).await? {
            return Err(RunError::Conflict);
        }
        self.renewed_at = Instant::now();
        Ok(())
    }
}

fn first(one: Option<SiteId>, other: Option<&SiteId>) -> Option<SiteId> {
    one.into_iter().chain(other.cloned()).min()
}
