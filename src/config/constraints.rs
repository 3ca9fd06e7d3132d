//! Constraints between settings, each with what goes wrong without it.

use std::time::Duration;

use super::{ConsumerSettings, SettingError};

/// A turn of the stream reader with the slowest Redis, apart from the time that its read blocks: it connects
/// twice, and sends five commands, each within its time limit. Too low and a liveness probe restarts a process
/// for its Redis; too high and a stalled process works that much later again.
const SLOWEST_TURN: Duration = Duration::from_secs(30);

/// The shortest `PACK_AFTER`. Too low and a day is packed again and again with late readings.
const SHORTEST_PACK_AFTER: Duration = Duration::from_hours(1);

impl ConsumerSettings {
    /// Checks them.
    ///
    /// # Errors
    /// Names the two settings and their values.
    pub(super) fn check_constraints(&self) -> Result<(), SettingError> {
        let (batch, window) = (self.batch_size, self.max_in_flight);
        check(batch <= window, "BATCH_SIZE", || {
            format!("must be at most MAX_IN_FLIGHT, but {batch} is more than {window}")
        })?;
        let (block, drain) = (self.read_block_ms, self.drain_timeout());
        check(block < drain || drain.is_zero(), "READ_BLOCK_MS", || {
            format!(
                "must be below DRAIN_TIMEOUT_MS, or a read outlasts the drain, but {block:?} is not \
                 below {drain:?}"
            )
        })?;
        let (progress, slowest) = (self.progress_timeout, block + SLOWEST_TURN);
        check(progress >= slowest, "PROGRESS_TIMEOUT", || {
            format!(
                "must be at least READ_BLOCK_MS + {SLOWEST_TURN:?}, or a slow Redis stalls the pipeline, but \
                 {progress:?} is below {slowest:?}"
            )
        })?;
        self.check_packing()?;
        let (delay, idle) = (self.processing_delay_ms, self.claim_min_idle_ms);
        check(delay * 3 < idle, "PROCESSING_DELAY_MS", || {
            format!(
                "times 3 must be below CLAIM_MIN_IDLE_MS, or entries are claimed while they are being \
                 processed, but 3 × {delay:?} is not below {idle:?}"
            )
        })
    }

    fn check_packing(&self) -> Result<(), SettingError> {
        let Some(pack) = self.packing.pack_after() else { return Ok(()) };
        check(pack >= SHORTEST_PACK_AFTER, "PACK_AFTER", || {
            format!(
                "must be 0 or at least {SHORTEST_PACK_AFTER:?}, or a day is packed while its last readings arrive, \
                 but is {pack:?}"
            )
        })?;
        let kept = self.retention.age();
        check(kept.is_none_or(|kept| pack < kept), "PACK_AFTER", || {
            let kept = kept.unwrap_or_default();
            format!(
                "must be below READINGS_RETENTION, or readings expire before they are packed, but {pack:?} is not \
                 below {kept:?}"
            )
        })
    }
}

fn check(
    holds: bool,
    variable: &'static str,
    rule: impl FnOnce() -> String,
) -> Result<(), SettingError> {
    if holds { Ok(()) } else { Err(SettingError::new(variable, rule())) }
}
