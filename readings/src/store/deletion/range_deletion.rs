//! Deletes the readings of a range, some at a time.

use std::collections::VecDeque;

use super::removal::Removal;
use crate::iso8601::Instant;
use crate::store::error::StoreResult;
use crate::store::series::{Selected, SelectionReader};

/// Readings that are removed with one script. Too low and a range takes many round trips; too high and Redis serves no
/// other client meanwhile (500 readings take about half a millisecond).
pub(super) const CHUNK: usize = 500;

/// The deletion of a range. Readings that are stored meanwhile may be deleted or not.
#[derive(Debug)]
pub struct RangeDeletion {
    removal: Removal,
    reader: SelectionReader,
    start: Instant,
    end: Instant,
    /// Readings of the range that were read and are not deleted yet.
    waiting: VecDeque<Selected>,
}

impl RangeDeletion {
    pub(super) const fn new(
        removal: Removal,
        reader: SelectionReader,
        (start, end): (Instant, Instant),
    ) -> Self {
        Self { removal, reader, start, end, waiting: VecDeque::new() }
    }

    /// Deletes the next readings, 500 at most; gives their number, which may be 0, and `None` after the last.
    ///
    /// # Errors
    /// When the server replied with an error or not at all: some of these readings may be deleted. The deletion can be
    /// begun again, and deletes what is left.
    pub async fn next(&mut self) -> StoreResult<Option<u64>> {
        if self.waiting.is_empty() {
            let Some(page) = self.reader.next_page().await? else { return Ok(None) };
            let (start, end) = (self.start, self.end);
            // Scores are rounded after the year 2242.
            let is_within = |reading: &Selected| {
                reading.position.instant().is_none_or(|instant| start <= instant && instant < end)
            };
            self.waiting = page.readings.into_iter().filter(is_within).collect();
        }
        let chunk: Vec<_> = self.waiting.drain(..CHUNK.min(self.waiting.len())).collect();
        if chunk.is_empty() {
            return Ok(Some(0));
        }
        self.removal.remove(chunk).await.map(Some)
    }
}
