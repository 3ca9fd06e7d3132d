//! What the pipeline counts.

use std::sync::LazyLock;

use opentelemetry::metrics::Counter;
use opentelemetry::{KeyValue, global};

pub(crate) struct Metrics {
    stored: Counter<u64>,
    reclaimed: Counter<u64>,
    dead_lettered: Counter<u64>,
    lost_bodies: Counter<u64>,
    groups_created: Counter<u64>,
    restarts: Counter<u64>,
}

/// The counters of this process.
pub(crate) static METRICS: LazyLock<Metrics> = LazyLock::new(|| {
    let meter = global::meter("energy_pipeline");
    let counter = |name, description| meter.u64_counter(name).with_description(description).build();
    Metrics {
        stored: counter("readings_stored", "Readings stored, repeats included"),
        reclaimed: counter("entries_reclaimed", "Entries taken over from idle consumers"),
        dead_lettered: counter("entries_dead_lettered", "Entries that cannot become readings"),
        lost_bodies: counter("lost_bodies", "Pending entries whose bodies were trimmed away"),
        groups_created: counter("consumer_groups_created", "Times the consumer group was missing"),
        restarts: counter("actor_restarts", "Actors that failed and were started again"),
    }
});

impl Metrics {
    pub fn stored(&self, readings: usize) {
        self.stored.add(readings as u64, &[]);
    }

    pub fn reclaimed(&self, entries: usize) {
        self.reclaimed.add(entries as u64, &[]);
    }

    pub fn dead_lettered(&self, entries: usize) {
        self.dead_lettered.add(entries as u64, &[]);
    }

    pub fn lost_bodies(&self, entries: usize) {
        self.lost_bodies.add(entries as u64, &[]);
    }

    pub fn group_created(&self) {
        self.groups_created.add(1, &[]);
    }

    pub fn restarted(&self, actor: &'static str) {
        self.restarts.add(1, &[KeyValue::new("actor", actor)]);
    }
}
