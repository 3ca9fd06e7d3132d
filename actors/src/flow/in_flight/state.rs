//! What is in flight and reserved, by partition, and how much a source may reserve.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::time::Instant;

use readings::store::{Partition, StreamId};
use rustc_hash::FxHashSet;

use crate::flow::in_flight_limit::InFlightLimit;

/// Entries whose processing failures are remembered at most. At more, all are forgotten: too low and an
/// entry that panics each time is retried that much more often.
const MAX_REMEMBERED_FAILURES: usize = 10_000;

/// A read of new entries leaves one part in this many of the limit to claims, as it holds its
/// reservation as long as no entry arrives. Too low and reads get little; too high and claims wait.
const CLAIM_SHARE_DIVISOR: usize = 4;

/// Of several partitions, one whose last read has returned little reserves one part in this many of its share. Too low
/// and idle partitions keep permits from busy ones; too high and a burst takes more reads.
const IDLE_SHARE_DIVISOR: usize = 4;

/// What permits are reserved for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Demand {
    /// A claim returns at once.
    Claim,
    /// A read blocks; the last one returned `recent` entries.
    Read { recent: usize },
}

impl Demand {
    /// The part of the limit that may be reserved.
    const fn share(self, limit: usize) -> usize {
        match self {
            Self::Claim => limit,
            Self::Read { .. } => limit - limit / CLAIM_SHARE_DIVISOR,
        }
    }

    /// What each of several partitions may reserve in any case: an entry, and a claim one more than the read which
    /// blocks beside it.
    const fn least(self) -> usize {
        match self {
            Self::Claim => 2,
            Self::Read { .. } => 1,
        }
    }

    /// What is reserved at most of a share: a read of a busy partition doubles, that of an idle one begins low.
    fn most(self, share: usize) -> usize {
        match self {
            Self::Claim => usize::MAX,
            Self::Read { recent } => (2 * recent).max(share / IDLE_SHARE_DIVISOR).max(1),
        }
    }
}

/// The state of a window.
#[derive(Debug)]
pub(super) struct State {
    pub limit: InFlightLimit,
    /// Permits that are reserved by sources or belong to entries in flight.
    pub reserved: usize,
    /// The number of entries in flight.
    pub in_flight: usize,
    /// When permits were last released, or the window was last empty.
    pub progress_at: Instant,
    /// Partitions with a share of the limit.
    active: usize,
    /// The whole stream, and the partitions by their numbers.
    parts: Vec<Part>,
}

/// The state of one partition.
#[derive(Debug)]
pub(super) struct Part {
    is_active: bool,
    reserved: usize,
    pub ids: FxHashSet<StreamId>,
    pub abandoned: bool,
    /// As in [`State`], of this partition.
    pub progress_at: Instant,
    /// Processing failures (panics) of entries that have had any.
    pub failures: HashMap<StreamId, u32>,
}

impl State {
    pub fn new(ceiling: NonZeroUsize, now: Instant) -> Self {
        let limit = InFlightLimit::new(ceiling.get(), now);
        Self { limit, reserved: 0, in_flight: 0, progress_at: now, active: 0, parts: Vec::new() }
    }

    /// Gives a partition a share of the limit, and gives its place.
    pub fn activate(&mut self, partition: Partition) -> usize {
        let place = match partition {
            Partition::Whole => 0,
            Partition::Numbered(number) => usize::from(number) + 1,
        };
        while self.parts.len() <= place {
            self.parts.push(Part::new(Instant::now()));
        }
        if !std::mem::replace(&mut self.parts[place].is_active, true) {
            self.active += 1;
        }
        place
    }

    pub fn retire(&mut self, place: usize) {
        if std::mem::replace(&mut self.parts[place].is_active, false) {
            self.active -= 1;
        }
    }

    pub fn part(&mut self, place: usize) -> &mut Part {
        &mut self.parts[place]
    }

    /// Reserves what there is, `max` at most; gives the number.
    pub fn reserve(&mut self, place: usize, demand: Demand, max: usize) -> usize {
        let capacity = self.available(place, demand).min(max);
        self.reserved += capacity;
        self.parts[place].reserved += capacity;
        capacity
    }

    /// What is free, or what the partition lacks of its share, whichever is more: entries of a partition that cannot
    /// be finished keep no other from being read. So up to twice the limit may be in flight.
    fn available(&self, place: usize, demand: Demand) -> usize {
        let limit = demand.share(self.limit.current());
        // The limit may have shrunk below what is reserved.
        let free = limit.saturating_sub(self.reserved);
        if self.active < 2 {
            return free;
        }
        // Large entries have no share but wait for each other: they are limited by their bytes.
        let least = if self.limit.has_bytes_for(self.active) { demand.least() } else { 0 };
        let share = (limit / self.active).max(least);
        let lacking = share.saturating_sub(self.parts[place].reserved);
        free.max(lacking).min(demand.most(share))
    }

    /// Puts entries in flight, of which `excess` were not reserved.
    pub fn fill(&mut self, place: usize, ids: &[StreamId], excess: usize) {
        let Self { reserved, in_flight, progress_at, parts, .. } = self;
        let part = &mut parts[place];
        *reserved += excess;
        part.reserved += excess;
        if part.ids.is_empty() {
            part.progress_at = Instant::now();
            if *in_flight == 0 {
                *progress_at = part.progress_at;
            }
        }
        let before = part.ids.len();
        part.ids.extend(ids);
        *in_flight += part.ids.len() - before;
    }

    /// Releases permits without entries.
    pub fn release(&mut self, place: usize, capacity: usize) {
        self.reserved -= capacity;
        self.parts[place].reserved -= capacity;
    }

    /// Releases the permits of entries.
    pub fn finish(&mut self, place: usize, ids: &[StreamId]) {
        let part = &mut self.parts[place];
        for id in ids {
            if part.ids.remove(id) {
                self.in_flight -= 1;
            }
        }
        part.progress_at = Instant::now();
        self.progress_at = part.progress_at;
        self.release(place, ids.len());
    }
}

impl Part {
    fn new(now: Instant) -> Self {
        Self {
            is_active: false,
            reserved: 0,
            ids: FxHashSet::default(),
            abandoned: false,
            progress_at: now,
            failures: HashMap::new(),
        }
    }

    pub fn failures_of(&self, id: StreamId) -> u32 {
        // Almost always empty: spares a lookup per entry.
        if self.failures.is_empty() { 0 } else { self.failures.get(&id).copied().unwrap_or(0) }
    }

    /// Counts a processing failure of each of these entries.
    pub fn record_failure(&mut self, ids: &[StreamId]) {
        if self.failures.len() > MAX_REMEMBERED_FAILURES {
            self.failures.clear();
        }
        for &id in ids {
            *self.failures.entry(id).or_default() += 1;
        }
    }

    /// Forgets the failures of entries that are finished.
    pub fn forget_failures(&mut self, ids: &[StreamId]) {
        if !self.failures.is_empty() {
            self.failures.retain(|id, _| !ids.contains(id));
        }
    }
}
