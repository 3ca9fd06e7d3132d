//! Removes readings of a site whose entries may be delivered once more.

use crate::reading::SiteId;
use crate::store::deleted_ids::DeletedIds;
use crate::store::error::StoreResult;
use crate::store::series::{Selected, SeriesStore};
use crate::store::stream_id::StreamId;

/// Removes readings of one site.
#[derive(Debug, Clone)]
pub(super) struct Removal {
    pub series: SeriesStore,
    pub deleted_ids: DeletedIds,
    pub site: SiteId,
    /// Entries from this one on may be delivered once more.
    pub first_redeliverable: StreamId,
}

impl Removal {
    /// Removes readings; gives the number that there was.
    ///
    /// # Errors
    /// When the server replied with an error or not at all; they can be removed again.
    pub async fn remove(&self, readings: Vec<Selected>) -> StoreResult<u64> {
        let id = |reading: &Selected| reading.position.stream_id();
        let ids: Vec<StreamId> = readings.iter().filter_map(id).collect();
        let ids: Vec<StreamId> =
            ids.into_iter().filter(|id| *id >= self.first_redeliverable).collect();
        let members: Vec<_> =
            readings.into_iter().map(|reading| (reading.position.day(), reading.member)).collect();
        if ids.is_empty() {
            return self.series.remove_members(&self.site, &members).await;
        }
        let mut removed = 0;
        loop {
            // First the ids: see `store::deleted_ids`.
            let generation = self.deleted_ids.insert(&ids).await?;
            removed += self.series.remove_members(&self.site, &members).await?;
            // Otherwise the server that removed them may be another one, which lacks the ids.
            if self.series.generation() == generation {
                return Ok(removed);
            }
        }
    }
}
