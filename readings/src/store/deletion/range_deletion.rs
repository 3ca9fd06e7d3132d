//! Deletes the readings of a range, some at a time.

use std::collections::{BTreeSet, VecDeque};

use super::removal::Removal;
use crate::energy::rollup::Day;
use crate::iso8601::Instant;
use crate::store::error::StoreResult;
use crate::store::series::{Selected, SelectionReader};

/// Readings that are removed with one script. Too low and a range takes many round trips; too high and Redis serves no
/// other client meanwhile (500 readings take about half a millisecond).
pub(super) const CHUNK: usize = 500;

/// The readings of a packed day that are removed with one change of it. Too low and the day is written again and again; too
/// high and they take much memory (250 bytes each).
const PACKED_CHUNK: usize = 50_000;

/// The deletion of a range. Readings that are stored meanwhile may be deleted or not.
#[derive(Debug)]
pub struct RangeDeletion {
    removal: Removal,
    reader: SelectionReader,
    start: Instant,
    end: Instant,
    /// Readings of the range that were read and are not deleted yet.
    waiting: VecDeque<Selected>,
    /// The days of the site that had packed or archived readings at first.
    tiered: BTreeSet<Day>,
}

impl RangeDeletion {
    pub(super) const fn new(
        removal: Removal,
        reader: SelectionReader,
        (start, end): (Instant, Instant),
        tiered: BTreeSet<Day>,
    ) -> Self {
        Self { removal, reader, start, end, waiting: VecDeque::new(), tiered }
    }

    /// Deletes the next readings, 500 at most, or those of a packed day; gives their number, which may be 0, and `None` after
    /// the last.
    ///
    /// # Errors
    /// When the server replied with an error or not at all: some of these readings may be deleted. The deletion can be
    /// begun again, and deletes what is left.
    pub async fn next(&mut self) -> StoreResult<Option<u64>> {
        if self.waiting.is_empty() && !self.read().await? {
            return Ok(None);
        }
        let chunk = self.chunk().await?;
        if chunk.is_empty() {
            return Ok(Some(0));
        }
        self.removal.remove(chunk).await.map(Some)
    }

    /// Reads a page; `false` after the last.
    async fn read(&mut self) -> StoreResult<bool> {
        let Some(page) = self.reader.next_page().await? else { return Ok(false) };
        let (start, end) = (self.start, self.end);
        // Scores are rounded after the year 2242.
        let is_within = |reading: &Selected| {
            reading.position.instant().is_none_or(|instant| start <= instant && instant < end)
        };
        self.waiting.extend(page.readings.into_iter().filter(is_within));
        Ok(true)
    }

    /// The next readings. A packed day is written again for each chunk, so one has all its readings that fit.
    async fn chunk(&mut self) -> StoreResult<Vec<Selected>> {
        let day = self.waiting.front().map(|reading| reading.position.day());
        if !day.is_some_and(|day| self.tiered.contains(&day)) {
            return Ok(self.waiting.drain(..CHUNK.min(self.waiting.len())).collect());
        }
        let is_of_day = |reading: &Selected| Some(reading.position.day()) == day;
        while self.waiting.len() < PACKED_CHUNK
            && self.waiting.iter().all(is_of_day)
            && self.read().await?
        {}
        let count = self.waiting.iter().take_while(|reading| is_of_day(reading)).count();
        Ok(self.waiting.drain(..count).collect())
    }
}
