//! The id of a stream entry.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// `<milliseconds>-<sequence>`, as Redis generates it; ordered as numbers, so `5-9` is before `5-10`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct StreamId {
    /// Milliseconds since the Unix epoch, by the clock of the Redis server.
    pub ms: u64,
    /// Number within the millisecond.
    pub seq: u64,
}

impl StreamId {
    /// Below every entry: the start of a stream and of a claim's scan.
    pub const ZERO: Self = Self { ms: 0, seq: 0 };

    /// The largest id: a stream with this last id accepts no more entries.
    pub const MAX: Self = Self { ms: u64::MAX, seq: u64::MAX };
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.ms, self.seq)
    }
}

impl Serialize for StreamId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A text that is not a stream id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a stream id (<milliseconds>-<sequence>)")]
pub struct StreamIdError;

impl FromStr for StreamId {
    type Err = StreamIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (ms, seq) = text.split_once('-').ok_or(StreamIdError)?;
        // `parse` accepts a sign, Redis does not.
        let is_number = |digits: &&str| digits.bytes().all(|byte| byte.is_ascii_digit());
        let number = |digits| {
            let digits = Some(digits).filter(is_number).ok_or(StreamIdError)?;
            digits.parse().map_err(|_| StreamIdError)
        };
        Ok(Self { ms: number(ms)?, seq: number(seq)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_ordered_as_numbers() {
        let id = |text: &str| text.parse::<StreamId>().unwrap();
        assert!(id("5-9") < id("5-10"));
        assert!(id("999-0") < id("1000-0"));
    }

    #[test]
    fn an_id_is_parsed_from_its_own_text() {
        let id = StreamId { ms: 1_705_314_600_000, seq: u64::MAX };
        assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[test]
    fn two_numbers_without_signs_are_an_id_and_nothing_else_is() {
        for text in ["1705", "+1-+2", "+1-2", "1-+2", "-1-2", "1--2", "1-", "-1", "1-2-3", "1- 2"] {
            assert_eq!(text.parse::<StreamId>(), Err(StreamIdError), "{text}");
        }
    }
}
