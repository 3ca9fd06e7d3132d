//! Units and quantities of a column.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

use crate::value::Quantity;

/// The unit of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Unit {
    /// Watt.
    W,
    /// Kilowatt.
    #[serde(rename = "kW")]
    Kilowatt,
    /// Megawatt.
    #[serde(rename = "MW")]
    Megawatt,
    /// Watt hour.
    Wh,
    /// Kilowatt hour.
    #[serde(rename = "kWh")]
    KilowattHour,
    /// Megawatt hour.
    #[serde(rename = "MWh")]
    MegawattHour,
}

/// What a column of values means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Measure {
    /// Power: the mean of an interval where the shape has one, else that of an instant.
    Power,
    /// Mean power of an interval.
    Mean,
    /// Energy of an interval.
    Energy,
    /// The state of a counter.
    Counter,
}

const UNITS: [(Unit, &str, f64, bool); 6] = [
    (Unit::W, "W", 1.0, false),
    (Unit::Kilowatt, "kW", 1e3, false),
    (Unit::Megawatt, "MW", 1e6, false),
    (Unit::Wh, "Wh", 1.0, true),
    (Unit::KilowattHour, "kWh", 1e3, true),
    (Unit::MegawattHour, "MWh", 1e6, true),
];

impl Unit {
    fn row(self) -> (Self, &'static str, f64, bool) {
        UNITS.into_iter().find(|(unit, ..)| *unit == self).unwrap_or(UNITS[0])
    }

    /// Whether it is a unit of energy, not of power.
    #[must_use]
    pub fn is_energy(self) -> bool {
        self.row().3
    }

    /// The quantity of a number in this unit; `None` if the unit does not fit the measure.
    #[must_use]
    pub fn quantity(self, number: f64, measure: Measure) -> Option<Quantity> {
        let (.., factor, is_energy) = self.row();
        let number = number * factor;
        match (measure, is_energy) {
            (Measure::Power | Measure::Mean, false) => Some(Quantity::Watts(number)),
            (Measure::Energy, true) => Some(Quantity::WattHours(number)),
            (Measure::Counter, true) => Some(Quantity::CounterWattHours(number)),
            _ => None,
        }
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.row().1)
    }
}

impl FromStr for Unit {
    type Err = String;

    /// In any case, as files write units.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = UNITS.into_iter().find(|(_, name, ..)| name.eq_ignore_ascii_case(text.trim()));
        found.map(|(unit, ..)| unit).ok_or_else(|| "must be W, kW, MW, Wh, kWh or MWh".to_owned())
    }
}
