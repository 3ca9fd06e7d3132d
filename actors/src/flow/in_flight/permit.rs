//! The permits of entries in flight.

use std::collections::HashSet;
use std::fmt;
use std::mem;
use std::thread;

use readings::store::{Partition, StreamId};
use rustc_hash::FxHashSet;

use super::place::Place;
use super::state::State;

/// The permits of some entries in flight, carried by the message that carries the entries. Dropping it
/// abandons them.
pub(crate) struct InFlightPermit {
    place: Place,
    ids: Vec<StreamId>,
    /// Whether its entries are being processed, and not waiting in a mailbox.
    in_progress: bool,
}

impl InFlightPermit {
    /// A permit for entries that have been put in flight.
    pub(super) const fn new(place: Place, ids: Vec<StreamId>) -> Self {
        Self { place, ids, in_progress: false }
    }

    /// The entries that the permit is for.
    pub fn ids(&self) -> &[StreamId] {
        &self.ids
    }

    /// The partition of the entries.
    pub const fn partition(&self) -> Partition {
        self.place.partition
    }

    /// Begins to split the permit into parts, each named by its ids.
    pub fn split(self) -> PermitSplit {
        let split_off = Vec::with_capacity(self.ids.len());
        PermitSplit { permit: self, split_off }
    }

    /// One permit for each partition that some of these are for.
    pub fn merge(mut permits: Vec<Self>) -> impl Iterator<Item = Self> {
        if !permits.is_sorted_by_key(Self::partition) {
            permits.sort_by_key(Self::partition);
        }
        let mut permits = permits.into_iter();
        std::iter::from_fn(move || {
            let mut merged = permits.next()?;
            let others = permits.as_slice().iter();
            let others = others.take_while(|permit| permit.partition() == merged.partition());
            let (permits_left, ids) =
                others.fold((0, 0), |(n, ids), permit| (n + 1, ids + permit.ids.len()));
            merged.ids.reserve(ids);
            for mut permit in permits.by_ref().take(permits_left) {
                // Leaves it empty: its drop abandons no entry.
                merged.ids.append(&mut permit.ids);
            }
            Some(merged)
        })
    }

    /// Settles the permits of some entries and keeps the rest.
    pub fn without(mut self, settled: &HashSet<StreamId>) -> Self {
        if !settled.is_empty() {
            let (settled, kept) = self.ids.iter().partition(|id| settled.contains(id));
            self.ids = kept;
            self.part(settled).settle();
        }
        self
    }

    /// Marks the entries as being processed: a panic from now on is charged to them, and not to the
    /// entries that wait in the same mailbox, whose permits the same panic drops.
    pub fn begin_work(mut self) -> Self {
        self.in_progress = true;
        self
    }

    /// Marks the entries as waiting for the next actor.
    pub fn end_work(mut self) -> Self {
        self.in_progress = false;
        self
    }

    /// Releases the permits of entries that need not be delivered again.
    pub fn settle(mut self) {
        let place = self.place.index;
        self.release(|state, ids| {
            let now = state.progress_at;
            state.limit.record_finished(ids.len(), now);
            state.part(place).forget_failures(ids);
        });
    }

    fn part(&self, ids: Vec<StreamId>) -> Self {
        Self { place: self.place.clone(), ids, in_progress: self.in_progress }
    }

    fn release(&mut self, record: impl FnOnce(&mut State, &[StreamId])) {
        // Taken: settling drops the permit afterwards, which must not release it once more.
        let ids = mem::take(&mut self.ids);
        if ids.is_empty() {
            return;
        }
        let mut state = self.place.state();
        state.finish(self.place.index, &ids);
        record(&mut state, &ids);
        drop(state);
        self.place.window.released.notify_waiters();
    }
}

impl Drop for InFlightPermit {
    fn drop(&mut self) {
        let failed = self.in_progress && thread::panicking();
        let place = self.place.index;
        self.release(|state, ids| {
            let part = state.part(place);
            part.abandoned = true;
            if failed {
                part.record_failure(ids);
            }
        });
    }
}

impl fmt::Debug for InFlightPermit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "InFlightPermit({} entries)", self.ids.len())
    }
}

/// A permit that is being split by ids. Entries that are in no part when this is dropped are abandoned.
#[derive(Debug)]
pub(crate) struct PermitSplit {
    /// Has all ids until the end: removing each part from it would make a split by site quadratic.
    permit: InFlightPermit,
    split_off: Vec<StreamId>,
}

impl PermitSplit {
    /// The permit of these entries, which the whole permit must be for; each entry once.
    pub fn split_off(&mut self, ids: Vec<StreamId>) -> InFlightPermit {
        self.split_off.extend(&ids);
        self.permit.part(ids)
    }
}

impl Drop for PermitSplit {
    fn drop(&mut self) {
        let ids = mem::take(&mut self.permit.ids);
        if self.split_off.len() < ids.len() {
            let split_off: FxHashSet<_> = self.split_off.drain(..).collect();
            // Abandoned when `permit` is dropped, right after this.
            self.permit.ids = ids.into_iter().filter(|id| !split_off.contains(id)).collect();
        }
    }
}
