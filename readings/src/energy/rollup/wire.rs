//! The shape of a rollup's bytes.
//!
//! Powers are integers of thousandths of a watt where all of a device are, as meters send them; instants count
//! from the beginning of their quarter in the largest unit that divides all of a device, a minute for a meter
//! that sends once a minute. Both are exact, and together halve the bytes.

use serde::{Deserialize, Serialize};

/// What a rollup begins with; as many devices follow.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct WireDay {
    pub day: i32,
    /// In releases before packed days: the number of members, which is the signature of their days.
    pub signature: u64,
    pub devices: u32,
}

/// What a device begins with; as many quarters follow.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct WireDevice<'a> {
    pub id: &'a str,
    pub unit_micros: u32,
    pub is_thousandths: bool,
    pub quarters: u8,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct WireQuarter<W> {
    /// Of the day, 0 to 95.
    pub quarter: u8,
    pub repeats: u64,
    pub first: WireSample<W>,
    pub rest: WireRest<W>,
}

/// Units from the beginning of the quarter, and power.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct WireSample<W>(pub u32, pub W);

#[derive(Debug, Serialize, Deserialize)]
pub(super) enum WireRest<W> {
    /// There is one reading.
    One,
    /// There are more, and no export.
    Import(WireMore<W>),
    /// There are more, and this export in watt-seconds.
    Export(WireMore<W>, f64),
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct WireMore<W> {
    pub count: u64,
    pub last: WireSample<W>,
    pub min: WireSample<W>,
    pub max: WireSample<W>,
    pub import: f64,
}

/// Power on the wire.
pub(super) trait WirePower: Copy {
    fn of(watts: f64) -> Self;
    fn watts(self) -> f64;
}

impl WirePower for f64 {
    fn of(watts: f64) -> Self {
        watts
    }

    fn watts(self) -> f64 {
        self
    }
}

impl WirePower for i64 {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "`is_thousandths` finds what does not come back"
    )]
    fn of(watts: f64) -> Self {
        (watts * 1000.0).round() as Self
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "`is_thousandths` finds what does not come back"
    )]
    fn watts(self) -> f64 {
        self as f64 / 1000.0
    }
}

/// Whether a power comes back, to the last bit, from an integer of thousandths of a watt.
pub(super) fn is_thousandths(watts: f64) -> bool {
    i64::of(watts).watts().to_bits() == watts.to_bits()
}
