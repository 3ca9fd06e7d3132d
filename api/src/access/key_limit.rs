//! The rate limit of each key.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Instant;

use instrumentation::log_throttle::LogThrottle;
use poem::Response;
use tracing::warn;

use super::api_key::ApiKey;
use super::key_id::KeyId;
use crate::metrics::{METRICS, OF_KEY};
use crate::rate::Rate;
use crate::rate_limiter::{Limiter, ONE, OverLimit, RateState};

/// What has the rate, in responses.
const CLIENT: &str = "API key";

/// The only cell of a key's limiter.
const CELL: usize = 0;

/// The limit of one key.
#[derive(Debug)]
pub(super) struct KeyLimit(Arc<Limiter>);

impl KeyLimit {
    /// Adds a request of the key; returns the response if that is above its rate. It is counted, and logged at most once a
    /// second.
    pub fn rejection(&self, key: &ApiKey, path: &str) -> Option<Response> {
        static THROTTLE: LogThrottle = LogThrottle::new();
        let over = self.check().err()?;
        let (key, rate) = (&key.name, self.rate());
        METRICS.rate_limited(OF_KEY);
        if let Some(suppressed) = THROTTLE.should_log(Instant::now()) {
            warn!(%key, %rate, path, suppressed, "a request of an API key above its rate limit was rejected");
        }
        Some(over.response(CLIENT, rate, |body| body))
    }

    /// The state of the key's rate.
    pub fn state(&self) -> RateState {
        RateState::new(Arc::clone(&self.0), CELL, CLIENT)
    }

    fn check(&self) -> Result<(), OverLimit> {
        self.0.check(CELL, ONE)
    }

    fn rate(&self) -> Rate {
        self.0.rate()
    }
}

/// The limits of the keys in use, by id: a key whose rate stays the same keeps its state when the file is read again.
#[derive(Debug, Clone, Default)]
pub(super) struct KeyLimits {
    /// The rate of keys without one of their own.
    default: Option<Rate>,
    by_id: Arc<Mutex<HashMap<KeyId, Weak<KeyLimit>>>>,
}

impl KeyLimits {
    /// No limits yet; keys without a rate of their own will have this one.
    pub fn new(default: Option<Rate>) -> Self {
        Self { default, by_id: Arc::default() }
    }

    /// The limit of a key; `None` if its rate is unlimited.
    pub fn of(&self, key: &ApiKey) -> Option<Arc<KeyLimit>> {
        let rate = key.rate.or(self.default)?;
        let mut by_id = self.by_id.lock().unwrap_or_else(PoisonError::into_inner);
        by_id.retain(|_, limit| limit.strong_count() > 0);
        let current = by_id.get(&key.id).and_then(Weak::upgrade);
        if let Some(current) = current.filter(|limit| limit.rate() == rate) {
            return Some(current);
        }
        let limit = Arc::new(KeyLimit(Arc::new(Limiter::new(rate, 1))));
        by_id.insert(key.id.clone(), Arc::downgrade(&limit));
        Some(limit)
    }
}

#[cfg(test)]
mod tests {
    use super::super::keys_file;
    use super::*;

    fn key(rate: &str) -> ApiKey {
        let content = format!(
            r#"{{"keys":[{{"id":"a","name":"one","certificate_name":"a.example","scopes":["read"]{rate}}}]}}"#
        );
        keys_file::parse(content.as_bytes()).unwrap().remove(0)
    }

    #[test]
    fn a_key_keeps_its_limit_when_the_file_is_read_again_unless_its_rate_changes() {
        let limits = KeyLimits::new(Some("2/h".parse().unwrap()));
        let before = limits.of(&key("")).unwrap();
        assert!(before.check().is_ok() && before.check().is_ok() && before.check().is_err());
        let after = limits.of(&key("")).unwrap();
        assert!(after.check().is_err());
        let changed = limits.of(&key(r#","rate":"1/h""#)).unwrap();
        assert!(changed.check().is_ok() && changed.check().is_err());
        assert!(KeyLimits::default().of(&key("")).is_none());
    }
}
