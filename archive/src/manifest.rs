//! Which files there are, and which days they have.

use std::collections::BTreeSet;
use std::time::SystemTime;

use readings::SiteId;
use readings::energy::rollup::Day;
use readings::store::{Partition, PartitionCount};
use serde::{Deserialize, Serialize};

/// The version of the format.
pub const VERSION: u32 = 1;

/// The state of the archive after a commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`VERSION`].
    pub version: u32,
    /// Of the commit, from 1 on; 0 before the first.
    pub number: u64,
    /// Names the archive: a Redis whose days are in another one is not mistaken for that of this one.
    pub archive: String,
    /// Into how many parts the sites are divided, by the hash of their ids. It never changes.
    pub partitions: u16,
    /// The day before which all packed days of all sites were archived at this commit, as its number; none before the first
    /// complete run.
    pub watermark: Option<i32>,
    /// The files. Of a partition no two have the same day.
    pub files: Vec<ArchiveFile>,
    /// Files of replaced readings, the oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replaced: Vec<ReplacedReadings>,
}

/// Readings of days that the files have otherwise, or not at all, since a change: a Redis of before it names them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplacedReadings {
    /// When they were replaced, in seconds since the epoch.
    pub at: u64,
    /// The file that has them.
    #[serde(flatten)]
    pub file: ArchiveFile,
}

/// A file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchiveFile {
    /// Its name below the URL of the archive.
    pub path: String,
    /// The partition of its sites.
    pub partition: u16,
    /// The first day that it may have, as its number.
    pub first_day: i32,
    /// The last day that it may have.
    pub last_day: i32,
    /// Its readings.
    pub rows: u64,
    /// Its sites.
    pub sites: u64,
    /// Its size.
    pub bytes: u64,
    /// The sum of the XXH3 hashes of its members, as that of a day's header.
    pub checksum: u64,
}

impl ArchiveFile {
    /// Whether it may have readings of a day.
    #[must_use]
    pub const fn has(&self, day: Day) -> bool {
        self.first_day <= day.number() && day.number() <= self.last_day
    }
}

impl Manifest {
    /// An archive without files.
    #[must_use]
    pub const fn new(archive: String, partitions: PartitionCount) -> Self {
        let partitions = partitions.get();
        Self {
            version: VERSION,
            number: 0,
            archive,
            partitions,
            watermark: None,
            files: Vec::new(),
            replaced: Vec::new(),
        }
    }

    /// The partition of a site.
    #[must_use]
    pub fn partition_of(&self, site: &SiteId) -> u16 {
        let count = PartitionCount::new(self.partitions).unwrap_or_default();
        match count.partition_of(site) {
            Partition::Whole => 0,
            Partition::Numbered(number) => number,
        }
    }

    /// The files that may have days of a site, in the order of the days.
    #[must_use]
    pub fn files_of(&self, site: &SiteId, from: Day, until: Day) -> Vec<&ArchiveFile> {
        let partition = self.partition_of(site);
        let overlaps = |file: &&ArchiveFile| {
            file.partition == partition
                && file.first_day < until.number()
                && file.last_day >= from.number()
        };
        let mut files: Vec<_> = self.files.iter().filter(overlaps).collect();
        files.sort_unstable_by_key(|file| file.first_day);
        files
    }

    /// Whether a file may have this day of a site.
    #[must_use]
    pub fn has(&self, site: &SiteId, day: Day) -> bool {
        !self.files_of(site, day, day.next()).is_empty()
    }

    /// The files of replaced readings that may have this day of a site, the last one first.
    pub fn replaced_of(&self, site: &SiteId, day: Day) -> impl Iterator<Item = &ArchiveFile> {
        let partition = self.partition_of(site);
        let files = self.replaced.iter().rev().map(|replaced| &replaced.file);
        files.filter(move |file| file.partition == partition && file.has(day))
    }

    /// All files, those of replaced readings among them.
    pub fn all_files(&self) -> impl Iterator<Item = &ArchiveFile> {
        self.files.iter().chain(self.replaced.iter().map(|replaced| &replaced.file))
    }

    /// Whether the archive has replaced readings that may be of this day of a site.
    #[must_use]
    pub fn has_replaced(&self, site: &SiteId, day: Day) -> bool {
        self.replaced_of(site, day).next().is_some()
    }

    /// The manifest after it, in which a file takes the place of others.
    #[must_use]
    pub fn replacing(&self, left_out: &[ArchiveFile], file: Option<ArchiveFile>) -> Self {
        let left_out: BTreeSet<_> = left_out.iter().map(|file| file.path.as_str()).collect();
        let is_kept = |file: &ArchiveFile| !left_out.contains(file.path.as_str());
        let kept = self.files.iter().filter(|file| is_kept(file)).cloned();
        let replaced = self.replaced.iter().filter(|replaced| is_kept(&replaced.file)).cloned();
        let mut files: Vec<_> = kept.chain(file).collect();
        files.sort_unstable_by(|a, b| {
            (a.partition, a.first_day, &a.path).cmp(&(b.partition, b.first_day, &b.path))
        });
        Self { number: self.number + 1, files, replaced: replaced.collect(), ..self.clone() }
    }

    /// The same with a file of replaced readings.
    #[must_use]
    pub fn keeping(mut self, replaced: Option<ArchiveFile>) -> Self {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        self.replaced.extend(replaced.map(|file| ReplacedReadings { at: now.as_secs(), file }));
        self
    }

    /// The sum of the sizes of its files.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }

    /// The sum of their readings.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.files.iter().map(|file| file.rows).sum()
    }
}
