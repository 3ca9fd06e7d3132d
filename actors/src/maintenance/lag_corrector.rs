//! `LagCorrector`: corrects Redis' own number of unread entries (`lag`), which autoscalers read.
//!
//! Without it a wrong number stays wrong, and KEDA keeps replicas that have no work. Any number of replicas
//! may run it: each checks and corrects in one script.

use std::sync::Arc;
use std::time::Duration;

use readings::store::lag_correction::LagCorrection;
use readings::store::{ErrorClass, StoreError};
use tracing::{info, warn};

use super::periodic_task::PeriodicTask;
use crate::metrics::METRICS;
use crate::partition_context::PartitionContext;

/// How often the lag is checked. Too low and Redis counts for nothing; too high and an autoscaler uses a wrong
/// number that much longer.
const CHECK_INTERVAL: Duration = Duration::from_secs(5);

/// Checks that are skipped at most after one without effect: the lag cannot be corrected while deleted
/// entries are ahead, or the user has no right to. Too low and Redis counts for nothing; too high and a lag
/// that can be corrected by now stays wrong that much longer.
const MAX_SKIPPED: u32 = 60;

pub(crate) struct LagCorrector {
    context: Arc<PartitionContext>,
    /// Checks to skip before the next one.
    skip: u32,
    /// Checks to skip after the next one without effect.
    next_skip: u32,
    was_denied: bool,
}

impl LagCorrector {
    pub const fn new(context: Arc<PartitionContext>) -> Self {
        Self { context, skip: 0, next_skip: 1, was_denied: false }
    }

    fn on_checked(&mut self, correction: Option<LagCorrection>) {
        self.was_denied = false;
        match correction {
            None => self.next_skip = 1,
            Some(LagCorrection { before, unread, is_correct: true }) => {
                METRICS.lag_corrected();
                info!(lag = %before, unread, "corrected the consumer group's lag");
                self.next_skip = 1;
            }
            Some(_) => self.back_off(),
        }
    }

    /// A user without the right to correct the lag is no failure; it is logged once.
    fn on_denied(&mut self, error: &StoreError) {
        if !self.was_denied {
            self.was_denied = true;
            warn!(%error, "no right to correct the consumer group's lag; autoscaling may use a wrong one");
        }
        self.back_off();
    }

    fn back_off(&mut self) {
        self.skip = self.next_skip;
        self.next_skip = (self.next_skip * 2).min(MAX_SKIPPED);
    }
}

impl PeriodicTask for LagCorrector {
    const NAME: &'static str = "correct the lag";

    fn interval(&self) -> Option<Duration> {
        Some(CHECK_INTERVAL)
    }

    async fn run(&mut self) -> Result<(), StoreError> {
        if self.skip > 0 {
            self.skip -= 1;
            return Ok(());
        }
        match self.context.stream.correct_lag().await {
            Ok(correction) => self.on_checked(correction),
            Err(error) if error.class == ErrorClass::Denied => self.on_denied(&error),
            Err(error) => return Err(error),
        }
        Ok(())
    }
}
