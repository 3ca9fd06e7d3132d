//! The window of entries in flight: delivered to this process and not yet acknowledged.
//!
//! Permits travel inside the messages. Whatever becomes of a message, its permits come back: settled
//! when its entries were acknowledged, abandoned when it was dropped.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::mem;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use readings::store::StreamId;
use tokio::sync::Notify;

use crate::window_size::WindowSize;

/// Entries whose failures are remembered at most; past that all is forgotten and counted anew.
const MAX_REMEMBERED_FAILURES: usize = 10_000;

/// Counts and knows the entries in flight; cloning it is cheap.
#[derive(Debug, Clone)]
pub(crate) struct InFlightWindow(Arc<Window>);

#[derive(Debug)]
struct Window {
    state: Mutex<State>,
    room: Notify,
}

#[derive(Debug)]
struct State {
    size: WindowSize,
    /// Reserved by sources or in flight.
    taken: usize,
    ids: HashSet<StreamId>,
    abandoned: bool,
    /// How often the work on an entry panicked.
    failures: HashMap<StreamId, u32>,
}

impl InFlightWindow {
    /// A window that holds `ceiling` entries at most.
    pub fn new(ceiling: NonZeroUsize) -> Self {
        let state = State {
            size: WindowSize::new(ceiling.get(), Instant::now()),
            taken: 0,
            ids: HashSet::new(),
            abandoned: false,
            failures: HashMap::new(),
        };
        Self(Arc::new(Window { state: Mutex::new(state), room: Notify::new() }))
    }

    /// Waits for room and takes as much as there is, `most` at most.
    pub async fn reserve(&self, most: NonZeroUsize) -> Reservation {
        loop {
            let more_room = self.0.room.notified();
            tokio::pin!(more_room);
            more_room.as_mut().enable();
            if let Some(room) = self.try_reserve(most) {
                return room;
            }
            more_room.await;
        }
    }

    fn try_reserve(&self, most: NonZeroUsize) -> Option<Reservation> {
        let mut state = self.state();
        let room = state.size.current().saturating_sub(state.taken).min(most.get());
        state.taken += room;
        drop(state);
        (room > 0).then(|| Reservation { window: self.clone(), room })
    }

    /// Whether an entry is in flight.
    pub fn contains(&self, id: StreamId) -> bool {
        self.state().ids.contains(&id)
    }

    /// How many entries are in flight.
    pub fn len(&self) -> usize {
        self.state().ids.len()
    }

    /// Whether entries have been abandoned since the last call: they are pending for this consumer,
    /// and nobody here has them any more.
    pub fn take_abandoned(&self) -> bool {
        mem::take(&mut self.state().abandoned)
    }

