//! A setting that cannot be used although it is written as it should be.

use std::fmt::Display;

/// Names a variable and the rule that its value breaks. It ends the process with the exit code that a
/// value of the wrong form has, too.
#[derive(Debug, thiserror::Error)]
#[error("{variable} {rule}")]
pub struct SettingFault {
    variable: &'static str,
    rule: String,
}

impl SettingFault {
    /// A fault of this variable; the rule follows its name, as in `must be above 0`.
    pub fn new(variable: &'static str, rule: impl Display) -> Self {
        Self { variable, rule: rule.to_string() }
    }
}
