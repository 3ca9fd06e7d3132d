//! Removes the readings that `DEDUP_POLICY` does not keep of a late reading and the archived ones of its device and instant.
//!
//! What writes does not depend on the archive, so it stores a late reading of an archived day beside the archived ones, and
//! adds the day to the uncompared ones. Here such a day is read from all tiers, wherever its readings are by now.

use std::collections::BTreeMap;

use super::reading_deleter::ReadingDeleter;
use crate::energy::rollup::Day;
use crate::reading::SiteId;
use crate::store::codec::StoredReading;
use crate::store::error::StoreResult;
use crate::store::series::{DedupPolicy, Selected, Selection, UncomparedDay, UncomparedDays};
use crate::store::stream_id::StreamId;

/// Days that one call compares at most. Too low: a round trip to Redis for few. Too high: a caller that has a lease does not
/// renew it in time (an archived day takes some 10 ms, in a bucket more).
const DAYS: usize = 100;

/// Readings of one page. Too low and a day takes many round trips; too high and Redis serves no other client meanwhile.
const PAGE: usize = 500;

/// How the readings of an uncompared day are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Comparison {
    policy: DedupPolicy,
    /// Compared are readings whose entries have this id or a higher one, with all of their device and instant: those that
    /// were stored together before a policy was set stay.
    first: StreamId,
}

impl ReadingDeleter {
    /// Compares the late readings of some archived days with the archived ones; gives the number of readings that were
    /// removed, and `None` where all days are compared.
    ///
    /// # Errors
    /// When the server or the archive replied with an error or not at all: the days can be compared again.
    pub async fn compare_late_readings(&self) -> StoreResult<Option<u64>> {
        let uncompared =
            UncomparedDays::new(self.partitions.keys(), self.series.connection().clone());
        let found = uncompared.first(DAYS).await?;
        if found.is_empty() {
            return Ok(None);
        }
        let mut removed = 0;
        for ((site, day), found) in by_day(found) {
            if let Some(comparison) = Comparison::of(&found) {
                let duplicates = self.duplicates(&site, day, comparison).await?;
                removed += self.remove(&site, duplicates).await?;
            }
            uncompared.remove(&found).await?;
        }
        Ok(Some(removed))
    }

    async fn remove(&self, site: &SiteId, readings: Vec<Selected>) -> StoreResult<u64> {
        if readings.is_empty() {
            return Ok(0);
        }
        self.removal(site).await?.remove(readings).await
    }

    /// The readings of a day that are not kept.
    async fn duplicates(
        &self,
        site: &SiteId,
        day: Day,
        comparison: Comparison,
    ) -> StoreResult<Vec<Selected>> {
        let (start, end) = (Some(day.start()), Some(day.next().start()));
        let selection = Selection { start, end, ..Selection::default() };
        let mut reader = self.series.select(site, selection, PAGE);
        let (mut duplicates, mut of_instant) = (Vec::new(), Vec::<Selected>::new());
        while let Some(page) = reader.next_page().await? {
            for reading in page.readings {
                let instant = reading.position.instant();
                if of_instant.last().is_some_and(|last| last.position.instant() != instant) {
                    duplicates.extend(comparison.duplicates(std::mem::take(&mut of_instant)));
                }
                of_instant.push(reading);
            }
        }
        duplicates.extend(comparison.duplicates(of_instant));
        Ok(duplicates)
    }
}

impl Comparison {
    /// By the policy with which the last of these readings were written.
    fn of(days: &[UncomparedDay]) -> Option<Self> {
        let first = days.iter().map(|day| day.first).min()?;
        let last = days.iter().max_by_key(|day| day.first)?;
        Some(Self { policy: last.policy, first })
    }

    /// Of the readings of one instant those that are not kept.
    fn duplicates(self, of_instant: Vec<Selected>) -> Vec<Selected> {
        let mut by_device: BTreeMap<Option<String>, Vec<Selected>> = BTreeMap::new();
        for reading in of_instant {
            by_device.entry(device(&reading)).or_default().push(reading);
        }
        by_device.into_values().flat_map(|same| self.not_kept(same)).collect()
    }

    /// All but one, if one of them is late.
    fn not_kept(self, mut same: Vec<Selected>) -> Vec<Selected> {
        let id = |reading: &Selected| reading.position.stream_id();
        if same.iter().all(|reading| id(reading) < Some(self.first)) {
            return Vec::new();
        }
        let better = |best: usize, other: usize| {
            if self.policy.prefers(id(&same[best]), id(&same[other])) { best } else { other }
        };
        if let Some(kept) = (0..same.len()).reduce(better) {
            same.remove(kept);
        }
        same
    }
}

fn device(reading: &Selected) -> Option<String> {
    let reading = StoredReading::from_member(&reading.member).ok()?;
    Some(reading.device_id().to_owned())
}

fn by_day(days: Vec<UncomparedDay>) -> BTreeMap<(SiteId, Day), Vec<UncomparedDay>> {
    let mut by_day: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for day in days {
        by_day.entry((day.site.clone(), day.day)).or_default().push(day);
    }
    by_day
}
