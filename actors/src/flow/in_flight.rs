//! The window of entries in flight: delivered to this process and not yet acknowledged.
//!
//! Permits travel inside the messages that carry the entries. Each permit is released exactly once:
//! settled when its entries are acknowledged, or abandoned when the message is dropped.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::mem;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use readings::store::StreamId;
use rustc_hash::FxHashSet;
use tokio::sync::{Mutex as AsyncMutex, Notify};

use super::in_flight_limit::InFlightLimit;

/// Entries whose processing failures are remembered at most. At more, all are forgotten: too low and an
/// entry that panics each time is retried that much more often.
const MAX_REMEMBERED_FAILURES: usize = 10_000;

/// A read of new entries leaves one part in this many of the limit to claims, as it holds its
/// reservation as long as no entry arrives. Too low and reads get little; too high and claims wait.
const CLAIM_SHARE_DIVISOR: usize = 4;

/// The set of entries in flight, and its limit; cloning it is cheap.
#[derive(Debug, Clone)]
pub(crate) struct InFlightWindow(Arc<Window>);

#[derive(Debug)]
struct Window {
    state: Mutex<State>,
    /// Notified when permits are released.
    released: Notify,
    /// Held while waiting for capacity: first come, first served, so that no source starves another.
    fairness: AsyncMutex<()>,
}

#[derive(Debug)]
struct State {
    limit: InFlightLimit,
    /// Permits that are reserved by sources or belong to entries in flight.
    reserved: usize,
    ids: FxHashSet<StreamId>,
    abandoned: bool,
    /// When permits were last released, or the window was last empty.
    progress_at: Instant,
    /// Processing failures (panics) of entries that have had any.
    failures: HashMap<StreamId, u32>,
}

impl InFlightWindow {
    /// A window of at most `ceiling` entries.
    pub fn new(ceiling: NonZeroUsize) -> Self {
        let now = Instant::now();
        let state = State {
            limit: InFlightLimit::new(ceiling.get(), now),
            reserved: 0,
            ids: FxHashSet::default(),
            abandoned: false,
            progress_at: now,
            failures: HashMap::new(),
        };
        Self(Arc::new(Window {
            state: Mutex::new(state),
            released: Notify::new(),
            fairness: AsyncMutex::new(()),
        }))
    }

    /// Waits for capacity and reserves all there is, `max` at most.
    pub async fn reserve(&self, max: NonZeroUsize) -> Reservation {
        self.reserve_within(max, |limit| limit).await
    }

    /// As [`Self::reserve`], but leaves a share of the limit to claims.
    pub async fn reserve_for_read(&self, max: NonZeroUsize) -> Reservation {
        self.reserve_within(max, |limit| limit - limit / CLAIM_SHARE_DIVISOR).await
    }

    async fn reserve_within(&self, max: NonZeroUsize, share: fn(usize) -> usize) -> Reservation {
        let _first_come_first_served = self.0.fairness.lock().await;
        loop {
            // Registered before the check: permits released between the check and the wait would not
            // wake this task otherwise, and it would wait for ever.
            let released = self.0.released.notified();
            tokio::pin!(released);
            released.as_mut().enable();
            if let Some(reservation) = self.try_reserve(max, share) {
                return reservation;
            }
            released.await;
        }
    }

    fn try_reserve(&self, max: NonZeroUsize, share: fn(usize) -> usize) -> Option<Reservation> {
        let mut state = self.state();
        // The limit may have shrunk below what is reserved.
        let free = share(state.limit.current()).saturating_sub(state.reserved);
        let capacity = free.min(max.get());
        state.reserved += capacity;
        drop(state);
        (capacity > 0).then(|| Reservation { window: self.clone(), capacity })
    }

    /// How many entries may be in flight at present.
    pub fn limit(&self) -> usize {
        self.state().limit.current()
    }

    /// Records the size of delivered entries, from which the limit in bytes follows.
    pub fn record_entry_size(&self, entries: usize, bytes: usize) {
        self.state().limit.record_entry_size(entries, bytes);
    }

    /// Whether an entry is in flight.
    pub fn contains(&self, id: StreamId) -> bool {
        self.state().ids.contains(&id)
    }

    /// The number of entries in flight.
    pub fn len(&self) -> usize {
        self.state().ids.len()
    }

    /// The time since an entry in flight was last finished or abandoned; `None` when none is in flight.
    pub fn stalled_for(&self, now: Instant) -> Option<Duration> {
        let state = self.state();
        (!state.ids.is_empty()).then(|| now.saturating_duration_since(state.progress_at))
    }

