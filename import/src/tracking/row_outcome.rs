//! What became of a row.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::input::row::RowFault;

/// What became of a row.
#[derive(Debug, PartialEq)]
pub enum Verdict {
    /// The service has it.
    Accepted {
        /// Whether it had it before; `None` when that is not known.
        is_replayed: Option<bool>,
    },
    /// The service does not have it, or it is not known whether it does.
    Refused(Refusal),
    /// It was not sent, as the import ends.
    NotSent,
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
    /// It may have been taken: the connection broke after the row was sent, a gateway may have passed
    /// it on, or the service does not know; and nothing better was learnt by sending it again.
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
    /// More about it, such as what is wrong with JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ctx: Option<Value>,
}

impl Refusal {
    /// A refusal with one reason, which is not about a member of the row.
    pub fn because(outcome: Outcome, kind: impl Into<String>, msg: impl Into<String>) -> Self {
        let (kind, loc, msg) = (kind.into(), vec![json!("body")], msg.into());
        let reason = Reason { kind, loc, msg, ctx: None };
        Self { outcome, reasons: vec![reason] }
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
            Some(place) => format!("{} at character {place}{}", self.msg, self.cause()),
            None => self.msg.clone(),
        }
    }

    /// What the parser says, which only names the rule in `msg`.
    fn cause(&self) -> String {
        let cause = self.ctx.as_ref().and_then(|ctx| ctx.get("error")?.as_str());
        cause.map(|cause| format!(": {cause}")).unwrap_or_default()
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
        let ctx = Some(json!({ "error": "Expecting value" }));
        let reason = |kind: &str, loc, msg: &str| {
            let (kind, msg, ctx) = (kind.to_owned(), msg.to_owned(), ctx.clone());
            Reason { kind, loc, msg, ctx }
        };
        let reasons = vec![
            reason("missing", vec![json!("body"), json!("site_id")], "Field required"),
            reason("json_invalid", vec![json!("body"), json!(12)], "JSON decode error"),
            reason("field_count", vec![json!("body")], "the row has 3 fields"),
        ];
        assert_eq!(
            Refusal { outcome: Outcome::Rejected, reasons }.in_words(),
            "site_id: Field required; JSON decode error at character 12: Expecting value; \
             the row has 3 fields"
        );
    }
}
