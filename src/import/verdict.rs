//! What became of a row.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::rows::RowFault;

/// What became of a row.
#[derive(Debug, PartialEq)]
pub enum Verdict {
    /// The service has it.
    Accepted,
    /// The service does not have it, or it is not known whether it does.
    Refused(Refusal),
}

/// Why a row counts as not accepted.
#[derive(Debug, PartialEq)]
pub struct Refusal {
    /// Whose fault it is.
    pub outcome: Outcome,
    /// All reasons.
    pub reasons: Vec<Reason>,
}

/// Whose fault it is that a row was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The row's: it is no reading.
    Rejected,
    /// The service's, or the way there: the row was not taken.
    Failed,
    /// It may have been taken: the connection broke after the row was sent, or the service does not
    /// know. It is not sent again, as sending a reading twice stores it twice.
    Unknown,
}

/// A rule that a row breaks, or what else went wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reason {
    /// A short name of the rule.
    #[serde(rename = "type")]
    pub kind: String,
    /// Where in the row, as the service says it: `["body", "<field>"]`.
    #[serde(default)]
    pub loc: Vec<Value>,
    /// A sentence.
    pub msg: String,
}

impl Refusal {
    /// A refusal with one reason, which is not about a member of the row.
    pub fn because(outcome: Outcome, kind: impl Into<String>, msg: impl Into<String>) -> Self {
        let reason = Reason { kind: kind.into(), loc: vec![json!("body")], msg: msg.into() };
        Self { outcome, reasons: vec![reason] }
    }

    /// Nobody knows whether the row was taken.
    pub fn unknown(msg: impl Into<String>) -> Self {
        Self::because(Outcome::Unknown, "outcome_unknown", msg)
    }

    /// The reasons in one line.
    pub fn in_words(&self) -> String {
        let words: Vec<_> = self.reasons.iter().map(Reason::in_words).collect();
        words.join("; ")
    }
}

impl From<RowFault> for Refusal {
    fn from(fault: RowFault) -> Self {
        Self::because(Outcome::Rejected, fault.code(), fault.to_string())
    }
}

impl Reason {
    fn in_words(&self) -> String {
        match self.loc.get(1) {
            Some(Value::String(field)) => format!("{field}: {}", self.msg),
            Some(place) => format!("{} at character {place}", self.msg),
            None => self.msg.clone(),
        }
    }
}

impl Outcome {
    /// The outcome in a word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Rejected => "rejected",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_told_with_their_place() {
        let reason =
            |kind: &str, loc, msg: &str| Reason { kind: kind.to_owned(), loc, msg: msg.to_owned() };
        let reasons = vec![
            reason("missing", vec![json!("body"), json!("site_id")], "Field required"),
            reason("json_invalid", vec![json!("body"), json!(12)], "JSON decode error"),
            reason("field_count", vec![json!("body")], "the row has 3 fields"),
        ];
        assert_eq!(
            Refusal { outcome: Outcome::Rejected, reasons }.in_words(),
            "site_id: Field required; JSON decode error at character 12; the row has 3 fields"
        );
    }
}
