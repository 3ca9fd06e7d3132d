//! What an answer says about the row.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use reqwest::header::{CONTENT_TYPE, DATE, HeaderMap, HeaderName, LOCATION, RETRY_AFTER};
use reqwest::{Response, StatusCode};
use serde::Deserialize;

use crate::tracking::row_outcome::{Outcome, Reason, Refusal};

/// The most bytes of an answer that are read. Too low and reasons are lost; too high and an answer
/// that never ends fills the memory.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// The longest wait that is understood; `--retry-for` bounds it further, and cannot be longer.
const LONGEST_WAIT: Duration = Duration::from_hours(24);

/// Says whether the service knew the row's `Idempotency-Key`.
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// What the service says of a row in the end.
#[derive(Debug, PartialEq)]
pub enum Answer {
    /// It is in the stream.
    Accepted {
        /// Whether it was before; `None` of a service that does not know keys.
        is_replayed: Option<bool>,
    },
    /// It is no reading.
    Rejected(Refusal),
    /// Something that an Ingestion API does not say.
    Odd(Oddity),
}

/// An answer that an Ingestion API does not give.
#[derive(Debug, PartialEq, Eq)]
pub struct Oddity {
    /// The status.
    pub status: StatusCode,
    /// What was answered, in words.
    pub reason: String,
    /// Where it says that the service is.
    pub location: Option<String>,
}

/// The row was not accepted now, and may be sent again.
#[derive(Debug, PartialEq, Eq)]
pub struct Trouble {
    /// What went wrong.
    pub reason: String,
    /// How long the service asks to wait.
    pub retry_after: Option<Duration>,
    /// Whether the row may have been accepted all the same.
    pub may_be_there: bool,
}

/// What is known of an answer whose body was read.
struct Read {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

#[derive(Deserialize)]
struct Accepted<'a> {
    #[serde(borrow)]
    status: Cow<'a, str>,
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
/// When the row should be sent again: the service or a gateway before it is in trouble or busy.
pub async fn judge(answer: Response) -> Result<Answer, Trouble> {
    let status = answer.status();
    let is_replayed = answer.headers().get(REPLAYED).map(|value| value == "true");
    // Nearly all are accepted, and need no more of them.
    let headers = match status {
        StatusCode::CREATED => HeaderMap::new(),
        _ => answer.headers().clone(),
    };
    // Read in any case: the connection is used again only after that.
    let body = body(answer).await.map_err(|reason| Trouble {
        reason: format!("the answer {status} broke off: {reason}"),
        retry_after: None,
        may_be_there: true,
    })?;
    let read = Read { status, headers, body };
    if read.is_accepted() {
        return Ok(Answer::Accepted { is_replayed });
    }
    match read.trouble() {
        Some(trouble) => Err(trouble),
        None => Ok(read.rejected().unwrap_or_else(|| Answer::Odd(read.oddity()))),
    }
}

async fn body(mut answer: Response) -> reqwest::Result<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        body.extend_from_slice(&chunk);
        if body.len() > MAX_ANSWER_BYTES {
            break;
        }
    }
    Ok(body)
}

impl Read {
    fn is_accepted(&self) -> bool {
        self.status == StatusCode::CREATED
            && serde_json::from_slice(&self.body)
                .is_ok_and(|Accepted { status }| status == "accepted")
    }

    fn rejected(&self) -> Option<Answer> {
        let kind = || format!("http_{}", self.status.as_u16());
        let refusal = match (self.status, self.detail()) {
            (StatusCode::UNPROCESSABLE_ENTITY, Some(Detail::Reasons(reasons)))
                if !reasons.is_empty() =>
            {
                Refusal { outcome: Outcome::Rejected, reasons }
            }
            (StatusCode::PAYLOAD_TOO_LARGE, _) => {
                Refusal::because(Outcome::Rejected, kind(), self.in_words())
            }
            _ => return None,
        };
        Some(Answer::Rejected(refusal))
    }

