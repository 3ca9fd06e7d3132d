//! Removes readings of a site whose entries may be delivered once more.

use std::collections::HashMap;

use crate::reading::SiteId;
use crate::store::connection::Generation;
use crate::store::deleted_ids::DeletedIds;
use crate::store::error::StoreResult;
use crate::store::series::{Selected, SeriesStore};
use crate::store::stream::ReadingStream;
use crate::store::stream_id::StreamId;

/// Removes readings of one site.
#[derive(Debug, Clone)]
pub(super) struct Removal {
    pub series: SeriesStore,
    pub site: SiteId,
    /// Those that the readings' entries may be in: several while the number of partitions is changed, and for some days
    /// after that.
    pub streams: Vec<StreamOfSite>,
}

/// A stream that may have entries of the site.
#[derive(Debug, Clone)]
pub(super) struct StreamOfSite {
    stream: ReadingStream,
    deleted_ids: DeletedIds,
    /// Entries from this one on may be delivered once more.
    first_redeliverable: StreamId,
}

impl StreamOfSite {
    pub fn new(stream: ReadingStream, first_redeliverable: StreamId) -> Self {
        let deleted_ids = DeletedIds::new(stream.keys(), stream.connection().clone());
        Self { stream, deleted_ids, first_redeliverable }
    }
}

impl Removal {
    /// Removes readings; gives the number that there was.
    ///
    /// # Errors
    /// When the server replied with an error or not at all; they can be removed again.
    pub async fn remove(&self, readings: Vec<Selected>) -> StoreResult<u64> {
        let id = |reading: &Selected| reading.position.stream_id();
        let ids: Vec<StreamId> = readings.iter().filter_map(id).collect();
        let ids = self.redeliverable(&ids).await?;
        let members: Vec<_> =
            readings.into_iter().map(|reading| (reading.position.day(), reading.member)).collect();
        let mut removed = 0;
        loop {
            // First the ids: see `store::deleted_ids`.
            let generations = insert(&ids).await?;
            removed += self.series.remove_members(&self.site, &members).await?;
            // Otherwise the server that removed them may be another one, which lacks the ids.
            let present = self.series.generation();
            if generations.iter().all(|generation| *generation == present) {
                return Ok(removed);
            }
        }
    }

    /// Those of these ids whose entries may be delivered once more, by the stream that they may be in.
    ///
    /// Entries of two streams may have one id. So where several streams are possible an id is that of the entry of this
    /// site, and without such an entry (it was trimmed) of no stream in which it is another site's.
    async fn redeliverable(
        &self,
        ids: &[StreamId],
    ) -> StoreResult<Vec<(&DeletedIds, Vec<StreamId>)>> {
        let mut found = Vec::with_capacity(self.streams.len());
        for StreamOfSite { stream, deleted_ids, first_redeliverable } in &self.streams {
            let ids: Vec<_> = ids.iter().copied().filter(|id| id >= first_redeliverable).collect();
            let is_certain = self.streams.len() == 1;
            let sites = if is_certain { HashMap::new() } else { stream.sites_of(&ids).await? };
            found.push((deleted_ids, ids, sites));
        }
        let site = Some(self.site.as_str());
        let is_entry = |sites: &Sites, id| sites.get(&id).map(|of| of.as_deref() == site);
        let has_entry = |id| found.iter().any(|(.., sites)| is_entry(sites, id) == Some(true));
        let possible = found.iter().map(|(deleted_ids, ids, sites)| {
            let is_possible = |id: &StreamId| is_entry(sites, *id).unwrap_or(!has_entry(*id));
            (*deleted_ids, ids.iter().copied().filter(is_possible).collect::<Vec<_>>())
        });
        Ok(possible.filter(|(_, ids)| !ids.is_empty()).collect())
    }
}

/// The sites of entries; none of an entry that is no reading.
type Sites = HashMap<StreamId, Option<String>>;

async fn insert(ids: &[(&DeletedIds, Vec<StreamId>)]) -> StoreResult<Vec<Generation>> {
    let mut generations = Vec::with_capacity(ids.len());
    for (deleted_ids, ids) in ids {
        generations.push(deleted_ids.insert(ids).await?);
    }
    Ok(generations)
}
