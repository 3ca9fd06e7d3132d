//! A request above a rate limit, and the response to it.

use std::time::Duration;

use poem::Response;
use poem::http::{StatusCode, header};

use crate::error_body::ErrorBody;
use crate::error_code::ErrorCode;
use crate::rate::Rate;

/// A request is above a rate limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OverLimit {
    /// It will be within the limit after this time, if no other request comes first.
    For(Duration),
    /// It never will be: it costs more than the burst.
    Always,
}

impl OverLimit {
    /// The body of the response, where `client` is what has the rate, such as `client address`; and the seconds of its
    /// `Retry-After`: `None` when waiting does not help.
    pub fn body(self, client: &str, rate: Rate) -> (ErrorBody, Option<u64>) {
        let Self::For(wait) = self else {
            let burst = rate.burst();
            let detail = format!(
                "The rate limit of this {client} is {rate}: a request may have {burst} readings at most"
            );
            return (ErrorBody::new(ErrorCode::BodyTooLarge, detail), None);
        };
        let seconds = whole_seconds(wait);
        let detail = format!("The rate limit of this {client} is {rate}; try again in {seconds} s");
        (ErrorBody::new(ErrorCode::RateLimited, detail), Some(seconds))
    }

    /// The whole response; `complete` completes its body.
    pub fn response(
        self,
        client: &str,
        rate: Rate,
        complete: impl FnOnce(ErrorBody) -> ErrorBody,
    ) -> Response {
        let (body, retry_after) = self.body(client, rate);
        let Some(seconds) = retry_after else {
            return complete(body).response(StatusCode::PAYLOAD_TOO_LARGE);
        };
        let mut response = complete(body).response(StatusCode::TOO_MANY_REQUESTS);
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        response
    }
}

/// The seconds of a `Retry-After` (RFC 9110, 10.2.3), after which the time has passed.
fn whole_seconds(wait: Duration) -> u64 {
    let begun = u64::from(wait.subsec_nanos() > 0);
    (wait.as_secs() + begun).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seconds_are_rounded_up() {
        for (wait, seconds) in [(0, 1), (1, 1), (999, 1), (1_000, 1), (1_001, 2), (59_500, 60)] {
            assert_eq!(whole_seconds(Duration::from_millis(wait)), seconds, "{wait} ms");
        }
    }

    #[tokio::test]
    async fn a_request_that_costs_more_than_the_burst_is_not_asked_to_try_again() {
        let rate = "100/s burst=20".parse().unwrap();
        let response = OverLimit::Always.response("client address", rate, |body| body);
        assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
        assert!(!response.headers().contains_key(header::RETRY_AFTER));
        let body: serde_json::Value = response.into_body().into_json().await.unwrap();
        let detail = "The rate limit of this client address is 100/s burst=20: a request may have 20 readings at most";
        assert_eq!((&body["code"], &body["detail"]), (&"body_too_large".into(), &detail.into()));
    }
}
