//! TEMPORARY STUB: to be overwritten by the real module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(i64);
impl Instant {
    pub const fn from_epoch_micros(m: i64) -> Self {
        Self(m)
    }
    pub const fn epoch_micros(self) -> i64 {
        self.0
    }
    pub fn epoch_seconds(self) -> f64 {
        self.0 as f64 / 1e6
    }
}
pub struct ParsedTimestamp {
    pub instant: Instant,
    pub has_offset: bool,
}
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TimestampFault {
    #[error("not an ISO 8601 timestamp")]
    Shape,
}
pub fn parse(text: &str) -> Result<ParsedTimestamp, TimestampFault> {
    chrono::DateTime::parse_from_rfc3339(text)
        .map(|t| ParsedTimestamp {
            instant: Instant(t.timestamp_micros()),
            has_offset: true,
        })
        .map_err(|_| TimestampFault::Shape)
}
