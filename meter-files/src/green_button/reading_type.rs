//! What the values of a block mean.

use crate::value::Quantity;

/// Codes of `espi.xsd`.
mod code {
    /// `UnitSymbol`: W.
    pub const WATT: i64 = 38;
    /// `UnitSymbol`: Wh.
    pub const WATT_HOUR: i64 = 72;
    /// `FlowDirection`: from the customer to the grid.
    pub const REVERSE: i64 = 19;
    /// `AccumulationBehaviour`: the state of a counter.
    pub const CUMULATIVE: [i64; 2] = [1, 3];
    /// `AccumulationBehaviour`: of an instant.
    pub const INSTANTANEOUS: i64 = 12;
}

/// The members of a `ReadingType` that decide what a value means.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct ReadingType {
    unit: Option<i64>,
    power_of_ten: Option<i64>,
    flow: Option<i64>,
    accumulation: Option<i64>,
    /// The length of an interval, in seconds.
    pub interval_length: Option<i64>,
}

impl ReadingType {
    /// Takes a member in.
    pub fn set(&mut self, name: &str, text: &str) {
        let member = match name {
            "uom" => &mut self.unit,
            "powerOfTenMultiplier" => &mut self.power_of_ten,
            "flowDirection" => &mut self.flow,
            "accumulationBehaviour" => &mut self.accumulation,
            "intervalLength" => &mut self.interval_length,
            _ => return,
        };
        *member = text.parse().ok();
    }

    /// Whether it has a unit.
    pub fn has_unit(&self) -> bool {
        self.unit.is_some()
    }

    /// Whether its unit is one of active power or energy: not of gas, water or reactive energy.
    pub fn is_electricity(&self) -> bool {
        matches!(self.unit, Some(code::WATT | code::WATT_HOUR))
    }

    /// Whether a value belongs to an instant.
    pub fn is_of_instants(&self) -> bool {
        self.is_counter() || self.accumulation == Some(code::INSTANTANEOUS)
    }

    fn is_counter(&self) -> bool {
        self.accumulation.is_some_and(|code| code::CUMULATIVE.contains(&code))
    }

    /// What is appended to the device's name.
    pub fn channel(&self) -> &'static str {
        if self.flow == Some(code::REVERSE) { "-export" } else { "" }
    }

    /// The quantity of a number; `None` in a unit that is neither W nor Wh.
    pub fn quantity(&self, number: f64) -> Option<Quantity> {
        let power = i32::try_from(self.power_of_ten.unwrap_or(0)).ok()?;
        // Powers of ten are exact, tenths are not.
        let factor = 10_f64.powi(power.abs());
        let number = if power < 0 { number / factor } else { number * factor };
        match self.unit? {
            code::WATT => Some(Quantity::Watts(number)),
            code::WATT_HOUR if self.is_counter() => Some(Quantity::CounterWattHours(number)),
            code::WATT_HOUR => Some(Quantity::WattHours(number)),
            _ => None,
        }
    }
}
