//! A setting that is well-formed and still cannot be used.

use std::fmt::Display;

/// Names a variable and the rule that its value breaks. The process exits with the code of a malformed
/// value (2).
#[derive(Debug, thiserror::Error)]
#[error("{variable} {rule}")]
pub struct SettingError {
    variable: &'static str,
    rule: String,
}

impl SettingError {
    /// An error of this variable; the rule follows its name, as in `must be above 0`.
    pub fn new(variable: &'static str, rule: impl Display) -> Self {
        Self { variable, rule: rule.to_string() }
    }
}
