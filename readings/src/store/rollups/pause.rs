//! What the user of Redis has no permission for is not tried again for a while.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long it is not tried. Too low and each question costs a denied command, after which the connection is checked
/// again; too high and a granted permission is used late.
const PAUSE: Duration = Duration::from_mins(1);

/// A pause. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Pause(Arc<Mutex<Option<Instant>>>);

impl Pause {
    /// Begins now, or again.
    pub fn begin(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// Whether it lasts.
    pub fn is_active(&self) -> bool {
        let begun = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        begun.is_some_and(|begun| begun.elapsed() < PAUSE)
    }
}
