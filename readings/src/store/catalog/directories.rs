//! The directories of this process: read from rollups in the background, one site at a time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant as Clock};

use instrumentation::log_throttle::LogThrottle;
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;
use tracing::warn;

use super::directory::{self, Devices, Directory, Signature};
use super::plausible::Plausible;
use crate::energy::rollup::{Day, DayRollup};
use crate::reading::SiteId;
use crate::store::connection::SharedConnection;
use crate::store::error::StoreResult;
use crate::store::error_class::ErrorClass;
use crate::store::rollups::RollupStore;
use crate::store::series::SeriesStore;

/// Devices of all directories together; at more, all are forgotten. Too low and directories are read again and again;
/// too high and they fill memory (some 400 bytes each).
const MAX_DEVICES: usize = 100_000;

/// Sites whose directories are read or wait for it. Too low and many sites stay without one for long; too high and
/// Redis is busy with sites that were asked for long ago.
const MAX_READING: usize = 64;

/// A directory is read again only after this many times the time that reading took. Too low and a site that gets old
/// readings all the time keeps Redis busy; too high and its answers are not complete for long.
const PAUSE_FACTOR: u32 = 4;

/// The directories of a site: until the beginning of a day, and until a recent instant.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    pub until_day: Option<Arc<Directory>>,
    pub until_recent: Option<Arc<Directory>>,
}

/// Directories by site. Clones share them.
#[derive(Debug, Clone)]
pub(super) struct Directories(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    series: SeriesStore,
    rollups: RollupStore,
    known: Mutex<HashMap<SiteId, Known>>,
    readings: Mutex<HashMap<SiteId, Reading>>,
    turn: Semaphore,
}

/// A directory that is or was read.
#[derive(Debug)]
struct Reading {
    done: watch::Receiver<()>,
    /// When it may be read again; `None` while it is.
    again_at: Option<Clock>,
}

impl Directories {
    pub fn new(series: SeriesStore, primary: SharedConnection) -> Self {
        Self(Arc::new(Shared {
            rollups: RollupStore::reading_from(series.clone(), primary),
            series,
            known: Mutex::default(),
            readings: Mutex::default(),
            turn: Semaphore::new(1),
        }))
    }

    /// The directories of a site, valid or not.
    pub fn known(&self, site: &SiteId) -> Known {
        lock(&self.0.known).get(site).cloned().unwrap_or_default()
    }

    /// Keeps the directory until a recent instant.
    pub fn keep_recent(&self, site: &SiteId, directory: Directory) {
        self.keep(site, |known| known.until_recent = Some(Arc::new(directory)));
    }

    /// Has the directory of a site read, and waits for it up to this time.
    pub async fn read(&self, site: &SiteId, plausible: Plausible, wait: Duration) {
        let Some(mut done) = self.begin(site, plausible) else { return };
        if !wait.is_zero() {
            // Err: it takes longer. The sender is dropped when it is done.
            let _ = timeout(wait, done.changed()).await;
        }
    }

    fn begin(&self, site: &SiteId, plausible: Plausible) -> Option<watch::Receiver<()>> {
        let mut readings = lock(&self.0.readings);
        readings.retain(|_, reading| reading.again_at.is_none_or(|at| at > Clock::now()));
        if let Some(reading) = readings.get(site) {
            return Some(reading.done.clone());
        }
        if readings.values().filter(|reading| reading.again_at.is_none()).count() >= MAX_READING {
            return None;
        }
        let (finished, done) = watch::channel(());
        readings.insert(site.clone(), Reading { done: done.clone(), again_at: None });
        drop(readings);
        let (directories, site) = (self.clone(), site.clone());
        tokio::spawn(async move {
            directories.read_in_turn(&site, plausible).await;
            drop(finished);
        });
        Some(done)
    }

    async fn read_in_turn(&self, site: &SiteId, plausible: Plausible) {
        static THROTTLE: LogThrottle = LogThrottle::new();
        let turn = self.0.turn.acquire().await;
        let begun = Clock::now();
        match self.read_days(site, plausible).await {
            Ok(directory) => {
                self.keep(site, |known| known.until_day = Some(Arc::new(directory)));
            }
            Err(error) => {
                if let Some(suppressed) = THROTTLE.should_log(Clock::now()) {
                    warn!(%error, suppressed, "the devices of a site were not read");
                }
            }
        }
        let again_at = Clock::now() + begun.elapsed() * PAUSE_FACTOR;
        drop(turn);
        if let Some(reading) = lock(&self.0.readings).get_mut(site) {
            reading.again_at = Some(again_at);
        }
    }

    /// The directory until the day of now, from rollups.
    async fn read_days(&self, site: &SiteId, plausible: Plausible) -> StoreResult<Directory> {
        let today = Day::of(plausible.now());
        let signature = self.signature(site, today).await?;
        let mut devices = Devices::new();
        let mut next = None;
        loop {
            let mut add = |rollup: &DayRollup| add_day(&mut devices, rollup, plausible);
            // Rollups that were not stored are computed again next time.
            let (built, _) = self.0.rollups.visit(site, next, today, &mut add).await?;
            next = built.next;
            if next.is_none() {
                return Ok(Directory { until: today.start(), signature, devices });
            }
        }
    }

    /// Before the members are read: one that is added or removed meanwhile makes the directory invalid.
    async fn signature(&self, site: &SiteId, until: Day) -> StoreResult<Signature> {
        let state = directory::state(&self.0.series, site, &[until.start()]).await?;
        let signature = state.signatures.into_iter().next().flatten();
        signature.ok_or_else(|| {
            let text = "the days of the site change again and again".to_owned();
            self.0.series.connection().found("ZCOUNT", ErrorClass::Busy, text)
        })
    }

    fn keep(&self, site: &SiteId, change: impl FnOnce(&mut Known)) {
        let mut all = lock(&self.0.known);
        change(all.entry(site.clone()).or_default());
        if all.values().map(Known::devices).sum::<usize>() > MAX_DEVICES {
            all.retain(|other, _| other == site);
        }
    }
}

impl Known {
    /// Both, the later one first.
    pub fn latest_first(&self) -> impl Iterator<Item = &Arc<Directory>> {
        self.until_recent.iter().chain(&self.until_day)
    }

    fn devices(&self) -> usize {
        self.latest_first().map(|directory| directory.devices.len() + 1).sum()
    }
}

fn add_day(devices: &mut Devices, rollup: &DayRollup, plausible: Plausible) {
    for (device, summaries) in &rollup.devices {
        let facts = devices.entry(device.clone()).or_default();
        for summary in summaries {
            facts.push_summary(summary, plausible);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
