//! What a request costs beyond one request, where that is known only when its body is read.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;

use super::OverLimit;
use crate::error_body::ErrorBody;

/// The error of a request that costs too much, and the seconds after which to try again; `None` if no waiting helps.
pub(crate) type CostError = (ErrorBody, Option<u64>);

/// Adds the further cost of a request to the limit that it counts against; in the extensions of its request.
#[derive(Clone)]
pub(crate) struct FurtherCost(Arc<dyn Fn(NonZeroU32) -> Result<(), CostError> + Send + Sync>);

impl FurtherCost {
    /// `check` adds a cost.
    pub fn new(
        check: impl Fn(NonZeroU32) -> Result<(), CostError> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(check))
    }

    /// Adds the cost of a request with this number of readings, of which one was added before.
    pub fn add(&self, readings: usize) -> Result<(), CostError> {
        let further = u32::try_from(readings.saturating_sub(1)).ok().and_then(NonZeroU32::new);
        further.map_or(Ok(()), |further| (self.0)(further))
    }
}

impl fmt::Debug for FurtherCost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FurtherCost").finish_non_exhaustive()
    }
}

impl OverLimit {
    /// Whether waiting helps a request of which `further` is the cost beyond one request.
    pub fn of_whole(self, further: NonZeroU32, burst: NonZeroU32) -> Self {
        if further.saturating_add(1) > burst { Self::Always } else { self }
    }
}
