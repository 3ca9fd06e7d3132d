//! Reads the archived days of sites.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::future::{BoxFuture, try_join_all};
use readings::energy::integration::Sample;
use readings::energy::rollup::Day;
use readings::store::DeviceSample;
use readings::store::archive::{ArchiveError, DayArchive};
use readings::store::packed::{Contents, PackedMembers};
use readings::{Instant, SiteId};

use crate::file_reader::FileReader;
use crate::manifest::{ArchiveFile, Manifest};
use crate::manifests::Manifests;
use crate::object_files::ObjectFiles;
use crate::row::Row;
use crate::site_in_file::MemberOfDay;

/// The archive, as stores read it.
#[derive(Debug, Clone)]
pub struct ParquetArchive {
    files: ObjectFiles,
    manifests: Manifests,
    reader: FileReader,
}

impl ParquetArchive {
    /// Reads the archive in an object store.
    #[must_use]
    pub fn new(files: ObjectFiles) -> Self {
        let (manifests, reader) = (Manifests::new(files.clone()), FileReader::new(files.clone()));
        Self { files, manifests, reader }
    }

    /// Its objects.
    #[must_use]
    pub const fn files(&self) -> &ObjectFiles {
        &self.files
    }

    /// Its manifests.
    #[must_use]
    pub const fn manifests(&self) -> &Manifests {
        &self.manifests
    }

    /// Its files.
    #[must_use]
    pub const fn reader(&self) -> &FileReader {
        &self.reader
    }

    async fn manifest(&self) -> Result<Arc<Manifest>, ArchiveError> {
        let missing = || self.files.error("read", "the archive has no manifest");
        self.manifests.newest().await?.ok_or_else(missing)
    }

    /// The manifest to ask once more with, after an error: a file that the one before named may have been deleted, as a
    /// later one replaces it.
    async fn newer(
        &self,
        manifest: &Manifest,
        error: ArchiveError,
    ) -> Result<Arc<Manifest>, ArchiveError> {
        let newest = self.manifests.read().await?;
        newest.filter(|newest| newest.number > manifest.number).ok_or(error)
    }

    /// The members of these days by the newest files, or replaced ones where the headers are of before.
    async fn read_members(
        &self,
        manifest: &Manifest,
        site: &SiteId,
        days: &[(Day, Contents)],
    ) -> Result<Vec<PackedMembers>, ArchiveError> {
        let wanted: BTreeSet<Day> = days.iter().map(|(day, _)| *day).collect();
        let (Some(first), Some(last)) = (wanted.first(), wanted.last()) else {
            return Ok(Vec::new());
        };
        self.check_files(manifest, site, &wanted)?;
        let files = manifest.files_of(site, *first, last.next());
        let mut newest = self.members_of_files(&files, site, &wanted).await?;
        let mut found = Vec::with_capacity(days.len());
        for (day, contents) in days {
            let members = newest.remove(day).unwrap_or_default();
            found.push(match self.replaced(manifest, site, *day, contents, &members).await? {
                Some(replaced) => replaced,
                None => members,
            });
        }
        Ok(found)
    }

    /// A file that is lost is an error before any is read.
    fn check_files(
        &self,
        manifest: &Manifest,
        site: &SiteId,
        days: &BTreeSet<Day>,
    ) -> Result<(), ArchiveError> {
        let is_lost =
            |day: &&Day| !manifest.has(site, **day) && !manifest.has_replaced(site, **day);
        match days.iter().find(is_lost) {
            Some(day) => Err(self.files.error("read", format!("no file has {day} of site {site}"))),
            None => Ok(()),
        }
    }

    /// The replaced readings of a day that are those of its header, where the newest ones are not.
    ///
    /// # Errors
    /// When the object store does not reply, or a file is damaged.
    pub(crate) async fn replaced(
        &self,
        manifest: &Manifest,
        site: &SiteId,
        day: Day,
        contents: &Contents,
        newest: &PackedMembers,
    ) -> Result<Option<PackedMembers>, ArchiveError> {
        let mut files = manifest.replaced_of(site, day).peekable();
        if files.peek().is_none() || newest.are(contents) {
            return Ok(None);
        }
        for file in files {
            let mut found = self.members_of_files(&[file], site, &BTreeSet::from([day])).await?;
            let members = found.remove(&day).unwrap_or_default();
            if members.are(contents) {
                return Ok(Some(members));
            }
        }
        Ok(None)
    }

