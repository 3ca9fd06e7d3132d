//! Ending before the end of the file.

use std::sync::OnceLock;

use tokio_util::sync::CancellationToken;

/// Ends an import: no more rows are taken, those under way are finished.
pub struct Stop {
    token: CancellationToken,
    reason: OnceLock<anyhow::Error>,
}

impl Stop {
    /// Ends with the token as well.
    pub fn with(token: &CancellationToken) -> Self {
        Self { token: token.child_token(), reason: OnceLock::new() }
    }

    /// The token of the end.
    pub fn token(&self) -> CancellationToken {
        self.token.clone()
    }

    /// Whether no more rows are taken.
    pub fn is_stopped(&self) -> bool {
        self.token.is_cancelled()
    }

    /// Ends the import; the first reason counts.
    pub fn because(&self, reason: anyhow::Error) {
        // Err means that there was a reason before.
        let _ = self.reason.set(reason);
        self.token.cancel();
    }

    /// Notes a reason for which the import fails, but ends by itself.
    pub fn note(&self, reason: anyhow::Error) {
        let _ = self.reason.set(reason);
    }

    /// Why the import failed.
    pub fn reason(&self) -> Option<&anyhow::Error> {
        self.reason.get()
    }
}
