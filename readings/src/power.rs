//! Power in watts, and its decimal text.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Serialize, Serializer};

/// Whether power may be negative in this process.
static NEGATIVE_IS_PERMITTED: AtomicBool = AtomicBool::new(false);

/// Permits negative power from now on, in requests and in entries of the stream (`ALLOW_NEGATIVE_POWER`). It is a rule
/// of the process: readings that were stored before are valid without it, and are returned.
pub fn permit_negative() {
    NEGATIVE_IS_PERMITTED.store(true, Ordering::Relaxed);
}

/// Power in watts: finite, and not negative unless that is [permitted](permit_negative). Negative zero becomes zero.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Power(f64);

/// Why a number is not a [`Power`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PowerError {
    /// NaN or an infinity, also by overflow (`1e400`).
    #[error("power is not a finite number")]
    NotFinite,
    /// Below zero, where that is not permitted.
    #[error("power is negative")]
    Negative,
    /// A text that is not a decimal number.
    #[error("power is not a decimal number")]
    NotANumber,
}

impl Power {
    /// Validates watts.
    ///
    /// # Errors
    /// [`PowerError`] when the number is not finite, or is below zero and that is not permitted.
    pub fn from_watts(watts: f64) -> Result<Self, PowerError> {
        if watts < 0.0 && watts.is_finite() && !NEGATIVE_IS_PERMITTED.load(Ordering::Relaxed) {
            return Err(PowerError::Negative);
        }
        Self::of_stored(watts)
    }

    /// The power of a reading that was accepted before, by the rules of that time.
    ///
    /// # Errors
    /// [`PowerError`] when the number is not finite.
    pub fn of_stored(watts: f64) -> Result<Self, PowerError> {
        if !watts.is_finite() {
            return Err(PowerError::NotFinite);
        }
        // IEEE 754: -0.0 + 0.0 is +0.0, so a stored zero has one spelling.
        Ok(Self(watts + 0.0))
    }

    /// Parses decimal text as Python's `float()` does for ASCII input, but for its underscores:
    /// surrounding white space is dropped, an exponent is accepted, hexadecimal is not.
    ///
    /// # Errors
    /// [`PowerError`] when the text is not a number, or the number is not a valid power.
    pub fn from_text(text: &str) -> Result<Self, PowerError> {
        let watts: f64 = text.trim().parse().map_err(|_| PowerError::NotANumber)?;
        Self::from_watts(watts)
    }

    /// The number of watts.
    #[must_use]
    pub const fn watts(self) -> f64 {
        self.0
    }
}

/// The shortest decimal text that reads back as the same number, spelled as Python's
/// `float.__repr__` spells it (`1500.0`, `1e+16`, `1e-05`), as in the stream entries and members of the
/// original.
impl fmt::Display for Power {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Rust's `{:?}` changes to an exponent at the same bounds as Python, below 1e-4 and from
        // 1e16 on; only the exponent itself is spelled otherwise.
        if self.0 == 0.0 || (1e-4..1e16).contains(&self.0.abs()) {
            return write!(f, "{:?}", self.0);
        }
        let scientific = format!("{:e}", self.0);
        let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
        match exponent.strip_prefix('-') {
            Some(exponent) => write!(f, "{digits}e-{exponent:0>2}"),
            None => write!(f, "{digits}e+{exponent:0>2}"),
        }
    }
}

impl Serialize for Power {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.0)
    }
}

/// A decimal number times a power of ten. The decimal point is moved in the text, as a product would be rounded: 1.1 kW are
/// 1100 W and not 1100.0000000000002, by whichever receiver they come.
#[must_use]
pub fn scaled(number: &str, exponent: i32) -> String {
    match number.split_once(['e', 'E']) {
        None => format!("{number}e{exponent}"),
        Some((digits, sent)) => {
            // Err: more digits than an exponent needs to be infinite or zero.
            let limit = if sent.starts_with('-') { -1_000 } else { 1_000 };
            let sent: i32 = sent.parse().unwrap_or(limit);
            format!("{digits}e{}", sent.saturating_add(exponent))
        }
    }
}

#[cfg(test)]
mod properties;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_spelled_as_python_spells_floats() {
        // Left: what CPython 3.11 prints for repr(float(right)).
        for (python, watts) in [
            ("0.0", 0.0),
            ("1500.0", 1500.0),
            ("1500.5", 1500.5),
            ("0.1", 0.1),
            ("0.0001", 0.0001),
            ("1e-05", 0.00001),
            ("1.234e-05", 0.000_012_34),
            ("9999999999999998.0", 9_999_999_999_999_998.0),
            ("1e+16", 1e16),
            ("1.5e+16", 1.5e16),
            ("1e+22", 1e22),
            ("1e+308", 1e308),
            ("1.7976931348623157e+308", f64::MAX),
            ("5e-324", 5e-324),
        ] {
            assert_eq!(Power::from_watts(watts).unwrap().to_string(), python);
        }
    }

    #[test]
    fn negative_power_is_spelled_with_a_sign() {
        for (text, watts) in [("-1500.5", -1500.5), ("-1e-05", -1e-5), ("-1e+16", -1e16)] {
            assert_eq!(Power(watts).to_string(), text);
        }
    }

    #[test]
    fn negative_zero_is_stored_as_zero() {
        assert_eq!(Power::from_watts(-0.0).unwrap().to_string(), "0.0");
    }

    #[test]
    fn invalid_numbers_are_rejected() {
        assert_eq!(Power::from_watts(-0.001), Err(PowerError::Negative));
        assert_eq!(Power::from_watts(f64::NAN), Err(PowerError::NotFinite));
        assert_eq!(Power::from_text("1e400"), Err(PowerError::NotFinite));
        assert_eq!(Power::from_text("-inf"), Err(PowerError::NotFinite));
        assert_eq!(Power::from_text("0x10"), Err(PowerError::NotANumber));
        assert_eq!(Power::from_text("1_000"), Err(PowerError::NotANumber));
        assert_eq!(Power::from_text(""), Err(PowerError::NotANumber));
    }
}
