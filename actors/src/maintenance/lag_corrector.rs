//! `LagCorrector`: sets right what Redis itself counts as unread, which an autoscaler goes by.
//!
//! Without it a count that is wrong stays so, and KEDA keeps replicas that have nothing to do. Any
//! number of replicas may do it: each looks and corrects in one step.

use std::sync::Arc;
use std::time::Duration;

use readings::store::lag_correction::LagCorrection;
use readings::store::{ErrorClass, StoreError};
use tracing::{info, warn};

use crate::config::Shared;
use crate::maintenance::periodic_task::Chore;
use crate::metrics::METRICS;

/// How often the count is looked at. Too low and Redis is asked for nothing; too high and an autoscaler
/// goes by a wrong count that much longer.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Looks left out at most after one that was of no use: Redis cannot be set right while entries that
/// were deleted are ahead, or refuses it.
const MOST_LEFT_OUT: u32 = 60;

pub(crate) struct LagCorrector {
    shared: Arc<Shared>,
    /// Looks to be left out now, and after the next one that is of no use.
    leave_out: u32,
    leave_out_next: u32,
    was_denied: bool,
}

impl LagCorrector {
    pub const fn new(shared: Arc<Shared>) -> Self {
        Self { shared, leave_out: 0, leave_out_next: 1, was_denied: false }
    }

    fn note(&mut self, correction: Option<LagCorrection>) {
        self.was_denied = false;
        match correction {
            None => self.leave_out_next = 1,
            Some(LagCorrection { before, unread, is_right_now: true }) => {
                METRICS.lag_corrected();
                info!(lag = %before, unread, "Redis' count of unread entries was wrong and is set right");
                self.leave_out_next = 1;
            }
            Some(_) => self.back_off(),
        }
    }

    fn back_off(&mut self) {
        self.leave_out = self.leave_out_next;
        self.leave_out_next = (self.leave_out_next * 2).min(MOST_LEFT_OUT);
    }

    /// A user without the right to do it does without.
    fn note_denied(&mut self, error: &StoreError) {
        if !std::mem::replace(&mut self.was_denied, true) {
            warn!(%error, "Redis' count of unread entries cannot be set right; autoscaling may go by a wrong one");
        }
        self.back_off();
    }
}

impl Chore for LagCorrector {
    const NAME: &'static str = "setting the count of unread entries right";

    fn pause(&self) -> Option<Duration> {
        Some(LOOK_EVERY)
    }

    async fn work(&mut self) -> Result<(), StoreError> {
        if self.leave_out > 0 {
            self.leave_out -= 1;
            return Ok(());
        }
        match self.shared.stream.correct_lag().await {
            Ok(correction) => self.note(correction),
            Err(error) if error.class == ErrorClass::Denied => self.note_denied(&error),
            Err(error) => return Err(error),
        }
        Ok(())
    }
}
