//! The window of entries in flight: delivered to this process and not yet acknowledged.
//!
//! Permits travel inside the messages. Whatever becomes of a message, its permits come back: settled
//! when its entries were acknowledged, abandoned when it was dropped.

use std::collections::HashSet;
use std::fmt;
use std::mem;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use readings::store::StreamId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Counts and knows the entries in flight; cloning it is cheap.
#[derive(Debug, Clone)]
pub(crate) struct InFlightWindow(Arc<Window>);

#[derive(Debug)]
struct Window {
    permits: Arc<Semaphore>,
    ids: Mutex<HashSet<StreamId>>,
    abandoned: AtomicBool,
}

impl InFlightWindow {
    pub fn new(capacity: NonZeroUsize) -> Self {
        let capacity = capacity.get().min(Semaphore::MAX_PERMITS);
        Self(Arc::new(Window {
            permits: Arc::new(Semaphore::new(capacity)),
            ids: Mutex::default(),
            abandoned: AtomicBool::new(false),
        }))
    }

    /// Waits for room and takes as much as there is, `most` at most.
    pub async fn reserve(&self, most: NonZeroUsize) -> Reservation {
        let permit = Arc::clone(&self.0.permits).acquire_owned().await;
        let Ok(mut permit) = permit else { unreachable!("the semaphore is never closed") };
        let more = self.0.permits.available_permits().min(most.get() - 1);
        // Another source may have been quicker: then there is room for one entry.
        if let Ok(more) = u32::try_from(more)
            && let Ok(more) = Arc::clone(&self.0.permits).try_acquire_many_owned(more)
        {
            permit.merge(more);
        }
        Reservation { window: self.clone(), permit }
    }

    /// Whether an entry is in flight.
    pub fn contains(&self, id: StreamId) -> bool {
        self.0.ids().contains(&id)
    }

    /// How many entries are in flight.
    pub fn len(&self) -> usize {
        self.0.ids().len()
    }

    /// Whether entries have been abandoned since the last call: they are pending for this consumer,
    /// and nobody here has them any more.
    pub fn take_abandoned(&self) -> bool {
        self.0.abandoned.swap(false, Ordering::AcqRel)
    }
}

impl Window {
    fn ids(&self) -> MutexGuard<'_, HashSet<StreamId>> {
        // The set is whole after each of its operations, also when a thread panicked between them.
        self.ids.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Room in the window that a source is about to fill.
#[derive(Debug)]
pub(crate) struct Reservation {
    window: InFlightWindow,
    permit: OwnedSemaphorePermit,
}

impl Reservation {
    /// How many entries there is room for.
    pub fn room(&self) -> usize {
        self.permit.num_permits()
    }

    /// Fills the room with entries; what is left of it goes back.
    pub fn admit(mut self, ids: Vec<StreamId>) -> InFlightPermit {
        let admitted = self.permit.split(ids.len());
        self.window.0.ids().extend(&ids);
        InFlightPermit { window: self.window, permit: admitted, ids }
    }
}

/// The permits of some entries in flight, carried by the message that carries the entries.
pub(crate) struct InFlightPermit {
    window: InFlightWindow,
    /// `None` when a server sent more entries than it was asked for.
    permit: Option<OwnedSemaphorePermit>,
    ids: Vec<StreamId>,
}

impl InFlightPermit {
    /// The entries that the permit is for.
    pub fn ids(&self) -> &[StreamId] {
        &self.ids
    }

    /// Gives each group of the permit's entries a permit of its own.
    pub fn partition(mut self, groups: impl IntoIterator<Item = Vec<StreamId>>) -> Vec<Self> {
        let mut rest = self.permit.take();
        self.ids.clear();
        let part = |ids: Vec<StreamId>| {
            let permit = rest.as_mut().and_then(|rest| rest.split(ids.len()));
            Self { window: self.window.clone(), permit, ids }
        };
        groups.into_iter().map(part).collect()
    }

    /// Ends the flight of entries that have been acknowledged.
    pub fn settle(mut self) {
        self.land();
    }

    fn land(&mut self) -> usize {
        let ids = mem::take(&mut self.ids);
        if !ids.is_empty() {
            let mut in_flight = self.window.0.ids();
            for id in &ids {
                in_flight.remove(id);
            }
        }
        ids.len()
    }
}

impl Drop for InFlightPermit {
    fn drop(&mut self) {
        if self.land() > 0 {
            self.window.0.abandoned.store(true, Ordering::Release);
        }
    }
}

impl fmt::Debug for InFlightPermit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "InFlightPermit({} entries)", self.ids.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(numbers: std::ops::Range<u64>) -> Vec<StreamId> {
        numbers.map(|ms| StreamId { ms, seq: 0 }).collect()
    }

    fn window(capacity: usize) -> InFlightWindow {
        InFlightWindow::new(NonZeroUsize::new(capacity).unwrap())
    }

    const TEN: NonZeroUsize = NonZeroUsize::new(10).unwrap();

    #[tokio::test]
    async fn a_source_gets_the_room_there_is_and_gives_back_what_it_does_not_fill() {
        let window = window(15);
        let first = window.reserve(TEN).await;
        let second = window.reserve(TEN).await;
        assert_eq!((first.room(), second.room()), (10, 5));
        let permit = first.admit(ids(0..3));
        assert_eq!(window.len(), 3);
        drop(second);
        assert_eq!(window.reserve(TEN).await.room(), 10);
        permit.settle();
        assert_eq!(window.len(), 0);
        assert_eq!(window.0.permits.available_permits(), 15);
    }

    #[tokio::test]
    async fn settled_entries_are_not_abandoned_and_dropped_ones_are() {
        let window = window(10);
        window.reserve(TEN).await.admit(ids(0..2)).settle();
        assert!(!window.take_abandoned());
        drop(window.reserve(TEN).await.admit(ids(0..2)));
        assert!(window.take_abandoned());
        assert!(!window.take_abandoned(), "once is enough");
        assert_eq!(window.0.permits.available_permits(), 10);
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
        assert_eq!(window.0.permits.available_permits(), 7);
    }
}
