//! Which fields are power: an item of `LINE_PROTOCOL_FIELDS`.

use std::str::FromStr;

use super::unit::{Unit, UnitError};

/// `FIELD=UNIT[@MEASUREMENT][+SUFFIX]`: a field that is power, of all measurements or of one. With a suffix its readings
/// are those of the device `<device>.<suffix>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldRule {
    pub(super) field: Box<str>,
    pub(super) unit: Unit,
    pub(super) measurement: Option<Box<str>>,
    pub(super) suffix: Option<Box<str>>,
}

/// Why a text is no rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FieldRuleError {
    /// It has not the form.
    #[error(
        "a field is mapped as FIELD=UNIT, FIELD=UNIT@MEASUREMENT or FIELD=UNIT+SUFFIX, such as power=W"
    )]
    Form,
    /// Its unit is not one of power.
    #[error(transparent)]
    Unit(#[from] UnitError),
}

impl FromStr for FieldRule {
    type Err = FieldRuleError;

    fn from_str(text: &str) -> Result<Self, FieldRuleError> {
        // From the end: names of fields have such characters more often than units.
        let (field, target) = text.trim().rsplit_once('=').ok_or(FieldRuleError::Form)?;
        let (target, suffix) = split(target, '+')?;
        let (unit, measurement) = split(target, '@')?;
        if field.is_empty() {
            return Err(FieldRuleError::Form);
        }
        Ok(Self { field: field.into(), unit: unit.parse()?, measurement, suffix })
    }
}

/// What is before a mark, and behind it, if it is there.
fn split(text: &str, mark: char) -> Result<(&str, Option<Box<str>>), FieldRuleError> {
    match text.split_once(mark) {
        None => Ok((text, None)),
        Some((_, "")) => Err(FieldRuleError::Form),
        Some((before, behind)) => Ok((before, Some(behind.into()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_has_a_field_and_a_unit_and_may_have_a_measurement_and_a_suffix() {
        let parts = |text: &str| {
            let rule: FieldRule = text.parse().unwrap();
            (rule.field, rule.unit, rule.measurement, rule.suffix)
        };
        let unit = |text: &str| text.parse::<Unit>().unwrap();
        assert_eq!(parts("power=W"), ("power".into(), unit("W"), None, None));
        let expected = ("value".into(), unit("kW"), Some("kW".into()), None);
        assert_eq!(parts(" value=kW@kW "), expected);
        let expected = ("a=b".into(), unit("-W"), Some("m".into()), Some("l1".into()));
        assert_eq!(parts("a=b=-W@m+l1"), expected);
    }

    #[test]
    fn what_is_no_rule_is_an_error_that_says_why() {
        for (text, error) in [
            ("", FieldRuleError::Form),
            ("power", FieldRuleError::Form),
            ("=W", FieldRuleError::Form),
            ("power=W@", FieldRuleError::Form),
            ("power=W+", FieldRuleError::Form),
            ("power=V", FieldRuleError::Unit(UnitError::Unknown)),
            ("energy=kWh", FieldRuleError::Unit(UnitError::Energy)),
        ] {
            assert_eq!(text.parse::<FieldRule>(), Err(error), "{text}");
        }
    }
}
