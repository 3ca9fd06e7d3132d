//! The unit of a field, and its value in watts.

use std::str::FromStr;

use readings::power::scaled;

/// What a field is measured in: a multiple of a watt, and whether its sign is to be changed (`-W`), as of meters that
/// count what is fed in as positive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ingestion) struct Unit {
    exponent: i32,
    is_negated: bool,
}

/// Why a text is no unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnitError {
    /// It is one of energy.
    #[error(
        "a counter of energy (Wh, kWh) is no power: leave it out, and map the power of the device"
    )]
    Energy,
    /// Any other text.
    #[error(
        "the unit of a field is W, kW, MW or mW, with a minus sign in front to change the sign"
    )]
    Unknown,
}

impl FromStr for Unit {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let unit = text.strip_prefix('-');
        let exponent = match unit.unwrap_or(text) {
            "mW" => -3,
            "W" => 0,
            "kW" => 3,
            "MW" => 6,
            "Wh" | "kWh" | "MWh" => return Err(UnitError::Energy),
            _ => return Err(UnitError::Unknown),
        };
        Ok(Self { exponent, is_negated: unit.is_some() })
    }
}

impl Unit {
    /// The watts of a decimal number. The decimal point is moved in the text, so that 1.1 kW are 1100 W and not 1100.0000000000002.
    pub fn watts(self, number: &str) -> f64 {
        let watts = match self.exponent {
            0 => number.parse(),
            exponent => scaled(number, exponent).parse(),
        };
        // Err: never, a number is one.
        let watts: f64 = watts.unwrap_or(f64::NAN);
        if self.is_negated { -watts } else { watts }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn watts(unit: &str, number: &str) -> f64 {
        unit.parse::<Unit>().unwrap().watts(number)
    }

    #[test]
    #[expect(clippy::float_cmp, reason = "they are the same number")]
    fn a_value_is_scaled_without_an_error_of_rounding() {
        for (unit, number, expected) in [
            ("W", "1500.5", 1500.5),
            ("kW", "1.1", 1100.0),
            ("kW", "1.001", 1001.0),
            ("kW", "2.2e-3", 2.2),
            ("kW", "1E2", 100_000.0),
            ("MW", "0.0000011", 1.1),
            ("mW", "1100", 1.1),
            ("-kW", "0.29", -290.0),
            ("-W", "-7", 7.0),
            ("kW", "1e99999999999999", f64::INFINITY),
            ("kW", "1e-99999999999999", 0.0),
        ] {
            assert_eq!(watts(unit, number), expected, "{number} {unit}");
        }
    }

    #[test]
    fn energy_is_no_power() {
        assert_eq!("kWh".parse::<Unit>(), Err(UnitError::Energy));
        for unknown in ["", "w", "KW", "--W", "V", "W "] {
            assert_eq!(unknown.parse::<Unit>(), Err(UnitError::Unknown), "{unknown}");
        }
    }

    proptest! {
        #[test]
        fn a_scaled_value_is_the_nearest_number(milli in 0_i64..1 << 50) {
            let kilowatts = format!("{}.{:03}", milli / 1_000, milli % 1_000);
            #[expect(clippy::cast_precision_loss, reason = "none exceeds 2^53")]
            let expected = milli as f64;
            prop_assert!((watts("kW", &kilowatts) - expected).abs() < f64::EPSILON);
        }
    }
}
