//! The end of an import before the end of the file.

use std::sync::OnceLock;

use tokio_util::sync::CancellationToken;

/// Aborts an import: no further row is sent, rows in flight are finished.
pub struct Abort {
    token: CancellationToken,
    reason: OnceLock<anyhow::Error>,
}

impl Abort {
    /// Aborts also when `interrupted` is cancelled; then there is no reason.
    pub fn linked_to(interrupted: &CancellationToken) -> Self {
        Self { token: interrupted.child_token(), reason: OnceLock::new() }
    }

    /// Is cancelled by the abort.
    pub fn token(&self) -> CancellationToken {
        self.token.clone()
    }

    /// Whether the import was aborted or interrupted.
    pub fn is_aborted(&self) -> bool {
        self.token.is_cancelled()
    }

    /// Aborts the import. The first reason is kept.
    pub fn trigger(&self, reason: anyhow::Error) {
        // Err means that a reason was set before.
        let _ = self.reason.set(reason);
        self.token.cancel();
    }

    /// Records why the import fails although it reached the end of its input. The first reason is kept.
    pub fn record_reason(&self, reason: anyhow::Error) {
        let _ = self.reason.set(reason);
    }

    /// Why the import failed; `None` if it did not, or was interrupted.
    pub fn reason(&self) -> Option<&anyhow::Error> {
        self.reason.get()
    }
}
