//! Decoded rollups of this process, so that a question that is asked again need not read and decode them.
//!
//! A cached rollup is valid where a stored one is: its day has as many members as it was computed from, and no
//! removal has increased the site's rollup generation since it was read. A generation begins with the time, so
//! that rollups that were deleted as a whole (`DEL`, `FLUSHALL`) are not taken for later ones; and rollups are
//! dropped with the connection that they were read over, as the next one may lead to a server that has lost
//! writes.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::generation::is_unique;
use crate::energy::integration::Summary;
use crate::energy::rollup::{Day, DayRollup};
use crate::reading::SiteId;
use crate::store::connection::Generation;

/// Memory of cached rollups. Too low and questions over years decode each time, 5 MB a device and year; too high and
/// a process that serves many sites takes that much.
const MAX_BYTES: usize = 32 << 20;

/// What cached rollups depend on: the rollup generation of their site, and the generation of the connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Version {
    pub rollups: Vec<u8>,
    pub connection: Generation,
}

/// Rollups of days by their day.
pub(super) type CachedDays = BTreeMap<Day, Arc<DayRollup>>;

/// The cached rollups of all sites. Clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct DayCache(Arc<Mutex<Sites>>);

#[derive(Debug, Default)]
struct Sites {
    by_id: HashMap<Box<str>, Site>,
    bytes: usize,
    /// Increases with each use.
    uses: u64,
}

#[derive(Debug)]
struct Site {
    version: Version,
    days: CachedDays,
    bytes: usize,
    last_use: u64,
}

impl DayCache {
    /// The rollups of a site from one day on until another, which is excluded.
    pub fn days(&self, site: &SiteId, from: Day, until: Day) -> Option<(Version, CachedDays)> {
        let mut sites = self.lock();
        let now = sites.next_use();
        let site = sites.by_id.get_mut(site.as_str())?;
        site.last_use = now;
        let days =
            site.days.range(from..until.max(from)).map(|(day, rollup)| (*day, rollup.clone()));
        Some((site.version.clone(), days.collect()))
    }

    /// Adds rollups of a site; those of another version are dropped.
    pub fn insert(&self, site: &SiteId, version: &Version, rollups: Vec<Arc<DayRollup>>) {
        if rollups.is_empty() || !is_unique(&version.rollups) {
            return;
        }
        let mut sites = self.lock();
        if sites.by_id.get(site.as_str()).is_some_and(|site| site.version != *version) {
            sites.remove(site.as_str());
        }
        sites.insert(site, version, rollups);
        sites.evict(site.as_str());
    }

    /// Drops the rollup of a day.
    pub fn remove_day(&self, site: &SiteId, day: Day) {
        let mut sites = self.lock();
        let dropped = sites.by_id.get_mut(site.as_str()).and_then(|site| {
            let rollup = site.days.remove(&day)?;
            let dropped = bytes(&rollup);
            site.bytes -= dropped;
            Some(dropped)
        });
        sites.bytes -= dropped.unwrap_or_default();
    }

    /// Drops the rollups of a site.
    pub fn remove(&self, site: &SiteId) {
        self.lock().remove(site.as_str());
    }

    fn lock(&self) -> MutexGuard<'_, Sites> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sites {
    const fn next_use(&mut self) -> u64 {
        self.uses += 1;
        self.uses
    }

    fn insert(&mut self, id: &SiteId, version: &Version, rollups: Vec<Arc<DayRollup>>) {
        let now = self.next_use();
        let new =
            || Site { version: version.clone(), days: CachedDays::new(), bytes: 0, last_use: 0 };
        let site = self.by_id.entry(id.as_str().into()).or_insert_with(new);
        self.bytes -= site.bytes;
        for rollup in rollups {
            site.bytes += bytes(&rollup);
            if let Some(before) = site.days.insert(rollup.day, rollup) {
                site.bytes -= bytes(&before);
            }
        }
        site.last_use = now;
        self.bytes += site.bytes;
    }

