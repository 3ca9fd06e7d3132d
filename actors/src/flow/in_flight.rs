//! The window of entries in flight: delivered to this process and not yet acknowledged.
//!
//! Permits travel inside the messages that carry the entries. Each permit is released exactly once:
//! settled when its entries are acknowledged, or abandoned when the message is dropped.
//!
//! The partitions share one limit. Each has entries of its own, as ids of two partitions may be equal.

mod permit;
mod place;
mod state;

use std::mem;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use readings::store::{Partition, StreamId};
use tokio::sync::{Mutex as AsyncMutex, Notify};

use self::place::{Place, Window};
use self::state::{Demand, Part, State};

pub(crate) use self::permit::{InFlightPermit, PermitSplit};

/// The entries in flight of all partitions, and their limit; cloning it is cheap.
#[derive(Debug, Clone)]
pub(crate) struct InFlightWindow(Arc<Window>);

impl InFlightWindow {
    /// A window of at most `ceiling` entries.
    pub fn new(ceiling: NonZeroUsize) -> Self {
        Self(Arc::new(Window {
            state: Mutex::new(State::new(ceiling, Instant::now())),
            released: Notify::new(),
            fairness: AsyncMutex::new(()),
        }))
    }

    /// The window of a partition, which has a share of the limit from now on.
    pub fn of_partition(&self, partition: Partition) -> PartitionWindow {
        let place = self.state().activate(partition);
        PartitionWindow(Place { window: Arc::clone(&self.0), partition, index: place })
    }

    /// How many entries may be in flight at present.
    pub fn limit(&self) -> usize {
        self.state().limit.current()
    }

    /// The number of entries in flight.
    pub fn len(&self) -> usize {
        self.state().in_flight
    }

    /// How long no entry has been in flight; `None` when some are.
    pub fn idle_for(&self, now: Instant) -> Option<Duration> {
        let state = self.state();
        (state.in_flight == 0).then(|| now.saturating_duration_since(state.progress_at))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state()
    }
}

/// The entries in flight of one partition; cloning it is cheap.
#[derive(Debug, Clone)]
pub(crate) struct PartitionWindow(Place);

impl PartitionWindow {
    /// Waits for capacity and reserves all there is, `max` at most.
    pub async fn reserve(&self, max: NonZeroUsize) -> Reservation {
        self.reserve_for(Demand::Claim, max).await
    }

    /// As [`Self::reserve`], but leaves a share of the limit to claims. The reservation is held as long as no entry
    /// arrives, so that of several partitions each reserves little more than its last read has returned (`recent`).
    pub async fn reserve_for_read(&self, recent: usize, max: NonZeroUsize) -> Reservation {
        self.reserve_for(Demand::Read { recent }, max).await
    }

    async fn reserve_for(&self, demand: Demand, max: NonZeroUsize) -> Reservation {
        let _first_come_first_served = self.0.window.fairness.lock().await;
        loop {
            // Registered before the check: permits released between the check and the wait would not
            // wake this task otherwise, and it would wait for ever.
            let released = self.0.window.released.notified();
            tokio::pin!(released);
            released.as_mut().enable();
            let capacity = self.state().reserve(self.0.index, demand, max.get());
            if capacity > 0 {
                return Reservation { place: self.0.clone(), capacity };
            }
            released.await;
        }
    }

    /// How many entries of all partitions may be in flight at present.
    pub fn limit(&self) -> usize {
        self.state().limit.current()
    }

    /// Records the size of delivered entries, from which the limit in bytes follows.
    pub fn record_entry_size(&self, entries: usize, bytes: usize) {
        self.state().limit.record_entry_size(entries, bytes);
    }

    /// Whether an entry is in flight.
    pub fn contains(&self, id: StreamId) -> bool {
        self.part(|part| part.ids.contains(&id))
    }

    /// The number of entries in flight.
    pub fn len(&self) -> usize {
        self.part(|part| part.ids.len())
    }

    /// The time since an entry in flight was last finished or abandoned; `None` when none is in flight.
    pub fn stalled_for(&self, now: Instant) -> Option<Duration> {
        let since = |part: &mut Part| now.saturating_duration_since(part.progress_at);
        self.part(|part| (!part.ids.is_empty()).then(|| since(part)))
    }

    /// Whether entries have been abandoned since the last call: they are pending for this consumer and
    /// no longer in flight, so they have to be read again.
    pub fn take_abandoned(&self) -> bool {
        self.part(|part| mem::take(&mut part.abandoned))
    }

    /// The processing failures (panics) of an entry.
    pub fn failures(&self, id: StreamId) -> u32 {
        self.part(|part| part.failures_of(id))
    }

    /// Ends the partition's share of the limit. Its entries in flight, if there are any, still count.
    pub fn retire(&self) {
        self.state().retire(self.0.index);
    }

    fn part<T>(&self, read: impl FnOnce(&mut Part) -> T) -> T {
        read(self.state().part(self.0.index))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state()
    }
}

/// Permits that a source is about to fill with entries; the rest is released when this is dropped.
#[derive(Debug)]
pub(crate) struct Reservation {
    place: Place,
    capacity: usize,
}

impl Reservation {
    /// How many entries may be delivered.
    pub const fn capacity(&self) -> usize {
        self.capacity
    }

    /// Puts entries in flight. If the server delivered more than was requested, the limit is exceeded.
    pub fn fill(mut self, ids: Vec<StreamId>) -> InFlightPermit {
        let filled = ids.len().min(self.capacity);
        self.place.state().fill(self.place.index, &ids, ids.len() - filled);
        // What is left is released by `drop`.
        self.capacity -= filled;
        InFlightPermit::new(self.place.clone(), ids)
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if self.capacity > 0 {
            self.place.state().release(self.place.index, self.capacity);
            self.place.window.released.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests;
