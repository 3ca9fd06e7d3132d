//! Deletes one reading, begins the deletion of a range.

use std::collections::BTreeSet;
use std::ops::Bound;

use super::range_deletion::{CHUNK, RangeDeletion};
use super::removal::Removal;
use crate::iso8601::Instant;
use crate::reading::SiteId;
use crate::store::connection::SharedConnection;
use crate::store::deleted_ids::DeletedIds;
use crate::store::error::StoreResult;
use crate::store::series::{Selected, Selection, SeriesStore, SiteIndex};
use crate::store::stream::ReadingStream;
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
    stream: ReadingStream,
    series: SeriesStore,
    sites: SiteIndex,
    deleted_ids: DeletedIds,
}

impl ReadingDeleter {
    /// Deletes readings that arrived in this stream.
    #[must_use]
    pub fn new(stream: ReadingStream, connection: SharedConnection) -> Self {
        let (keys, series) = (stream.keys(), SeriesStore::new(connection.clone()));
        let sites = SiteIndex::new(keys, connection.clone());
        Self { deleted_ids: DeletedIds::new(keys, connection), stream, series, sites }
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
        Ok(RangeDeletion::new(self.removal(site).await?, reader, (start, end)))
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

    async fn removal(&self, site: &SiteId) -> StoreResult<Removal> {
        let Self { stream, series, deleted_ids, .. } = self.clone();
        let first_redeliverable = stream.first_redeliverable().await?;
        Ok(Removal { series, deleted_ids, site: site.clone(), first_redeliverable })
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
