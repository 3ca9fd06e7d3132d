//! Whether a service is shutting down.

use tokio_util::sync::CancellationToken;

/// Set when a service begins to shut down; cloning is cheap.
#[derive(Debug, Clone, Default)]
pub struct Draining(CancellationToken);

impl Draining {
    /// Sets it: the service is not ready any more, and event streams end.
    pub fn begin(&self) {
        self.0.cancel();
    }

    pub(crate) fn has_begun(&self) -> bool {
        self.0.is_cancelled()
    }

    /// Completes when it is set.
    pub(crate) async fn begun(&self) {
        self.0.cancelled().await;
    }
}
