//! Entries as one read of the stream gives them.

use std::collections::HashSet;

use opentelemetry::trace::SpanContext;

use super::trace_context;
use crate::store::StreamId;
use crate::store::codec::{self, StreamEntry, Undecodable};
use crate::store::connection::reply::RawEntry;

/// Entries as one read gives them.
#[derive(Debug, Default)]
pub struct Delivery {
    /// The readings, in stream order.
    pub entries: Vec<StreamEntry>,
    /// What is no reading.
    pub undecodable: Vec<Undecodable>,
    /// Entries that are pending although their bodies were trimmed away: lost.
    pub bodiless: Vec<StreamId>,
    /// Entries that were buried before, and are delivered again all the same.
    pub buried: Vec<StreamId>,
    /// Whether all that was buried has been set apart.
    pub is_sifted: bool,
    /// The bytes that all of their fields had.
    pub bytes: usize,
    /// The contexts of those that are traced; what came with them is in the lists above.
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

    pub(super) fn add<T: AsRef<[u8]>>(&mut self, id: StreamId, fields: Option<&[(T, T)]>) {
        let bytes = |(name, value): &(T, T)| name.as_ref().len() + value.as_ref().len();
        self.bytes += fields.unwrap_or_default().iter().map(bytes).sum::<usize>();
        if let Some(context) = fields.and_then(trace_context::of_fields) {
            self.traces.push((id, context));
        }
        match fields.map(|fields| codec::decode(id, fields)) {
            Some(Ok(entry)) => self.entries.push(entry),
            Some(Err(undecodable)) => self.undecodable.push(undecodable),
            None => self.bodiless.push(id),
        }
    }

    /// How many entries were delivered.
    #[must_use]
    pub fn len(&self) -> usize {
        let Self { entries, undecodable, bodiless, buried, .. } = self;
        entries.len() + undecodable.len() + bodiless.len() + buried.len()
    }

    /// Whether nothing was delivered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The ids of all that was delivered, in no order.
    pub fn ids(&self) -> impl Iterator<Item = StreamId> + '_ {
        let entries = self.entries.iter().map(|entry| entry.id);
        let undecodable = self.undecodable.iter().map(|entry| entry.id);
        entries.chain(undecodable).chain(self.bodiless.iter().chain(&self.buried).copied())
    }

    /// Sets apart what was buried before: a group that was made anew or set back delivers again what
    /// was dealt with. Storing an entry again changes nothing; but one that was buried would be both.
    pub fn sift(&mut self, buried: &HashSet<StreamId>) {
        if !buried.is_empty() {
            let again: Vec<_> = self.ids().filter(|id| buried.contains(id)).collect();
            self.retain(|id| !buried.contains(&id));
            self.buried = again;
        }
        self.is_sifted = true;
    }

    /// Drops what `keep` refuses.
    pub fn retain(&mut self, mut keep: impl FnMut(StreamId) -> bool) {
        self.entries.retain(|entry| keep(entry.id));
        self.undecodable.retain(|entry| keep(entry.id));
        self.bodiless.retain(|&id| keep(id));
        self.buried.retain(|&id| keep(id));
        self.traces.retain(|&(id, _)| keep(id));
    }
}
