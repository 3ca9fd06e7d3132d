//! Every key name; the only file with a key literal.

use crate::reading::SiteId;

/// The keys of one stream and the consumer group that works on it.
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

    /// The stream of entries that cannot become readings.
    #[must_use]
    pub fn dead_letters(&self) -> String {
        format!("{}:dead", self.stream)
    }

    /// The ids that entries in the dead-letter stream had in the stream of readings: a sorted set by
    /// their milliseconds.
    #[must_use]
    pub fn buried(&self) -> String {
        format!("{}:ids", self.dead_letters())
    }

    /// The index of known sites: a sorted set, all scores 0, so that it is ordered by bytes.
    #[must_use]
    pub fn sites(&self) -> String {
        format!("{}:sites", self.stream)
    }

    /// The processes that consume the stream: a sorted set by their last signs of life.
    #[must_use]
    pub fn lives(&self) -> String {
        format!("{}:lives", self.stream)
    }

    /// The idempotency keys of one period and shard. In the slot of the stream, as they are written
    /// together.
    #[must_use]
    pub fn idempotency(&self, period: u64, shard: u16) -> String {
        let stream = &self.stream;
        if stream.contains('{') {
            format!("{stream}:idempotency:{period}:{shard}")
        } else {
            format!("{{{stream}}}:idempotency:{period}:{shard}")
        }
    }

    /// A key that never exists: writing to it without creating it shows whether Redis takes writes.
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

/// The sorted set of no site, as a site's id is not empty: whether a user may use those of sites can be
/// tried on it.
pub(super) const NOBODYS_SERIES: &str = "site::readings";
