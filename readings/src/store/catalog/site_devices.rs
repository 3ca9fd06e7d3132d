//! The devices of a site: facts of those that are known, brought up to date by the readings since.

use std::sync::Arc;
use std::time::Duration;

use super::device_facts::DeviceFacts;
use super::directories::{Directories, Known};
use super::directory::{self, Directory, SiteState};
use super::last_members::LastMembers;
use super::plausible::Plausible;
use super::scan::{Scan, ScanRange};
use super::status::Seen;
use crate::iso8601::Instant;
use crate::reading::SiteId;
use crate::store::error::StoreResult;
use crate::store::series::{Order, SeriesStore};

/// Members of a site that are all read, without a directory. Too low and small sites have directories; too high and
/// each question reads that many.
const SMALL_SITE: u64 = 1_000;

/// The last members that are read where no directory is valid. Too low and devices that send rarely are missing then;
/// too high and the answer takes long.
const LAST_MEMBERS: usize = 2_000;

/// Members after a directory from which on a later one is kept. Too low and directories are copied for each question;
/// too high and each question reads that many.
const MAX_SINCE: u64 = 500;

/// The most members that one question reads. Too low and answers are not complete on days with more readings; too high
/// and a question takes long (some 2 us each).
const MAX_READ: usize = 200_000;

/// How old readings are that a directory contains. Too low and readings that arrive a little late make it invalid; too
/// high and each question reads those since.
const SEAL_AGE_MICROS: i64 = 5 * 60 * 1_000_000;

/// The devices of a site at a time.
#[derive(Debug, Default)]
pub struct SiteDevices {
    /// Those that are wanted, in the order of their ids.
    pub devices: Vec<Device>,
    /// How many there are.
    pub count: usize,
    /// Whether these are all devices, and their facts are of all readings; else of the last readings of the site.
    pub is_complete: bool,
}

/// A device at a time.
#[derive(Debug)]
pub struct Device {
    /// Its id.
    pub id: Box<str>,
    /// What is known of it.
    pub facts: DeviceFacts,
    /// The member of its last reading; one that is ahead only where all are.
    pub latest: Option<Vec<u8>>,
    /// When it was last seen.
    pub seen: Seen,
}

/// Reads the devices of one site.
#[derive(Debug)]
pub(super) struct DevicesReader<'a> {
    pub series: &'a SeriesStore,
    pub directories: &'a Directories,
    pub site: &'a SiteId,
    pub plausible: Plausible,
}