    fn remove(&mut self, id: &str) {
        if let Some(site) = self.by_id.remove(id) {
            self.bytes -= site.bytes;
        }
    }

    /// Drops the sites that have not been used for the longest time, and the present one when it is too large by
    /// itself.
    fn evict(&mut self, present: &str) {
        while self.bytes > MAX_BYTES {
            let others = self.by_id.iter().filter(|(id, _)| &***id != present);
            let oldest = others.min_by_key(|(_, site)| site.last_use).map(|(id, _)| id.clone());
            self.remove(&oldest.unwrap_or_else(|| present.into()));
        }
    }
}

/// The memory of a rollup.
fn bytes(rollup: &DayRollup) -> usize {
    let summaries = rollup.devices.values().map(Vec::len).sum::<usize>();
    let ids = rollup.devices.keys().map(|id| id.len() + DEVICE_BYTES).sum::<usize>();
    size_of::<DayRollup>() + ids + summaries * size_of::<Summary>()
}

/// Of a device beside its id and its summaries: its place in the map.
const DEVICE_BYTES: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::energy::integration::Sample;
    use crate::energy::rollup::DayBuilder;
    use crate::iso8601::Instant;

    fn rollup(number: i32) -> Arc<DayRollup> {
        let day = Day::from_number(number);
        let mut builder = DayBuilder::new(day);
        for quarter in 0..96 {
            let instant =
                Instant::from_epoch_micros(day.start().epoch_micros() + quarter * 900_000_000);
            builder.push("meter", Sample { instant, watts: 1.0 }).unwrap();
        }
        Arc::new(builder.finish(96))
    }

    fn version(rollups: &str) -> Version {
        Version { rollups: rollups.into(), connection: Generation::default() }
    }

    const NOW: &str = "1700000000000000";

    fn site(id: &str) -> SiteId {
        SiteId::new(id).unwrap()
    }

    fn cached(cache: &DayCache, id: &str) -> usize {
        let all = cache.days(&site(id), Day::from_number(0), Day::from_number(i32::MAX));
        all.map_or(0, |(_, days)| days.len())
    }

    #[test]
    fn rollups_of_another_version_are_dropped() {
        let cache = DayCache::default();
        cache.insert(&site("a"), &version(NOW), vec![rollup(1), rollup(2)]);
        cache.insert(&site("a"), &version(NOW), vec![rollup(2), rollup(3)]);
        assert_eq!(cached(&cache, "a"), 3);
        cache.insert(&site("a"), &version("1700000000000001"), vec![rollup(2)]);
        assert_eq!(cached(&cache, "a"), 1);
        cache.remove(&site("a"));
        assert_eq!((cached(&cache, "a"), cache.lock().bytes), (0, 0));
    }

    #[test]
    fn a_generation_that_does_not_begin_with_the_time_is_not_cached() {
        let cache = DayCache::default();
        for generation in ["", "1", "99"] {
            cache.insert(&site("a"), &version(generation), vec![rollup(1)]);
        }
        assert_eq!(cached(&cache, "a"), 0);
    }

    #[test]
    fn the_sites_that_were_used_last_stay_within_the_memory() {
        let cache = DayCache::default();
        let days = i32::try_from(MAX_BYTES / bytes(&rollup(0)) / 3).unwrap();
        for id in ["a", "b", "c"] {
            cache.insert(&site(id), &version(NOW), (0..days).map(rollup).collect());
        }
        assert!(cached(&cache, "a") > 0);
        cache.insert(&site("d"), &version(NOW), (0..days).map(rollup).collect());
        let found = ["a", "b", "c", "d"].map(|id| cached(&cache, id) > 0);
        assert_eq!(found, [true, false, true, true]);
        assert!(cache.lock().bytes <= MAX_BYTES);
        cache.insert(&site("large"), &version(NOW), (0..4 * days).map(rollup).collect());
        assert_eq!((cached(&cache, "large"), cache.lock().bytes), (0, 0));
    }
}