    /// How often the work on an entry panicked.
    pub fn failures(&self, id: StreamId) -> u32 {
        let state = self.state();
        // The common case costs no lookup.
        if state.failures.is_empty() { 0 } else { state.failures.get(&id).copied().unwrap_or(0) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The state is whole after each of its operations, also when a thread panicked between them.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn release(&self, room: usize) {
        self.state().taken -= room;
        self.0.room.notify_waiters();
    }
}

/// Room in the window that a source is about to fill; what is not filled goes back.
#[derive(Debug)]
pub(crate) struct Reservation {
    window: InFlightWindow,
    room: usize,
}

impl Reservation {
    /// How many entries there is room for.
    pub const fn room(&self) -> usize {
        self.room
    }

    /// Fills the room with entries. A server that sent more than it was asked for overfills it.
    pub fn admit(mut self, ids: Vec<StreamId>) -> InFlightPermit {
        let mut state = self.window.state();
        let filled = ids.len().min(self.room);
        state.taken += ids.len() - filled;
        state.ids.extend(&ids);
        drop(state);
        self.room -= filled;
        InFlightPermit { window: self.window.clone(), ids }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if self.room > 0 {
            self.window.release(self.room);
        }
    }
}

/// The permits of some entries in flight, carried by the message that carries the entries.
pub(crate) struct InFlightPermit {
    window: InFlightWindow,
    ids: Vec<StreamId>,
}

impl InFlightPermit {
    /// The entries that the permit is for.
    pub fn ids(&self) -> &[StreamId] {
        &self.ids
    }

    /// Gives each group of the permit's entries a permit of its own; together the groups must be
    /// all of them.
    pub fn partition(mut self, groups: impl IntoIterator<Item = Vec<StreamId>>) -> Vec<Self> {
        self.ids.clear();
        let part = |ids| Self { window: self.window.clone(), ids };
        groups.into_iter().map(part).collect()
    }

    /// Ends the flight of entries that need not be delivered again.
    pub fn settle(mut self) {
        self.land(|state, ids| {
            state.size.finished(ids.len(), Instant::now());
            if !state.failures.is_empty() {
                state.failures.retain(|id, _| !ids.contains(id));
            }
        });
    }

    fn land(&mut self, note: impl FnOnce(&mut State, &[StreamId])) {
        let ids = mem::take(&mut self.ids);
        if ids.is_empty() {
            return;
        }
        let mut state = self.window.state();
        for id in &ids {
            state.ids.remove(id);
        }
        state.taken -= ids.len();
        note(&mut state, &ids);
        drop(state);
        self.window.0.room.notify_waiters();
    }
}

impl Drop for InFlightPermit {
    fn drop(&mut self) {
        // A panic unwinds what was being worked on; what waited in a mailbox is dropped later.
        let panicked = thread::panicking();
        self.land(|state, ids| {
            state.abandoned = true;
            if panicked {
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

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    fn ids(numbers: std::ops::Range<u64>) -> Vec<StreamId> {
        numbers.map(|ms| StreamId { ms, seq: 0 }).collect()
    }

    /// Below the floor of [`WindowSize`], so that the size stays what it is.
    fn window(ceiling: usize) -> InFlightWindow {
        InFlightWindow::new(NonZeroUsize::new(ceiling).unwrap())
    }

    fn taken(window: &InFlightWindow) -> usize {
        window.state().taken
    }

    const TEN: NonZeroUsize = NonZeroUsize::new(10).unwrap();

    #[tokio::test]
    async fn a_source_gets_the_room_there_is_and_gives_back_what_it_does_not_fill() {
        let window = window(15);
        let first = window.reserve(TEN).await;
        let second = window.reserve(TEN).await;
        assert_eq!((first.room(), second.room()), (10, 5));
        let permit = first.admit(ids(0..3));
        assert_eq!((window.len(), taken(&window)), (3, 8));
        drop(second);
        permit.settle();
        assert_eq!((window.len(), taken(&window)), (0, 0));
    }

    #[tokio::test]
    async fn a_source_waits_for_room() {
        let window = window(10);
        let permit = window.reserve(TEN).await.admit(ids(0..10));
        let waiting = window.reserve(TEN);
        tokio::pin!(waiting);
        assert!(futures_util::poll!(&mut waiting).is_pending());
        permit.settle();
        assert_eq!(waiting.await.room(), 10);
    }

    #[tokio::test]
    async fn settled_entries_are_not_abandoned_and_dropped_ones_are() {
        let window = window(10);
        window.reserve(TEN).await.admit(ids(0..2)).settle();
        assert!(!window.take_abandoned());
        drop(window.reserve(TEN).await.admit(ids(0..2)));
        assert!(window.take_abandoned());
        assert!(!window.take_abandoned(), "once is enough");
        assert_eq!(taken(&window), 0);
    }

    #[tokio::test]
    async fn a_partitioned_permit_comes_back_part_by_part() {
        let window = window(10);
        let permit = window.reserve(TEN).await.admit(ids(0..5));
        let mut parts = permit.partition([ids(0..2), ids(2..5)]);
        assert!(!window.take_abandoned(), "handing over is not dropping");
        parts.remove(0).settle();
        assert!(!window.contains(StreamId { ms: 1, seq: 0 }));
        assert!(window.contains(StreamId { ms: 2, seq: 0 }));
        assert_eq!(taken(&window), 3);
    }

    #[tokio::test]
    async fn only_what_a_panic_had_in_hand_has_failed() {
        let window = window(10);
        let permit = window.reserve(TEN).await.admit(ids(0..2));
        let [in_hand, queued] = permit.partition([ids(0..1), ids(1..2)]).try_into().unwrap();
        let panicking = AssertUnwindSafe(move || {
            let _in_hand = in_hand;
            panic!("on purpose");
        });
        catch_unwind(panicking).unwrap_err();
        drop(queued);
        let failures = |ms| window.failures(StreamId { ms, seq: 0 });
        assert_eq!((failures(0), failures(1)), (1, 0));
        window.reserve(TEN).await.admit(ids(0..1)).settle();
        assert_eq!(failures(0), 0, "forgotten once it worked");
    }
}
