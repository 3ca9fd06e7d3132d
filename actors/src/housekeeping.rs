//! What the actors have in common that do a chore now and then, and whose failure harms nobody.

use std::time::Duration;

use backon::{BackoffBuilder, ConstantBackoff, ConstantBuilder};
use readings::store::{ErrorClass, StoreError};
use tracing::warn;

/// About this pause, again and again; with jitter, so that replicas do not all do it at once.
pub(crate) fn every(pause: Duration) -> ConstantBackoff {
    ConstantBuilder::default().with_delay(pause).with_jitter().without_max_times().build()
}

/// Says that a chore was not done this time. The reader says that Redis is away or that the group is
/// gone, so neither is worth a line here.
pub(crate) fn note_failure(chore: &'static str, error: &StoreError) {
    let known = matches!(error.class, ErrorClass::Timeout | ErrorClass::Disconnected);
    if !known && !error.wants_group() && !error.is_missing_key() {
        warn!(%error, chore, "not done this time");
    }
}
