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
use rustc_hash::FxHashSet;
use tokio::sync::{Mutex as AsyncMutex, Notify};

use crate::flow::window_size::WindowSize;

/// Entries whose failures are remembered at most; past that all is forgotten and counted anew.
const MAX_REMEMBERED_FAILURES: usize = 10_000;

/// Of this many entries that are in flight or may be, one is left to be taken over from another
/// consumer: a read of new ones holds its room as long as nothing arrives.
const LEFT_FOR_CLAIMS: usize = 4;

/// Counts and knows the entries in flight; cloning it is cheap.
#[derive(Debug, Clone)]
pub(crate) struct InFlightWindow(Arc<Window>);

#[derive(Debug)]
struct Window {
    state: Mutex<State>,
    room: Notify,
    /// Held by who waits for room: the first who waits gets it, or one source could starve another.
    turn: AsyncMutex<()>,
}

#[derive(Debug)]
struct State {
    size: WindowSize,
    /// Reserved by sources or in flight.
    taken: usize,
    ids: FxHashSet<StreamId>,
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
            ids: FxHashSet::default(),
            abandoned: false,
            failures: HashMap::new(),
        };
        let (state, room, turn) = (Mutex::new(state), Notify::new(), AsyncMutex::new(()));
        Self(Arc::new(Window { state, room, turn }))
    }

    /// Waits for room and takes as much as there is, `most` at most.
    pub async fn reserve(&self, most: NonZeroUsize) -> Reservation {
        self.reserve_of(most, |size| size).await
    }

    /// As [`Self::reserve`], but leaves some of the window to others, if it is large enough.
    pub async fn reserve_a_part(&self, most: NonZeroUsize) -> Reservation {
        self.reserve_of(most, |size| size - size / LEFT_FOR_CLAIMS).await
    }

    async fn reserve_of(&self, most: NonZeroUsize, part: fn(usize) -> usize) -> Reservation {
        let _turn = self.0.turn.lock().await;
        loop {
            let more_room = self.0.room.notified();
            tokio::pin!(more_room);
            more_room.as_mut().enable();
            if let Some(room) = self.try_reserve(most, part) {
                return room;
            }
            more_room.await;
        }
    }

    fn try_reserve(&self, most: NonZeroUsize, part: fn(usize) -> usize) -> Option<Reservation> {
        let mut state = self.state();
        let room = part(state.size.current()).saturating_sub(state.taken).min(most.get());
        state.taken += room;
        drop(state);
        (room > 0).then(|| Reservation { window: self.clone(), room })
    }

    /// How many entries may be in flight now.
    pub fn size(&self) -> usize {
        self.state().size.current()
    }

    /// Notes what entries weigh, so that as many are in flight as there is memory for.
    pub fn weigh(&self, entries: usize, bytes: usize) {
        self.state().size.weighed(entries, bytes);
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
        InFlightPermit { window: self.window.clone(), ids, in_hand: false }
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
    /// Whether its entries are being worked on, and not waiting for it.
    in_hand: bool,
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
        let part = |ids| Self { window: self.window.clone(), ids, in_hand: self.in_hand };
        groups.into_iter().map(part).collect()
    }

    /// One permit for the entries of all of these; `None` of none.
    pub fn merge(permits: Vec<Self>) -> Option<Self> {
        let count = permits.iter().map(|permit| permit.ids.len()).sum();
        let mut permits = permits.into_iter();
        let mut first = permits.next()?;
        first.ids.reserve(count);
        for mut permit in permits {
            first.ids.append(&mut permit.ids);
        }
        Some(first)
    }

    /// The permit of what is left without some entries, whose flight here ends.
    pub fn without(mut self, others: &HashSet<StreamId>) -> Self {
        if !others.is_empty() {
            let (ended, kept) = self.ids.iter().partition(|id| others.contains(id));
            self.ids = kept;
            Self { window: self.window.clone(), ids: ended, in_hand: false }.settle();
        }
        self
    }

    /// Begins the work on the entries: a panic from now on is their failure. It is not that of those
    /// that wait in the mailbox of who panics, which are dropped by the same panic.
    pub fn taken_in_hand(self) -> Self {
        self.with(true)
    }

    /// Ends the work on the entries, which wait for the next actor now.
    pub fn handed_on(self) -> Self {
        self.with(false)
    }

    const fn with(mut self, in_hand: bool) -> Self {
        self.in_hand = in_hand;
        self
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
        let failed = self.in_hand && thread::panicking();
        self.land(|state, ids| {
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

#[cfg(test)]
mod tests;
