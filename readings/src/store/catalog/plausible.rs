//! Which timestamps are plausible: a clock that was never set, or is set wrong, must not decide what the first
//! and the last reading of a site are.

use crate::iso8601::Instant;
use crate::store::packed::FIRST_PLAUSIBLE_MICROS;

/// How far ahead of now a timestamp may be. Too low and clocks that are a little fast are ahead; too high and a clock that
/// is ahead hides later readings of other devices that long.
const MAX_AHEAD_MICROS: i64 = 5 * 60 * 1_000_000;

/// The plausible timestamps at a time; others are outliers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plausible {
    now: Instant,
}

impl Plausible {
    /// Those at this time.
    #[must_use]
    pub const fn at(now: Instant) -> Self {
        Self { now }
    }

    /// The time.
    #[must_use]
    pub const fn now(self) -> Instant {
        self.now
    }

    /// The first plausible instant.
    #[must_use]
    pub const fn first(self) -> Instant {
        Instant::from_epoch_micros(FIRST_PLAUSIBLE_MICROS)
    }

    /// The last plausible instant.
    #[must_use]
    pub const fn last(self) -> Instant {
        Instant::from_epoch_micros(self.now.epoch_micros().saturating_add(MAX_AHEAD_MICROS))
    }

    /// Whether an instant is plausible.
    #[must_use]
    pub fn contains(self, instant: Instant) -> bool {
        instant >= self.first() && !self.is_ahead(instant)
    }

    /// Whether an instant is further ahead of now than is plausible.
    #[must_use]
    pub fn is_ahead(self, instant: Instant) -> bool {
        instant > self.last()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_that_were_never_set_and_clocks_that_are_ahead_are_not_plausible() {
        let at = |text: &str| crate::iso8601::parse(text).unwrap().instant;
        let plausible = Plausible::at(at("2024-06-01T12:00:00Z"));
        for text in ["1990-01-01T00:00:00Z", "2024-06-01T12:00:00Z", "2024-06-01T12:05:00Z"] {
            assert!(plausible.contains(at(text)), "{text}");
        }
        for text in ["0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "1989-12-31T23:59:59.999999Z"]
        {
            assert!(!plausible.contains(at(text)) && !plausible.is_ahead(at(text)), "{text}");
        }
        for text in ["2024-06-01T12:05:00.000001Z", "9999-12-31T23:59:59Z"] {
            assert!(!plausible.contains(at(text)) && plausible.is_ahead(at(text)), "{text}");
        }
    }
}