    /// The answers after which a row may be sent again, and whether it may have been accepted: a
    /// gateway that answers for a service has perhaps passed the row on (RFC 9110, section 15.6).
    fn trouble(&self) -> Option<Trouble> {
        let may_be_there = match self.status {
            // Not read completely, or not looked at.
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS => {
                false
            }
            StatusCode::SERVICE_UNAVAILABLE => self.is_uncertain(),
            // These do not change.
            StatusCode::NOT_IMPLEMENTED
            | StatusCode::HTTP_VERSION_NOT_SUPPORTED
            | StatusCode::NETWORK_AUTHENTICATION_REQUIRED => return None,
            status if status.is_server_error() => true,
            _ => return None,
        };
        let (reason, retry_after) = (self.in_words(), retry_after(&self.headers));
        Some(Trouble { reason, retry_after, may_be_there })
    }

    /// The service says of what it did not take that it did not, unless it does not know. Gateways
    /// that have no such body also answer 503 when a service broke off.
    fn is_uncertain(&self) -> bool {
        const UNCERTAIN: [&str; 2] = ["it may have taken the request", "is unknown"];
        match self.detail() {
            Some(Detail::Sentence(said)) => UNCERTAIN.iter().any(|words| said.contains(words)),
            _ => true,
        }
    }

    fn oddity(&self) -> Oddity {
        let header = |name| self.headers.get(name).and_then(|value| value.to_str().ok());
        let mut reason = self.in_words();
        if self.detail().is_none()
            && let Some(kind) = header(CONTENT_TYPE)
        {
            reason = format!("{reason} with {kind}");
        }
        let location = header(LOCATION).filter(|_| self.status.is_redirection());
        Oddity { status: self.status, reason, location: location.map(ToOwned::to_owned) }
    }

    fn detail(&self) -> Option<Detail> {
        serde_json::from_slice(&self.body).ok().map(|problem: Problem| problem.detail)
    }

    fn in_words(&self) -> String {
        let status = self.status;
        match self.detail() {
            Some(Detail::Sentence(sentence)) => format!("the service answers {status}: {sentence}"),
            _ => format!("the service answers {status}"),
        }
    }
}

/// Seconds, or a point in time (RFC 9110, section 10.2.3) by the clock of who says it.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| headers.get(name)?.to_str().ok().map(str::trim);
    let asked = text(RETRY_AFTER)?;
    if let Ok(seconds) = asked.parse() {
        return Some(Duration::from_secs(seconds).min(LONGEST_WAIT));
    }
    let time = httpdate::parse_http_date(asked).ok()?;
    let now = text(DATE).and_then(|date| httpdate::parse_http_date(date).ok());
    let wait = time.duration_since(now.unwrap_or_else(SystemTime::now)).unwrap_or_default();
    Some(wait.min(LONGEST_WAIT))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(headers: &[(HeaderName, &str)]) -> Option<u64> {
        let pair = |(name, value): &(HeaderName, &str)| (name.clone(), value.parse().unwrap());
        retry_after(&headers.iter().map(pair).collect()).map(|wait| wait.as_secs())
    }

    #[test]
    fn a_wait_is_in_seconds_or_until_a_time_by_the_clock_of_the_service() {
        let (noon, later) = ("Mon, 15 Jan 2024 12:00:00 GMT", "Mon, 15 Jan 2024 12:01:30 GMT");
        assert_eq!(wait(&[(RETRY_AFTER, " 7 ")]), Some(7));
        assert_eq!(wait(&[(RETRY_AFTER, later), (DATE, noon)]), Some(90));
        assert_eq!(wait(&[(RETRY_AFTER, noon), (DATE, later)]), Some(0));
        assert_eq!(wait(&[(RETRY_AFTER, noon)]), Some(0));
        assert_eq!(wait(&[(RETRY_AFTER, "18446744073709551615")]), Some(86_400));
        assert_eq!(wait(&[(RETRY_AFTER, "soon")]), None);
        assert_eq!(wait(&[]), None);
    }
}
