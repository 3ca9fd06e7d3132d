//! What the HTTP front counts.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use opentelemetry::metrics::Counter;
use opentelemetry::{KeyValue, global};
use readings::validation::Fault;

pub(crate) struct Metrics {
    accepted: Counter<u64>,
    rejected: Counter<u64>,
    refused: Counter<u64>,
    unreadable: Counter<u64>,
}

/// The counters of this process.
pub(crate) static METRICS: LazyLock<Metrics> = LazyLock::new(|| {
    let meter = global::meter("energy_pipeline");
    let counter = |name, description| meter.u64_counter(name).with_description(description).build();
    Metrics {
        accepted: counter("readings_accepted", "Readings taken into the stream"),
        rejected: counter("readings_rejected", "Readings that broke a rule, by rule"),
        refused: counter("readings_refused", "Valid readings that were not taken, by reason"),
        unreadable: counter("members_unreadable", "Stored members skipped in answers"),
    }
});

impl Metrics {
    pub fn accepted(&self) {
        self.accepted.add(1, &[]);
    }

    /// Counts a rejected reading once for each rule that it broke.
    pub fn rejected(&self, faults: &[Fault]) {
        let rules: BTreeSet<_> = faults.iter().map(|fault| fault.kind.code()).collect();
        for rule in rules {
            self.rejected.add(1, &[KeyValue::new("reason", rule)]);
        }
    }

    pub fn refused(&self, reason: &'static str) {
        self.refused.add(1, &[KeyValue::new("reason", reason)]);
    }

    pub fn unreadable(&self, members: usize) {
        self.unreadable.add(members as u64, &[]);
    }
}
