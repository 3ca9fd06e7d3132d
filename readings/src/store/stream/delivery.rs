//! The entries of one read or claim.

use std::collections::HashSet;

use opentelemetry::trace::SpanContext;

use super::trace_context;
use crate::store::codec::{self, StreamEntry, Undecodable};
use crate::store::connection::reply::RawEntry;
use crate::store::stream_id::StreamId;

/// The entries of one read or claim.
#[derive(Debug, Default)]
pub struct Delivery {
    /// The readings, in stream order.
    pub entries: Vec<StreamEntry>,
    /// Entries that are not valid readings.
    pub undecodable: Vec<Undecodable>,
    /// Pending entries that were deleted from the stream: their readings are lost.
    pub deleted: Vec<StreamId>,
    /// Entries that must not be stored: dead-lettered already, or their readings were deleted.
    pub finished: Vec<StreamId>,
    /// Whether all entries that are dead-lettered have been moved to that list.
    pub is_filtered: bool,
    /// Bytes of all field names and values.
    pub field_bytes: usize,
    /// The contexts of traced entries, which are in the lists above.
    pub traces: Vec<(StreamId, SpanContext)>,
}

impl Delivery {
    pub(super) fn from_raw(raw: Vec<RawEntry>) -> Self {
        let mut delivery = Self { entries: Vec::with_capacity(raw.len()), ..Self::default() };
        for RawEntry { id, fields } in raw {
            delivery.add(id, fields.as_deref());
        }
        delivery
    }

    /// Decodes an entry and adds it; without fields it is deleted.
    pub(super) fn add<T: AsRef<[u8]>>(&mut self, id: StreamId, fields: Option<&[(T, T)]>) {
        let bytes = |(name, value): &(T, T)| name.as_ref().len() + value.as_ref().len();
        self.field_bytes += fields.unwrap_or_default().iter().map(bytes).sum::<usize>();
        if let Some(context) = fields.and_then(trace_context::extract) {
            self.traces.push((id, context));
        }
        match fields.map(|fields| codec::decode(id, fields)) {
            Some(Ok(entry)) => self.entries.push(entry),
            Some(Err(undecodable)) => self.undecodable.push(undecodable),
            None => self.deleted.push(id),
        }
    }

    /// The number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        let Self { entries, undecodable, deleted, finished, .. } = self;
        entries.len() + undecodable.len() + deleted.len() + finished.len()
    }

    /// Whether there are no entries.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The ids of all entries, in no particular order.
    pub fn ids(&self) -> impl Iterator<Item = StreamId> + '_ {
        let entries = self.entries.iter().map(|entry| entry.id);
        let undecodable = self.undecodable.iter().map(|entry| entry.id);
        entries.chain(undecodable).chain(self.deleted.iter().chain(&self.finished).copied())
    }

    /// Moves entries that are already dead-lettered out of `entries` and the other lists. A recreated or
    /// rewound group redelivers everything; storing again is idempotent, but a dead-lettered entry must
    /// not be stored as well.
    pub fn filter_dead_lettered(&mut self, ids: &HashSet<StreamId>) {
        self.finish(ids);
        self.is_filtered = true;
    }

    /// Moves entries out of the other lists to [`finished`](Self::finished).
    pub fn finish(&mut self, ids: &HashSet<StreamId>) {
        if !ids.is_empty() {
            let finished: Vec<_> = self.ids().filter(|id| ids.contains(id)).collect();
            self.retain(|id| !ids.contains(&id));
            self.finished.extend(finished);
        }
    }

    /// Drops the entries for whose ids `keep` is false.
    pub fn retain(&mut self, mut keep: impl FnMut(StreamId) -> bool) {
        self.entries.retain(|entry| keep(entry.id));
        self.undecodable.retain(|entry| keep(entry.id));
        self.deleted.retain(|&id| keep(id));
        self.finished.retain(|&id| keep(id));
        self.traces.retain(|&(id, _)| keep(id));
    }
}
