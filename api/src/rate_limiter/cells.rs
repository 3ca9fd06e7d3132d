//! The state of clients: a cell of eight bytes each, in a table of a fixed size.

use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed, StateStore};

/// A table of cells, each of which has an index.
///
/// Not a map of governor's: that grows with each address, and has a lock or a task that removes idle ones.
#[derive(Debug)]
pub(super) struct Cells(Box<[InMemoryState]>);

impl Cells {
    /// This number of cells.
    pub fn new(cells: usize) -> Self {
        Self(std::iter::repeat_with(InMemoryState::default).take(cells).collect())
    }
}

impl StateStore for Cells {
    type Key = usize;

    fn measure_and_replace<T, F, E>(&self, index: &usize, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        match self.0.get(*index) {
            Some(cell) => cell.measure_and_replace(&NotKeyed::NonKey, decide),
            // Never, an index is below the number of cells. As for a client without requests so far.
            None => decide(None).map(|(decision, _)| decision),
        }
    }
}