    /// How long no entry has been in flight; `None` when some are.
    pub fn idle_for(&self, now: Instant) -> Option<Duration> {
        let state = self.state();
        state.ids.is_empty().then(|| now.saturating_duration_since(state.progress_at))
    }

    /// Whether entries have been abandoned since the last call: they are pending for this consumer and
    /// no longer in flight, so they have to be read again.
    pub fn take_abandoned(&self) -> bool {
        mem::take(&mut self.state().abandoned)
    }

    /// The processing failures (panics) of an entry.
    pub fn failures(&self, id: StreamId) -> u32 {
        let state = self.state();
        // Almost always empty: spares a lookup per entry.
        if state.failures.is_empty() { 0 } else { state.failures.get(&id).copied().unwrap_or(0) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The state is consistent after each operation, also when a thread panicked between two.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn release_capacity(&self, capacity: usize) {
        self.state().reserved -= capacity;
        self.0.released.notify_waiters();
    }
}

/// Permits that a source is about to fill with entries; the rest is released when this is dropped.
#[derive(Debug)]
pub(crate) struct Reservation {
    window: InFlightWindow,
    capacity: usize,
}

impl Reservation {
    /// How many entries may be delivered.
    pub const fn capacity(&self) -> usize {
        self.capacity
    }

    /// Puts entries in flight. If the server delivered more than was requested, the limit is exceeded.
    pub fn fill(mut self, ids: Vec<StreamId>) -> InFlightPermit {
        let mut state = self.window.state();
        let filled = ids.len().min(self.capacity);
        state.reserved += ids.len() - filled;
        if state.ids.is_empty() {
            state.progress_at = Instant::now();
        }
        state.ids.extend(&ids);
        drop(state);
        // What is left is released by `drop`.
        self.capacity -= filled;
        InFlightPermit { window: self.window.clone(), ids, in_progress: false }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if self.capacity > 0 {
            self.window.release_capacity(self.capacity);
        }
    }
}

/// The permits of some entries in flight, carried by the message that carries the entries. Dropping it
/// abandons them.
pub(crate) struct InFlightPermit {
    window: InFlightWindow,
    ids: Vec<StreamId>,
    /// Whether its entries are being processed, and not waiting in a mailbox.
    in_progress: bool,
}

impl InFlightPermit {
    /// The entries that the permit is for.
    pub fn ids(&self) -> &[StreamId] {
        &self.ids
    }

    /// Begins to split the permit into parts, each named by its ids.
    pub fn split(self) -> PermitSplit {
        let split_off = Vec::with_capacity(self.ids.len());
        PermitSplit { permit: self, split_off }
    }

    /// One permit for the entries of all of these; `None` if there are none.
    pub fn merge(permits: Vec<Self>) -> Option<Self> {
        let count = permits.iter().map(|permit| permit.ids.len()).sum();
        let mut permits = permits.into_iter();
        let mut first = permits.next()?;
        first.ids.reserve(count);
        for mut permit in permits {
            // Leaves it empty: its drop abandons no entry.
            first.ids.append(&mut permit.ids);
        }
        Some(first)
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
        self.release(|state, ids| {
            state.limit.record_finished(ids.len(), state.progress_at);
            if !state.failures.is_empty() {
                state.failures.retain(|id, _| !ids.contains(id));
            }
        });
    }

    fn part(&self, ids: Vec<StreamId>) -> Self {
        Self { window: self.window.clone(), ids, in_progress: self.in_progress }
    }

    fn release(&mut self, record: impl FnOnce(&mut State, &[StreamId])) {
        // Taken: settling drops the permit afterwards, which must not release it once more.
        let ids = mem::take(&mut self.ids);
        if ids.is_empty() {
            return;
        }
        let mut state = self.window.state();
        for id in &ids {
            state.ids.remove(id);
        }
        state.reserved -= ids.len();
        state.progress_at = Instant::now();
        record(&mut state, &ids);
        drop(state);
        self.window.0.released.notify_waiters();
    }
}

impl Drop for InFlightPermit {
    fn drop(&mut self) {
        let failed = self.in_progress && thread::panicking();
        self.release(|state, ids| {
            state.abandoned = true;
            if failed {
                if state.failures.len() > MAX_REMEMBERED_FAILURES {
                    state.failures.clear();
                }
                for &id in ids {
                    *state.failures.entry(id).or_default() += 1;
                }
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

#[cfg(test)]
mod tests;
