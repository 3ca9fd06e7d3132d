//! The rate of the client of one request.

use std::num::NonZeroU32;
use std::sync::Arc;

use super::limiter::Limiter;
use super::over_limit::OverLimit;
use crate::error_body::ErrorBody;

/// The rate of the client of a request: an operation adds to it what the request costs beyond one. That of the client
/// address is in the extensions of the request, if addresses are limited.
#[derive(Debug, Clone)]
pub(crate) struct RateState {
    limiter: Arc<Limiter>,
    cell: usize,
    client: &'static str,
}

impl RateState {
    /// The state of a cell, where `client` is what has the rate, such as `client address`.
    pub const fn new(limiter: Arc<Limiter>, cell: usize, client: &'static str) -> Self {
        Self { limiter, cell, client }
    }

    /// What has the rate.
    pub const fn client(&self) -> &'static str {
        self.client
    }

    /// Adds what the request costs beyond one, which has been added before.
    ///
    /// # Errors
    /// When that is above the rate; nothing is added then.
    pub fn add_further(&self, cost: NonZeroU32) -> Result<(), OverLimit> {
        // Not the further cost alone: a request that is repeated costs one again.
        if cost.saturating_add(1) > self.limiter.rate().burst() {
            return Err(OverLimit::Always);
        }
        self.limiter.check(self.cell, cost)
    }

    /// See [`OverLimit::body`].
    pub fn body(&self, over: OverLimit) -> (ErrorBody, Option<u64>) {
        over.body(self.client, self.limiter.rate())
    }
}
