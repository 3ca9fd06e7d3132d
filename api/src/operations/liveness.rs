//! Whether a service does its work, for `/livez`.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use tracing::{error, info};

/// Checks that what the service does besides responding to requests makes progress. The check is given,
/// because this crate does not know what that is.
#[derive(Clone)]
pub struct CheckLiveness(Arc<dyn Fn() -> Result<(), String> + Send + Sync>);

impl CheckLiveness {
    /// A check that fails with what makes no progress.
    pub fn new(check: impl Fn() -> Result<(), String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(check))
    }
}

/// Of a service that only responds to requests: a probe that gets a response finds it live.
impl Default for CheckLiveness {
    fn default() -> Self {
        Self::new(|| Ok(()))
    }
}

impl fmt::Debug for CheckLiveness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CheckLiveness")
    }
}

/// The check, and what it found last.
#[derive(Debug)]
pub(super) struct LivenessProbe {
    check: CheckLiveness,
    was_live: Mutex<bool>,
}

impl LivenessProbe {
    pub const fn new(check: CheckLiveness) -> Self {
        Self { check, was_live: Mutex::new(true) }
    }

    /// Fails with a sentence. A change is logged, and not each probe: those come every few seconds.
    pub fn check(&self) -> Result<(), String> {
        let result = (self.check.0)();
        let mut was_live = self.was_live.lock().unwrap_or_else(PoisonError::into_inner);
        if *was_live != result.is_ok() {
            *was_live = result.is_ok();
            match &result {
                Ok(()) => info!("makes progress again; the liveness probe succeeds"),
                Err(reason) => {
                    error!(reason, "stalled; the liveness probe fails until there is progress");
                }
            }
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_without_work_of_its_own_is_live() {
        assert_eq!(LivenessProbe::new(CheckLiveness::default()).check(), Ok(()));
    }

    #[test]
    fn the_probe_fails_with_what_makes_no_progress() {
        let probe = LivenessProbe::new(CheckLiveness::new(|| Err("stuck".to_owned())));
        assert_eq!(probe.check(), Err("stuck".to_owned()));
    }
}
