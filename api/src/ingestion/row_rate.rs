//! The rows of a request in the rate limits of its client: each counts as a request.

use std::num::NonZeroU32;
use std::time::Instant;

use instrumentation::log_throttle::LogThrottle;
use poem::Request;
use tracing::warn;

use crate::access::Grant;
use crate::error_body::ErrorBody;
use crate::metrics::{METRICS, OF_ADDRESS, OF_KEY};
use crate::rate_limiter::{OverLimit, RateState};

/// The rows of a request are above a rate limit.
#[derive(Debug)]
pub(super) enum OverRate {
    /// Until the seconds of `Retry-After` have passed.
    RateLimited(ErrorBody, u64),
    /// However long the client waits.
    TooManyRows(ErrorBody),
}

/// Adds the rows to the rates of the client address and of the API key. The first is the request itself, which has been
/// added before.
///
/// # Errors
/// When they are above a rate.
pub(super) fn add(request: &Request, rows: usize) -> Result<(), Box<OverRate>> {
    let further = u32::try_from(rows.saturating_sub(1)).unwrap_or(u32::MAX);
    let Some(further) = NonZeroU32::new(further) else { return Ok(()) };
    let of_address = request.extensions().get::<RateState>().cloned();
    let of_key = request.extensions().get::<Grant>().and_then(Grant::rate_state);
    for (limit, state) in [(OF_ADDRESS, of_address), (OF_KEY, of_key)] {
        let Some(state) = state else { continue };
        state
            .add_further(further)
            .map_err(|over| Box::new(rejection(limit, &state, over, rows)))?;
    }
    Ok(())
}

fn rejection(limit: &'static str, state: &RateState, over: OverLimit, rows: usize) -> OverRate {
    static THROTTLE: LogThrottle = LogThrottle::new();
    METRICS.rate_limited(limit);
    if let Some(suppressed) = THROTTLE.should_log(Instant::now()) {
        warn!(of = state.client(), rows, suppressed, "a batch above a rate limit was rejected");
    }
    match state.body(over) {
        (body, Some(retry_after)) => OverRate::RateLimited(body, retry_after),
        (body, None) => OverRate::TooManyRows(body),
    }
}
