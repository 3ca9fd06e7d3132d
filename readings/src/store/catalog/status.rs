//! How recent the last reading is, by the interval of its device or site.

use crate::iso8601::Instant;

const SECOND_MICROS: i64 = 1_000_000;

/// A shorter interval counts as this one. Too low and devices that send each second are late because of the network;
/// too high and their silence is seen late.
const MIN_INTERVAL_MICROS: i64 = 10 * SECOND_MICROS;

/// The interval where it is not known, as there is one reading. Too low and a new device is offline before its second
/// reading; too high and it stays fresh though it sends no more.
const UNKNOWN_INTERVAL_MICROS: i64 = 3_600 * SECOND_MICROS;

/// The age, in intervals, until which a reading is fresh, late and stale.
const FRESH: i64 = 3;
const LATE: i64 = 6;
const STALE: i64 = 12;

/// The state of a device or site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// The last plausible reading is less than 3 intervals old.
    Fresh,
    /// It is less than 6 intervals old.
    Late,
    /// It is less than 12 intervals old.
    Stale,
    /// It is older, or no reading is plausible.
    Offline,
    /// The clock is ahead: readings that are not plausible because they are ahead were accepted after the last
    /// plausible one, and the last of these less than 12 intervals ago.
    Ahead,
    /// There are no readings.
    Empty,
}

/// When something was last seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Seen {
    /// The instant of the last plausible reading.
    pub last: Option<Instant>,
    /// When that was accepted.
    pub ingested_at: Option<Instant>,
    /// When the last reading whose timestamp is ahead was accepted.
    pub ahead_ingested_at: Option<Instant>,
    /// The usual time between two readings, in microseconds.
    pub interval_micros: Option<i64>,
}

impl Seen {
    /// When the last reading was accepted, plausible or ahead.
    #[must_use]
    pub fn last_ingested_at(&self) -> Option<Instant> {
        self.ingested_at.max(self.ahead_ingested_at)
    }

    /// The status at a time, of something that has readings.
    #[must_use]
    pub fn status(&self, now: Instant) -> Status {
        let interval = self.interval_micros.unwrap_or(UNKNOWN_INTERVAL_MICROS);
        let interval = interval.max(MIN_INTERVAL_MICROS);
        let is_younger = |instant: Instant, intervals: i64| {
            let age = now.epoch_micros().saturating_sub(instant.epoch_micros());
            age < interval.saturating_mul(intervals)
        };
        let ahead = self.ahead_ingested_at.filter(|ahead| Some(*ahead) > self.ingested_at);
        if ahead.is_some_and(|ahead| is_younger(ahead, STALE)) {
            return Status::Ahead;
        }
        match self.last {
            Some(last) if is_younger(last, FRESH) => Status::Fresh,
            Some(last) if is_younger(last, LATE) => Status::Late,
            Some(last) if is_younger(last, STALE) => Status::Stale,
            _ => Status::Offline,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Instant = Instant::from_epoch_micros(1_700_000_000 * SECOND_MICROS);

    fn ago(seconds: i64) -> Instant {
        Instant::from_epoch_micros(NOW.epoch_micros() - seconds * SECOND_MICROS)
    }

    fn of(interval: Option<i64>, age: i64) -> Status {
        let interval_micros = interval.map(|seconds| seconds * SECOND_MICROS);
        let seen = Seen {
            last: Some(ago(age)),
            ingested_at: Some(ago(age)),
            interval_micros,
            ..Seen::default()
        };
        seen.status(NOW)
    }

    #[test]
    fn the_status_is_relative_to_the_interval() {
        for (age, status) in [
            (-300, Status::Fresh),
            (0, Status::Fresh),
            (179, Status::Fresh),
            (180, Status::Late),
            (359, Status::Late),
            (360, Status::Stale),
            (719, Status::Stale),
            (720, Status::Offline),
        ] {
            assert_eq!(of(Some(60), age), status, "{age} s of a minutely device");
        }
        assert_eq!(of(Some(3_600), 720), Status::Fresh);
        assert_eq!((of(Some(1), 29), of(Some(1), 30)), (Status::Fresh, Status::Late));
        assert_eq!((of(None, 10_799), of(None, 10_800)), (Status::Fresh, Status::Late));
    }

    #[test]
    fn a_clock_is_ahead_while_its_last_accepted_readings_are() {
        let seen = Seen {
            last: Some(ago(1_000)),
            ingested_at: Some(ago(1_000)),
            ahead_ingested_at: Some(ago(5)),
            interval_micros: Some(60 * SECOND_MICROS),
        };
        assert_eq!(seen.status(NOW), Status::Ahead);
        assert_eq!(seen.last_ingested_at(), Some(ago(5)));
        let set_right = Seen { last: Some(ago(1)), ingested_at: Some(ago(1)), ..seen };
        assert_eq!(set_right.status(NOW), Status::Fresh);
        let silent = Seen { ahead_ingested_at: Some(ago(720)), ..seen };
        assert_eq!(silent.status(NOW), Status::Offline);
        let never_right = Seen { last: None, ingested_at: None, ..seen };
        assert_eq!(never_right.status(NOW), Status::Ahead);
        assert_eq!(Seen::default().status(NOW), Status::Offline);
    }
}
