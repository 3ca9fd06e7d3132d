//! The counts of one receiver in this process.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use opentelemetry::KeyValue;

use super::not_accepted::{Counted, Names, Outcome};
use super::receiver::Receiver;
use crate::store::metrics::RECEIVER_READINGS;

/// The counters of this process.
pub static COUNTERS: ReceiverCounters = ReceiverCounters::new();

/// The counter of a receiver in this process.
#[must_use]
pub fn of(receiver: Receiver) -> &'static ReceiverCounter {
    COUNTERS.get(receiver)
}

/// A counter for each receiver, in the order of [`Receiver::ALL`].
#[derive(Debug)]
pub struct ReceiverCounters([ReceiverCounter; Receiver::ALL.len()]);

impl ReceiverCounters {
    /// Counters at 0. A process has [`COUNTERS`]; others are for tests.
    #[must_use]
    pub const fn new() -> Self {
        Self([const { ReceiverCounter::new() }; Receiver::ALL.len()])
    }

    /// The counter of a receiver.
    #[must_use]
    pub const fn get(&self, receiver: Receiver) -> &ReceiverCounter {
        &self.0[receiver as usize]
    }
}

impl Default for ReceiverCounters {
    fn default() -> Self {
        Self::new()
    }
}

/// Registers the metrics of these receivers, which begin at 0.
pub fn expose(receivers: &'static [Receiver]) {
    RECEIVER_READINGS.register_labelled_counter(|| {
        receivers.iter().flat_map(|&receiver| of(receiver).labelled(receiver)).collect()
    });
}

/// Counts what a receiver accepts and does not accept. Counting accepted readings is an addition, for every request
/// does it; the rest takes a lock.
#[derive(Debug)]
pub struct ReceiverCounter {
    accepted: AtomicU64,
    replayed: AtomicU64,
    rejected: AtomicU64,
    unmapped: AtomicU64,
    /// Whether it has a connection of its own, and whether that is open.
    has_connection: AtomicBool,
    is_connected: AtomicBool,
    names: Mutex<Names>,
}

/// Counts since the start of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Counts {
    pub accepted: u64,
    pub replayed: u64,
    pub rejected: u64,
    pub unmapped: u64,
}

impl ReceiverCounter {
    const fn new() -> Self {
        Self {
            accepted: AtomicU64::new(0),
            replayed: AtomicU64::new(0),
            rejected: AtomicU64::new(0),
            unmapped: AtomicU64::new(0),
            has_connection: AtomicBool::new(false),
            is_connected: AtomicBool::new(false),
            names: Mutex::new(Names::new()),
        }
    }

    /// Counts readings that are in the stream, and those among them that were there before, by their keys.
    pub fn accepted(&self, readings: usize, replayed: usize) {
        self.accepted.fetch_add(readings as u64, Ordering::Relaxed);
        if replayed > 0 {
            self.replayed.fetch_add(replayed as u64, Ordering::Relaxed);
        }
    }

    /// Counts rows that are not valid readings; `name` says where they came from (a device, a topic, a measurement; or
    /// nothing), `reason` which rule they break.
    pub fn rejected(&self, name: &str, reason: &str, rows: u64) {
        self.rejected.fetch_add(rows, Ordering::Relaxed);
        self.add_name(Outcome::Rejected, name, reason, rows);
    }

    /// Counts rows that are not valid readings, and for each rule those that break it, of which a row may break several.
    pub fn rejected_rows(&self, rows: usize, rules: &BTreeMap<&'static str, u64>) {
        self.rejected.fetch_add(rows as u64, Ordering::Relaxed);
        for (rule, rows) in rules {
            self.add_name(Outcome::Rejected, "", rule, *rows);
        }
    }

    /// Counts rows that no setting maps to readings, by their topic, metric or field, and why not.
    pub fn unmapped(&self, name: &str, reason: &str, rows: u64) {
        self.unmapped.fetch_add(rows, Ordering::Relaxed);
        self.add_name(Outcome::Unmapped, name, reason, rows);
    }

    /// Sets whether the receiver's own connection, such as that to a broker, is open. Receivers that never do so have
    /// none.
    pub fn set_connected(&self, is_connected: bool) {
        self.is_connected.store(is_connected, Ordering::Relaxed);
        self.has_connection.store(true, Ordering::Relaxed);
    }

    /// Whether its connection is open; `None` for one without.
    pub(super) fn is_connected(&self) -> Option<bool> {
        let has_connection = self.has_connection.load(Ordering::Relaxed);
        has_connection.then(|| self.is_connected.load(Ordering::Relaxed))
    }

    pub(super) fn counts(&self) -> Counts {
        Counts {
            // First, as it is counted last: it is never more than what was accepted.
            replayed: self.replayed.load(Ordering::Relaxed),
            accepted: self.accepted.load(Ordering::Relaxed),
            rejected: self.rejected.load(Ordering::Relaxed),
            unmapped: self.unmapped.load(Ordering::Relaxed),
        }
    }

    /// The names since the last call.
    pub(super) fn take_names(&self) -> Vec<Counted> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn add_name(&self, outcome: Outcome, name: &str, reason: &str, rows: u64) {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        names.add(outcome, name, reason, rows);
    }

    /// The values of the metric: each row is counted in one of them.
    fn labelled(&self, receiver: Receiver) -> [(u64, Vec<KeyValue>); 4] {
        let Counts { accepted, replayed, rejected, unmapped } = self.counts();
        [
            ("appended", accepted.saturating_sub(replayed)),
            ("replayed", replayed),
            (Outcome::Rejected.name(), rejected),
            (Outcome::Unmapped.name(), unmapped),
        ]
        .map(|(outcome, rows)| {
            let labels =
                [KeyValue::new("receiver", receiver.name()), KeyValue::new("outcome", outcome)];
            (rows, labels.into())
        })
    }
}

impl Counts {
    /// What was counted since.
    pub const fn since(self, before: Self) -> Self {
        Self {
            accepted: self.accepted - before.accepted,
            replayed: self.replayed - before.replayed,
            rejected: self.rejected - before.rejected,
            unmapped: self.unmapped - before.unmapped,
        }
    }
}
