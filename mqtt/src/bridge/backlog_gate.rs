//! Whether more may be appended.

use std::fmt;
use std::sync::Arc;

/// Whether the backlog of the stream is at its limit.
#[derive(Clone)]
pub struct BacklogGate(Arc<dyn Fn() -> bool + Send + Sync>);

impl BacklogGate {
    /// A gate that asks this function.
    #[must_use]
    pub fn new(is_reached: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(is_reached))
    }

    pub(super) fn is_reached(&self) -> bool {
        (self.0)()
    }
}

impl fmt::Debug for BacklogGate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("BacklogGate").field(&self.is_reached()).finish()
    }
}
