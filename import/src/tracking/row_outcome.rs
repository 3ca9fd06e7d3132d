//! The outcome of a row.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::input::row_fault::RowFault;

/// The final outcome of a row.
#[derive(Debug, Clone, PartialEq)]
pub enum RowOutcome {
    /// The service has accepted it.
    Accepted {
        /// Whether an earlier request with its key was accepted; `None` of a service without keys.
        is_replayed: Option<bool>,
    },
    /// The row was rejected, or sending it failed.
    NotAccepted(RowFailure),
    /// The import was aborted before the row was sent.
    NotSent,
}

/// Why a row is not accepted.
#[derive(Debug, Clone, PartialEq)]
pub struct RowFailure {
    /// The consequence for the row.
    pub kind: FailureKind,
    /// All reasons.
    pub reasons: Vec<Reason>,
    /// The `X-Request-Id` of the response, which finds the service's log lines.
    pub request_id: Option<String>,
}

/// The consequence of a failure for its row. Serialized as `outcome` in the rejects file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FailureKind {
    /// The row is not a valid reading: sending it again fails again.
    Rejected,
    /// The service did not accept it: sending it again may succeed.
    Failed,
    /// The service may have accepted it: the connection broke after the request, a gateway may have
    /// forwarded it, or the response was `outcome_unknown`; and no retry resolved it.
    Unknown,
}

/// A rule that the row breaks, or another error; an item of `HTTPValidationError`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reason {
    /// Short name of the rule, such as `missing`.
    #[serde(rename = "type")]
    pub rule: String,
    /// The place in the row, as in the response: `["body", "<field>"]`.
    #[serde(default)]
    pub loc: Vec<Value>,
    /// The error as a sentence.
    pub msg: String,
    /// Details, such as the JSON parser's message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ctx: Option<Value>,
}

impl RowFailure {
    /// A failure with one reason, about the row as a whole.
    pub fn new(kind: FailureKind, rule: impl Into<String>, msg: impl Into<String>) -> Self {
        let loc = vec![json!("body")];
        let reason = Reason { rule: rule.into(), loc, msg: msg.into(), ctx: None };
        Self { kind, reasons: vec![reason], request_id: None }
    }

    /// The same failure, of the request with this id.
    #[must_use]
    pub fn of_request(self, request_id: Option<String>) -> Self {
        Self { request_id, ..self }
    }

    /// All reasons in one line.
    pub fn describe(&self) -> String {
        let reasons: Vec<_> = self.reasons.iter().map(Reason::describe).collect();
        reasons.join("; ")
    }
}

impl From<RowFault> for RowFailure {
    fn from(error: RowFault) -> Self {
        Self::new(FailureKind::Rejected, error.code(), error.to_string())
    }
}

impl Reason {
    fn describe(&self) -> String {
        match self.loc.get(1) {
            Some(Value::String(field)) => format!("{field}: {}", self.msg),
            Some(place) => format!("{} at character {place}{}", self.msg, self.cause()),
            None => self.msg.clone(),
        }
    }

    /// The parser's message; `msg` only names the rule.
    fn cause(&self) -> String {
        let cause = self.ctx.as_ref().and_then(|ctx| ctx.get("error")?.as_str());
        cause.map(|cause| format!(": {cause}")).unwrap_or_default()
    }
}

impl FailureKind {
    /// The name in the summary and the rejects file.
    pub const fn name(self) -> &'static str {
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
    fn reasons_are_described_with_their_location() {
        let ctx = Some(json!({ "error": "Expecting value" }));
        let reason = |rule: &str, loc, msg: &str| {
            let (rule, msg, ctx) = (rule.to_owned(), msg.to_owned(), ctx.clone());
            Reason { rule, loc, msg, ctx }
        };
        let reasons = vec![
            reason("missing", vec![json!("body"), json!("site_id")], "Field required"),
            reason("json_invalid", vec![json!("body"), json!(12)], "JSON decode error"),
            reason("field_count", vec![json!("body")], "the row has 3 fields"),
        ];
        assert_eq!(
            RowFailure { kind: FailureKind::Rejected, reasons, request_id: None }.describe(),
            "site_id: Field required; JSON decode error at character 12: Expecting value; \
             the row has 3 fields"
        );
    }
}
