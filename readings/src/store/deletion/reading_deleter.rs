//! Deletes one reading, begins the deletion of a range.

use std::collections::BTreeSet;
use std::ops::Bound;

use super::range_deletion::{CHUNK, RangeDeletion};
use super::removal::{Removal, StreamOfSite};
use crate::iso8601::Instant;
use crate::reading::SiteId;
use crate::store::error::StoreResult;
use crate::store::series::{Selected, Selection, SeriesStore, SiteIndex};
use crate::store::stream::StreamPartitions;
use crate::store::stream_id::StreamId;

/// Most readings are accepted within this time of their instants: one is searched for there first, and then among all.
/// Too low and more searches read the whole site; too high and each reads much.
const USUAL_DELAY_MICROS: i64 = 3_600 * 1_000_000;

/// By so much the score of an instant may be rounded down, in the year 9999. Too low and readings just before the end of
/// a range are left; too high and some are read for nothing.
const ROUNDED_MICROS: i64 = 100;

/// Deletes readings, over connections that others may share.
#[derive(Debug, Clone)]
pub struct ReadingDeleter {
    pub(super) partitions: StreamPartitions,
    pub(super) series: SeriesStore,
    sites: SiteIndex,
}

impl ReadingDeleter {
    /// Deletes readings that arrived in these partitions.
    #[must_use]
    pub fn new(partitions: StreamPartitions, series: SeriesStore) -> Self {
        let sites = SiteIndex::new(partitions.keys(), series.connection().clone());
        Self { partitions, series, sites }
    }

    /// Whether a site has or had readings.
    ///
    /// # Errors
    /// When the server replied with an error or not at all.
    pub async fn knows(&self, site: &SiteId) -> StoreResult<bool> {
        if self.series.exists(site).await? {
            return Ok(true);
        }
        let listed = self.sites.list(Bound::Included(site.as_str()), "", 1).await?;
        Ok(listed.first() == Some(site))
    }

    /// Begins the deletion of the readings from one instant on, and before another, of these devices, or of all if
    /// there are none.
    ///
    /// # Errors
    /// When the server replied with an error or not at all.
    pub async fn range(
        &self,
        site: &SiteId,
        start: Instant,
        end: Instant,
        devices: BTreeSet<String>,
    ) -> StoreResult<RangeDeletion> {
        let selection = Selection {
            start: Some(start),
            end: Some(Instant::from_epoch_micros(
                end.epoch_micros().saturating_add(ROUNDED_MICROS),
            )),
            devices,
            ..Selection::default()
        };
        let reader = self.series.select(site, selection, CHUNK);
        let days = self.series.packed().of_site(site).await?;
        let tiered = days.headers.into_iter().filter(|(_, header)| header.has_members());
        let tiered = tiered.map(|(day, _)| day).collect();
        Ok(RangeDeletion::new(self.removal(site).await?, reader, (start, end), tiered))
    }

    /// Deletes the reading of an entry; returns whether it was stored.
    ///
    /// # Errors
    /// When the server replied with an error or not at all: the reading may be deleted.
    pub async fn one(&self, site: &SiteId, id: StreamId) -> StoreResult<bool> {
        for selection in places(id) {
            let found = self.find(site, id, selection).await?;
            if !found.is_empty() {
                return Ok(self.removal(site).await?.remove(found).await? > 0);
            }
        }
        Ok(false)
    }

    pub(super) async fn removal(&self, site: &SiteId) -> StoreResult<Removal> {
        let mut streams = Vec::new();
        for stream in self.partitions.with_entries_of(site).await? {
            let first_redeliverable = stream.first_redeliverable().await?;
            streams.push(StreamOfSite::new(stream, first_redeliverable));
        }
        Ok(Removal { series: self.series.clone(), site: site.clone(), streams })
    }

    async fn find(
        &self,
        site: &SiteId,
        id: StreamId,
        selection: Selection,
    ) -> StoreResult<Vec<Selected>> {
        let mut reader = self.series.select(site, selection, usize::MAX);
        while let Some(page) = reader.next_page().await? {
            let is_wanted = |reading: &Selected| reading.position.stream_id() == Some(id);
            let found: Vec<_> = page.readings.into_iter().filter(is_wanted).collect();
            if !found.is_empty() {
                return Ok(found);
            }
        }
        Ok(Vec::new())
    }
}

/// Where to search for the reading of an entry: around the time of its acceptance, then everywhere.
fn places(id: StreamId) -> impl Iterator<Item = Selection> {
    let accepted = i64::try_from(id.ms).ok().and_then(|ms| ms.checked_mul(1_000));
    let at = |micros: Option<i64>| micros.map(Instant::from_epoch_micros);
    let usual = accepted.map(|accepted| Selection {
        start: at(accepted.checked_sub(USUAL_DELAY_MICROS)),
        end: at(accepted.checked_add(USUAL_DELAY_MICROS)),
        ..Selection::default()
    });
    usual.into_iter().chain([Selection::default()])
}