    /// The members that the newest file has of a day.
    ///
    /// # Errors
    /// As [`ParquetArchive::replaced`].
    pub(crate) async fn newest(
        &self,
        manifest: &Manifest,
        site: &SiteId,
        day: Day,
    ) -> Result<PackedMembers, ArchiveError> {
        let files = manifest.files_of(site, day, day.next());
        let mut found = self.members_of_files(&files, site, &BTreeSet::from([day])).await?;
        Ok(found.remove(&day).unwrap_or_default())
    }

    /// The members that files have of days of a site, each once.
    async fn members_of_files(
        &self,
        files: &[&ArchiveFile],
        site: &SiteId,
        days: &BTreeSet<Day>,
    ) -> Result<BTreeMap<Day, PackedMembers>, ArchiveError> {
        let read = files.iter().map(|file| self.reader.members_of_site(file, site, days));
        let read = try_join_all(read).await?;
        self.reader.decode(|| by_day(read.into_iter().flatten().flatten().collect())).await
    }

    /// Samples of neighbouring days, and of days of which readings were replaced those of their members.
    async fn read_samples(
        &self,
        manifest: &Manifest,
        site: &SiteId,
        days: &[(Day, Contents)],
    ) -> Result<Vec<DeviceSample>, ArchiveError> {
        let (replaced, days): (Vec<_>, Vec<_>) =
            days.iter().copied().partition(|(day, _)| manifest.has_replaced(site, *day));
        let newest = self.newest_samples(manifest, site, &days).await?;
        let members = self.read_members(manifest, site, &replaced).await?;
        let replaced: BTreeSet<Day> = replaced.into_iter().map(|(day, _)| day).collect();
        let merge = move || {
            let mut samples: Vec<_> = newest.into_iter().flatten().flatten().collect();
            if !replaced.is_empty() {
                samples.retain(|found| !replaced.contains(&Day::of(found.sample.instant)));
                samples.extend(members.iter().flat_map(PackedMembers::iter).filter_map(sample));
            }
            // Files and devices are in order, so this merges few runs, and readings of a device and an instant stay so.
            samples.sort_by_key(|found| found.sample.instant);
            samples
        };
        self.reader.decode(merge).await
    }

    /// The samples from the first to the last of these days, file by file and batch by batch.
    async fn newest_samples(
        &self,
        manifest: &Manifest,
        site: &SiteId,
        days: &[(Day, Contents)],
    ) -> Result<Vec<Vec<Vec<DeviceSample>>>, ArchiveError> {
        let days: BTreeSet<Day> = days.iter().map(|(day, _)| *day).collect();
        let (Some(first), Some(last)) = (days.first(), days.last()) else { return Ok(Vec::new()) };
        let range = [first.start(), last.next().start()].map(Instant::epoch_micros);
        let files = manifest.files_of(site, *first, last.next()).into_iter();
        try_join_all(files.map(|file| self.reader.samples_of_site(file, site, range))).await
    }
}

fn by_day(mut members: Vec<MemberOfDay>) -> BTreeMap<Day, PackedMembers> {
    members.sort_unstable();
    members.dedup();
    let days = members.chunk_by(|(a, ..), (b, ..)| a == b);
    let packed = |of_day: &[MemberOfDay]| {
        let members = of_day.iter().map(|(.., member)| member.as_slice());
        Some((of_day.first()?.0, PackedMembers::from_sorted(members)))
    };
    days.filter_map(packed).collect()
}

fn sample(member: &[u8]) -> Option<DeviceSample> {
    let Row { device, instant, power, .. } = Row::of_member(member)?;
    let instant = Instant::from_epoch_micros(instant);
    Some(DeviceSample { device, sample: Sample { instant, watts: power } })
}

impl DayArchive for ParquetArchive {
    fn members<'a>(
        &'a self,
        site: &'a SiteId,
        days: &'a [(Day, Contents)],
    ) -> BoxFuture<'a, Result<Vec<PackedMembers>, ArchiveError>> {
        Box::pin(async move {
            let manifest = self.manifest().await?;
            match self.read_members(&manifest, site, days).await {
                Ok(found) => Ok(found),
                Err(error) => {
                    self.read_members(&*self.newer(&manifest, error).await?, site, days).await
                }
            }
        })
    }

    fn samples<'a>(
        &'a self,
        site: &'a SiteId,
        days: &'a [(Day, Contents)],
    ) -> BoxFuture<'a, Result<Vec<DeviceSample>, ArchiveError>> {
        Box::pin(async move {
            let manifest = self.manifest().await?;
            match self.read_samples(&manifest, site, days).await {
                Ok(found) => Ok(found),
                Err(error) => {
                    self.read_samples(&*self.newer(&manifest, error).await?, site, days).await
                }
            }
        })
    }
}

#[cfg(test)]
mod tests;
