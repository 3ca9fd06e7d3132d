//! What an answer of the service says about the row.

use std::time::Duration;

use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Response, StatusCode};
use serde::Deserialize;

use super::verdict::{Outcome, Reason, Refusal, Verdict};

/// The most bytes of an answer that are read. Too low and reasons are lost; too high and an answer
/// that never ends fills the memory.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// The row was not taken and may be sent again.
#[derive(Debug, PartialEq, Eq)]
pub struct Trouble {
    /// What went wrong.
    pub reason: String,
    /// How long the service asks to wait.
    pub retry_after: Option<Duration>,
}

/// The bodies of the service's refusals.
#[derive(Deserialize)]
struct Problem {
    detail: Detail,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Detail {
    Reasons(Vec<Reason>),
    Sentence(String),
}

/// Judges an answer.
///
/// # Errors
/// With 503, unless the service says that it may have taken the row.
pub async fn judge(mut answer: Response) -> Result<Verdict, Trouble> {
    let status = answer.status();
    let retry_after = retry_after(answer.headers());
    // Read in any case: the connection is used again only after that.
    let body = body(&mut answer).await;
    if status == StatusCode::CREATED {
        return Ok(Verdict::Accepted);
    }
    let detail = serde_json::from_slice(&body).ok().map(|problem: Problem| problem.detail);
    if status == StatusCode::SERVICE_UNAVAILABLE {
        return unavailable(in_words(status, detail), retry_after);
    }
    Ok(Verdict::Refused(refusal(status, detail)))
}

async fn body(answer: &mut Response) -> Vec<u8> {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = answer.chunk().await {
        body.extend_from_slice(&chunk);
        if body.len() > MAX_ANSWER_BYTES {
            break;
        }
    }
    body
}

fn refusal(status: StatusCode, detail: Option<Detail>) -> Refusal {
    let outcome = match status {
        StatusCode::UNPROCESSABLE_ENTITY | StatusCode::PAYLOAD_TOO_LARGE => Outcome::Rejected,
        _ => Outcome::Failed,
    };
    match detail {
        Some(Detail::Reasons(reasons)) if !reasons.is_empty() => Refusal { outcome, reasons },
        detail => {
            let kind = format!("http_{}", status.as_u16());
            Refusal::because(outcome, kind, in_words(status, detail))
        }
    }
}

fn in_words(status: StatusCode, detail: Option<Detail>) -> String {
    match detail {
        Some(Detail::Sentence(sentence)) => format!("the service answers {status}: {sentence}"),
        _ => format!("the service answers {status}"),
    }
}

fn unavailable(reason: String, retry_after: Option<Duration>) -> Result<Verdict, Trouble> {
    // The service has no other way to say that it may have taken the row.
    const UNCERTAIN: [&str; 2] = ["it may have taken the request", "is unknown"];
    if UNCERTAIN.iter().any(|words| reason.contains(words)) {
        return Ok(Verdict::Refused(Refusal::unknown(reason)));
    }
    Err(Trouble { reason, retry_after })
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}
