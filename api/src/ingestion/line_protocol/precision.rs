//! The unit of the timestamps of a request.

use readings::Instant;

/// The parameter `precision`, of both versions of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Precision {
    #[default]
    Nanoseconds,
    Microseconds,
    Milliseconds,
    Seconds,
    Minutes,
    Hours,
}

/// The names, as errors list them.
pub(super) const NAMES: &str = "ns (or n), us (or u), ms, s, m, h";

impl Precision {
    /// By its name; the one of v1 is known to v2 and the other way round, as clients mix them up.
    pub fn of(name: &str) -> Option<Self> {
        Some(match name {
            "" | "ns" | "n" => Self::Nanoseconds,
            "us" | "u" | "µ" => Self::Microseconds,
            "ms" => Self::Milliseconds,
            "s" => Self::Seconds,
            "m" => Self::Minutes,
            "h" => Self::Hours,
            _ => return None,
        })
    }

    /// The instant of a timestamp, rounded down to a microsecond. Beyond what 64 bits can have it is the last one, which is
    /// no timestamp of a reading either.
    pub const fn instant(self, timestamp: i64) -> Instant {
        const SECOND: i64 = 1_000_000;
        let micros = match self {
            Self::Nanoseconds => timestamp.div_euclid(1_000),
            Self::Microseconds => timestamp,
            Self::Milliseconds => timestamp.saturating_mul(1_000),
            Self::Seconds => timestamp.saturating_mul(SECOND),
            Self::Minutes => timestamp.saturating_mul(60 * SECOND),
            Self::Hours => timestamp.saturating_mul(3_600 * SECOND),
        };
        Instant::from_epoch_micros(micros)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_instant_has_a_timestamp_in_each_unit() {
        for (name, timestamp) in [
            ("", 1_705_312_800_000_000_000),
            ("ns", 1_705_312_800_000_000_999),
            ("n", 1_705_312_800_000_000_000),
            ("us", 1_705_312_800_000_000),
            ("u", 1_705_312_800_000_000),
            ("ms", 1_705_312_800_000),
            ("s", 1_705_312_800),
            ("m", 28_421_880),
            ("h", 473_698),
        ] {
            let instant = Precision::of(name).unwrap().instant(timestamp);
            assert_eq!(instant.epoch_micros(), 1_705_312_800_000_000, "{name}");
        }
        for unknown in ["d", "NS", "sec", "ns "] {
            assert_eq!(Precision::of(unknown), None);
        }
        assert_eq!(Precision::Nanoseconds.instant(-1).epoch_micros(), -1);
        assert_eq!(Precision::Hours.instant(i64::MAX).epoch_micros(), i64::MAX);
    }
}
