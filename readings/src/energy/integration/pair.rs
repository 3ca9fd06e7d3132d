//! Energy between two neighbouring readings of one device.

use super::rules::Integration;
use super::sample::Sample;
use super::watt_seconds::WattSeconds;
use crate::iso8601::Instant;

/// Microseconds as seconds: exact for whole seconds.
#[expect(
    clippy::cast_precision_loss,
    reason = "a pair is 31 days long at most, far below 2^53 microseconds"
)]
pub(super) fn seconds(micros: i64) -> f64 {
    micros as f64 / 1e6
}

/// Two neighbouring readings of one device, the first one earlier.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pair {
    pub from: Sample,
    pub to: Sample,
}

impl Pair {
    /// Energy from one instant until another, both within the pair.
    pub fn energy(&self, integration: Integration, from: Instant, until: Instant) -> WattSeconds {
        let seconds = seconds(until.epoch_micros() - from.epoch_micros());
        match integration {
            Integration::Step => WattSeconds::of(self.from.watts, seconds),
            Integration::Trapezoid => line(self.watts_at(from), self.watts_at(until), seconds),
        }
    }

    /// Power on the straight line between the two.
    fn watts_at(&self, instant: Instant) -> f64 {
        let passed = seconds(instant.epoch_micros() - self.from.instant.epoch_micros());
        let share = passed / seconds(self.from.micros_until(&self.to));
        // Not `from + share * (to - from)`: the difference may overflow.
        self.from.watts * (1.0 - share) + self.to.watts * share
    }
}

/// Energy of power that goes in a straight line from one value to another.
fn line(from: f64, to: f64, seconds: f64) -> WattSeconds {
    // Halves, as the sum of two finite numbers may overflow.
    let (from, to) = (from / 2.0, to / 2.0);
    if (from < 0.0) == (to < 0.0) {
        return WattSeconds::of(from + to, seconds);
    }
    let until_zero = seconds * (from.abs() / (from.abs() + to.abs()));
    let mut energy = WattSeconds::of(from, until_zero);
    energy.add(WattSeconds::of(to, seconds - until_zero));
    energy
}