impl DevicesReader<'_> {
    /// The devices, those that are wanted with their last readings; `None` for a site without members. Where no directory
    /// is valid one is read, for which this waits.
    ///
    /// # Errors
    /// When the server replied with an error or not at all.
    pub async fn read(
        &self,
        wait: Duration,
        is_wanted: impl Fn(&str) -> bool,
    ) -> StoreResult<Option<SiteDevices>> {
        let (mut state, mut base) = self.base().await?;
        if base.is_none() && state.members > 0 {
            self.directories.read(self.site, self.plausible, wait).await;
            if !wait.is_zero() {
                (state, base) = self.base().await?;
            }
        }
        if state.members == 0 {
            return Ok(None);
        }
        let (scan, is_complete) = match base {
            Some(base) => self.scan_since(&base, &state).await?,
            None => self.scan_last(&state).await?,
        };
        self.describe(scan, is_complete, state.has_days, is_wanted).await.map(Some)
    }

    /// The state of the site, and the last directory that is valid.
    async fn base(&self) -> StoreResult<(SiteState, Option<Arc<Directory>>)> {
        let known: Known = self.directories.known(self.site);
        let mut instants: Vec<_> = known.latest_first().map(|it| it.until).collect();
        instants.push(self.seal());
        let state = directory::state(self.series, self.site, &instants).await?;
        if state.members <= SMALL_SITE {
            return Ok((state, Some(Arc::new(Directory::nothing()))));
        }
        let mut both = known.latest_first().zip(&state.signatures);
        let valid =
            both.find(|(directory, signature)| Some(&directory.signature) == signature.as_ref());
        let valid = valid.map(|(directory, _)| Arc::clone(directory));
        Ok((state, valid))
    }

    /// The instant until which a directory may be kept.
    const fn seal(&self) -> Instant {
        let now = self.plausible.now().epoch_micros();
        Instant::from_epoch_micros(now.saturating_sub(SEAL_AGE_MICROS))
    }

    /// All readings since a directory.
    async fn scan_since(&self, base: &Directory, state: &SiteState) -> StoreResult<(Scan, bool)> {
        let mut scan = Scan::of(base.devices.clone());
        let mut start = base.until;
        let since = state.members.saturating_sub(base.signature.members);
        if since > MAX_SINCE && state.members > SMALL_SITE && self.seal() > start {
            let sealed = range(Some(start), Some(self.seal()));
            if !scan.read(self.series, self.site, sealed, self.plausible).await? {
                return Ok((scan, false));
            }
            start = self.seal();
            if let Some(Some(signature)) = state.signatures.last() {
                let (devices, signature) = (scan.devices.clone(), signature.clone());
                let directory = Directory { until: start, signature, devices };
                self.directories.keep_recent(self.site, directory);
            }
        }
        // Of no readings: scores have no such bound.
        let start = Some(start).filter(|start| start.epoch_micros() > i64::MIN);
        let rest = range(start, None);
        let is_complete = scan.read(self.series, self.site, rest, self.plausible).await?;
        Ok((scan, is_complete))
    }

    /// The last readings, and those that are ahead.
    async fn scan_last(&self, state: &SiteState) -> StoreResult<(Scan, bool)> {
        let behind = Instant::from_epoch_micros(self.plausible.last().epoch_micros() + 1);
        let last = ScanRange {
            order: Order::Descending,
            limit: LAST_MEMBERS,
            ..range(None, Some(behind))
        };
        let ahead = ScanRange { limit: LAST_MEMBERS, ..range(Some(behind), None) };
        let mut scan = Scan::default();
        for range in [last, ahead] {
            scan.read(self.series, self.site, range, self.plausible).await?;
        }
        let is_complete = scan.members as u64 >= state.members;
        Ok((scan, is_complete))
    }

    async fn describe(
        &self,
        scan: Scan,
        is_complete: bool,
        has_days: bool,
        is_wanted: impl Fn(&str) -> bool,
    ) -> StoreResult<SiteDevices> {
        let Scan { devices, mut latest, mut ahead, .. } = scan;
        let silent = devices.iter().filter(|(id, _)| !latest.contains_key(*id) && is_wanted(id));
        let silent = silent.filter_map(|(id, facts)| Some((&**id, facts.last?.instant)));
        let silent: Vec<_> = silent.collect();
        let last = LastMembers { series: self.series, site: self.site, has_days };
        latest.extend(last.read(&silent).await?);
        let count = devices.len();
        let wanted = devices.into_iter().filter(|(id, _)| is_wanted(id));
        let devices = wanted.map(|(id, facts)| {
            let member = latest.remove(&id);
            let seen = self.seen(&facts, member.as_deref());
            let latest = member.or_else(|| ahead.remove(&id));
            Device { id, facts, latest, seen }
        });
        Ok(SiteDevices { devices: devices.collect(), count, is_complete })
    }

    fn seen(&self, facts: &DeviceFacts, latest: Option<&[u8]>) -> Seen {
        let last = facts.last.map(|last| last.instant);
        Seen {
            last: last.filter(|last| self.plausible.contains(*last)),
            ingested_at: latest.and_then(super::ends::ingested_at),
            ahead_ingested_at: facts.ahead_ingested_at,
            interval_micros: facts.interval_micros(),
        }
    }
}

/// The readings from one instant until another, oldest first.
const fn range(start: Option<Instant>, end: Option<Instant>) -> ScanRange {
    ScanRange { start, end, order: Order::Ascending, limit: MAX_READ }
}
