//! The names of all Redis keys; no other file has a key literal.

use crate::reading::SiteId;

/// The keys of one stream, and its consumer group.
#[derive(Debug, Clone)]
pub struct Keys {
    stream: String,
    group: String,
}

impl Keys {
    /// Names the stream (`REDIS_STREAM`) and the consumer group (`CONSUMER_GROUP`).
    #[must_use]
    pub fn new(stream: impl Into<String>, group: impl Into<String>) -> Self {
        Self { stream: stream.into(), group: group.into() }
    }

    /// The stream of accepted readings.
    #[must_use]
    pub fn stream(&self) -> &str {
        &self.stream
    }

    /// The consumer group of the processing services.
    #[must_use]
    pub fn group(&self) -> &str {
        &self.group
    }

    /// The stream of dead letters.
    #[must_use]
    pub fn dead_letters(&self) -> String {
        format!("{}:dead", self.stream)
    }

    /// The dead-lettered ids, as they were in the stream of readings: a sorted set, scored by their
    /// milliseconds.
    #[must_use]
    pub fn dead_lettered_ids(&self) -> String {
        format!("{}:ids", self.dead_letters())
    }

    /// The rejected rows of one window of time that have dead letters: a hash. Its name has the form of
    /// [`Keys::idempotency`], so that users which may write those may write it.
    #[must_use]
    pub fn rejected_rows(&self, window: u64) -> String {
        format!("{}:rejected-rows:{window}", self.in_slot_of_stream())
    }

    /// The deleted ids: a sorted set, scored by their milliseconds.
    #[must_use]
    pub fn deleted_ids(&self) -> String {
        format!("{}:deleted", self.stream)
    }

    /// The site index: a sorted set, all scores 0, so that it is ordered by bytes.
    #[must_use]
    pub fn sites(&self) -> String {
        format!("{}:sites", self.stream)
    }

    /// The consumer instances: a sorted set, scored by their last heartbeats.
    #[must_use]
    pub fn consumer_instances(&self) -> String {
        format!("{}:consumer-instances", self.stream)
    }

    /// The idempotency keys of one window and shard: a hash, in the hash slot of the stream, as one script
    /// writes both.
    #[must_use]
    pub fn idempotency(&self, window: u64, shard: u16) -> String {
        format!("{}:idempotency:{window}:{shard}", self.in_slot_of_stream())
    }

    /// What the receivers of all processes accepted: a hash, its fields the receivers. Where the Ingestion API may write
    /// hashes.
    #[must_use]
    pub fn receivers(&self) -> String {
        format!("{}:receivers", self.in_slot_of_stream())
    }

    /// The stream's name as the beginning of a key in its hash slot.
    fn in_slot_of_stream(&self) -> String {
        let stream = &self.stream;
        if stream.contains('{') { stream.clone() } else { format!("{{{stream}}}") }
    }

    /// A key that never exists: a write to it that must not create it shows whether Redis accepts writes.
    #[must_use]
    pub fn probe(&self) -> String {
        format!("{}:probe", self.stream)
    }
}

/// The sorted set of a site's readings; the name is the original's.
#[must_use]
pub fn series(site: &SiteId) -> String {
    format!("site:{site}:readings")
}

/// A pattern that the sorted sets of all sites match.
pub(super) const fn all_series() -> &'static str {
    "site:*:readings"
}

/// The site of a sorted set's name; `None` for a name of another form.
pub(super) fn site_of_series(key: &str) -> Option<SiteId> {
    SiteId::new(key.strip_prefix("site:")?.strip_suffix(":readings")?)
}

/// The rollups of a site: a hash, its fields the numbers of UTC days and [`ROLLUP_GENERATION`].
#[must_use]
pub fn rollups(site: &SiteId) -> String {
    format!("site:{site}:rollups")
}

/// The field of a site's rollup generation, a number that each removal of readings increases.
pub(super) const ROLLUP_GENERATION: &str = "generation";

/// As [`ABSENT_SERIES`], of rollups.
pub(super) const ABSENT_ROLLUPS: &str = "site::rollups";

/// A key in the form of a site's that belongs to none, as a site's id is not empty: permissions for the
/// keys of sites are probed with it.
pub(super) const ABSENT_SERIES: &str = "site::readings";
