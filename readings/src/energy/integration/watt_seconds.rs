//! Energy, import and export apart.

const WATT_SECONDS_PER_KWH: f64 = 3_600_000.0;

/// Energy in watt-seconds (joules). Sums that overflow are `None` for readers, never an infinity.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct WattSeconds {
    /// What positive power gives; may be infinite.
    pub(in crate::energy) import: f64,
    /// What negative power gives, as a positive number; may be infinite.
    pub(in crate::energy) export: f64,
}

impl WattSeconds {
    /// Energy of constant power over a time in seconds.
    pub(super) fn of(watts: f64, seconds: f64) -> Self {
        // Not `-0.0`, so that a sum of zeros is the same bits in every order.
        let energy = watts.abs() * seconds;
        if watts < 0.0 {
            Self { import: 0.0, export: energy }
        } else {
            Self { import: energy, export: 0.0 }
        }
    }

    pub(super) fn add(&mut self, other: Self) {
        self.import += other.import;
        self.export += other.export;
    }

    /// Imported energy in kWh.
    #[must_use]
    pub fn import_kwh(self) -> Option<f64> {
        finite(self.import / WATT_SECONDS_PER_KWH)
    }

    /// Exported energy in kWh, a positive number.
    #[must_use]
    pub fn export_kwh(self) -> Option<f64> {
        finite(self.export / WATT_SECONDS_PER_KWH)
    }

    /// Import less export, in kWh.
    #[must_use]
    pub fn net_kwh(self) -> Option<f64> {
        finite(self.net()? / WATT_SECONDS_PER_KWH)
    }

    /// Import less export, in watt-seconds.
    #[must_use]
    pub fn net(self) -> Option<f64> {
        finite(self.import - self.export)
    }
}

fn finite(number: f64) -> Option<f64> {
    number.is_finite().then_some(number)
}
