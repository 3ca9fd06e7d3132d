//! `Progress`: whether the sources take their turns and entries in flight are finished, for the liveness probe.
//!
//! The supervisor sees an actor that has ended; this sees one that runs and does nothing: a future that is
//! never woken, a runtime thread that is blocked, a message that was never sent. No slow Redis looks like
//! that: each of its requests has a time limit, after which the source takes its next turn, and while a
//! request is being retried no progress is expected.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::actor_names::ChildName;

/// The part of the pipeline that makes no progress.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stalled {
    /// The actor, as metrics name it, or `entries_in_flight`.
    pub component: &'static str,
    /// The time since its last progress.
    pub since: Duration,
}

impl fmt::Display for Stalled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} has made no progress for {} s", self.component, self.since.as_secs())
    }
}

/// The loops whose progress is watched.
#[derive(Debug)]
pub(crate) struct Progress {
    stream_reader: Turns,
    pending_reclaimer: Turns,
}

/// A loop whose progress is watched.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Source {
    StreamReader,
    PendingReclaimer,
}

impl Progress {
    pub fn new(now: Instant) -> Self {
        Self { stream_reader: Turns::new(now), pending_reclaimer: Turns::new(now) }
    }

    pub const fn turns(&self, source: Source) -> &Turns {
        match source {
            Source::StreamReader => &self.stream_reader,
            Source::PendingReclaimer => &self.pending_reclaimer,
        }
    }

    /// The loops that are expected to take a turn, each with the time since then. `idle`: how long no entry has
    /// been in flight; `None` when some are.
    pub fn overdue(&self, now: Instant, idle: Option<Duration>) -> impl Iterator<Item = Stalled> {
        [Source::StreamReader, Source::PendingReclaimer].into_iter().filter_map(move |source| {
            let since = self.turns(source).overdue(now, idle)?;
            Some(Stalled { component: source.name(), since })
        })
    }
}

impl Source {
    const fn name(self) -> &'static str {
        match self {
            Self::StreamReader => ChildName::StreamReader.as_str(),
            Self::PendingReclaimer => ChildName::PendingReclaimer.as_str(),
        }
    }
}

/// The turns of one loop. It is expected to take the next one, unless it waits for another part of the
/// pipeline.
#[derive(Debug)]
pub(crate) struct Turns(Mutex<State>);

#[derive(Debug, Clone, Copy)]
struct State {
    latest: Instant,
    is_waiting: bool,
}

impl Turns {
    pub fn new(now: Instant) -> Self {
        Self(Mutex::new(State { latest: now, is_waiting: false }))
    }

    /// Records that a turn begins.
    pub fn begin(&self, now: Instant) {
        self.record(State { latest: now, is_waiting: false });
    }

    /// Records that the loop waits for permits until the guard is dropped, which begins a turn.
    pub fn wait(&self) -> Waiting<'_> {
        self.record(State { latest: Instant::now(), is_waiting: true });
        Waiting(self)
    }

    /// The time since a turn is expected; `None` while a loop waits for entries in flight. Without any, permits
    /// are free, and a loop that still waits was not woken.
    pub fn overdue(&self, now: Instant, idle: Option<Duration>) -> Option<Duration> {
        let State { latest, is_waiting } = *self.state();
        let since = now.saturating_duration_since(latest);
        if is_waiting { idle.map(|idle| idle.min(since)) } else { Some(since) }
    }

    fn record(&self, state: State) {
        *self.state() = state;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // One assignment each: consistent also when a thread panicked between two.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A loop that waits for another part of the pipeline.
#[derive(Debug)]
pub(crate) struct Waiting<'a>(&'a Turns);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.begin(Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    #[test]
    fn a_loop_is_overdue_since_its_latest_turn() {
        let start = Instant::now();
        let turns = Turns::new(start);
        assert_eq!(turns.overdue(start + MINUTE, None), Some(MINUTE));
        turns.begin(start + MINUTE);
        assert_eq!(turns.overdue(start + MINUTE, None), Some(Duration::ZERO));
    }

    #[test]
    fn a_loop_that_waits_is_overdue_only_since_no_entry_is_in_flight() {
        let turns = Turns::new(Instant::now());
        let waiting = turns.wait();
        let later = Instant::now() + 2 * MINUTE;
        assert_eq!(turns.overdue(later, None), None);
        assert_eq!(turns.overdue(later, Some(MINUTE)), Some(MINUTE));
        drop(waiting);
        let overdue = turns.overdue(Instant::now(), None).unwrap();
        assert!(overdue < MINUTE, "{overdue:?}");
    }
}
