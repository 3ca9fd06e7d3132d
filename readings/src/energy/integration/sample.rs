//! Power at an instant.

use crate::iso8601::Instant;

/// What a reading of one device is for arithmetic.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// The instant of the measurement.
    pub instant: Instant,
    /// Watts: positive is import, negative export. A number that is not finite is ignored.
    pub watts: f64,
}

impl Sample {
    /// Microseconds from this sample to a later one; negative to an earlier one.
    pub(super) const fn micros_until(&self, later: &Self) -> i64 {
        later.instant.epoch_micros().saturating_sub(self.instant.epoch_micros())
    }
}
