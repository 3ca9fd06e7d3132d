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
    lost_ownership: Counter<u64>,
    rolled_back: Counter<u64>,
    trimmed: Counter<u64>,
    expired: Counter<u64>,
    namesakes: Counter<u64>,
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
        lost_ownership: counter("entries_lost_ownership", "Entries another consumer took over"),
        rolled_back: counter("entries_rolled_back", "Entries Redis lost, stored from memory"),
        trimmed: counter("entries_trimmed", "Entries removed from the stream after all had them"),
        expired: counter("readings_expired", "Stored readings removed for their age"),
        namesakes: counter("consumer_namesakes", "Signs of another process of this name"),
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

    pub fn lost_ownership(&self, entries: usize) {
        self.lost_ownership.add(entries as u64, &[]);
    }

    pub fn rolled_back(&self, entries: u64) {
        self.rolled_back.add(entries, &[]);
    }

    pub fn trimmed(&self, entries: u64) {
        self.trimmed.add(entries, &[]);
    }

    pub fn expired(&self, readings: u64) {
        self.expired.add(readings, &[]);
    }

    pub fn namesake_seen(&self) {
        self.namesakes.add(1, &[]);
    }

    pub fn restarted(&self, actor: &'static str) {
        self.restarts.add(1, &[KeyValue::new("actor", actor)]);
    }
}
