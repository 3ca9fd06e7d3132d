//! What the key of a request permits.

use std::sync::Arc;

use poem::Response;

use super::api_key::ApiKey;
use super::key_limit::KeyLimit;
use super::request_counts::{Outcome, RequestCounts};
use crate::rate_limiter::RateState;

/// The key that has authenticated a request, in the extensions of the request. Requests have no grant
/// where no keys are required, and for paths that need no key.
#[derive(Debug, Clone)]
pub struct Grant(Arc<Granted>);

#[derive(Debug)]
struct Granted {
    key: ApiKey,
    counts: Arc<RequestCounts>,
    limit: Option<Arc<KeyLimit>>,
}

impl Grant {
    /// What this key permits.
    pub(super) fn new(
        key: ApiKey,
        counts: Arc<RequestCounts>,
        limit: Option<Arc<KeyLimit>>,
    ) -> Self {
        Self(Arc::new(Granted { key, counts, limit }))
    }

    /// The key.
    #[must_use]
    pub fn key(&self) -> &ApiKey {
        &self.0.key
    }

    /// Adds a request to the rate of the key; returns the response if that is above its limit.
    pub(super) fn rate_rejection(&self, path: &str) -> Option<Response> {
        self.0.limit.as_ref()?.rejection(self.key(), path)
    }

    /// The state of the key's rate, if it has one.
    pub(crate) fn rate_state(&self) -> Option<RateState> {
        Some(self.0.limit.as_ref()?.state())
    }

    /// Counts a request of the key.
    pub(super) fn count(&self, outcome: Outcome) {
        self.0.counts.add(outcome);
    }
}
