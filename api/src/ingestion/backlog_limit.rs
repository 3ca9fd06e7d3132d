//! The cap on the backlog: above it no more readings are taken, before Redis' memory is gone.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use readings::store::StoreError;
use readings::store::stream::ReadingStream;
use tokio::time::sleep;
use tracing::{debug, info, warn};

use crate::error_body::ErrorBody;
use crate::error_code::ErrorCode;

/// How often the backlog is looked at. Too low and Redis is asked for nothing; too high and the cap is
/// passed by what comes in meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// When a client should try again.
pub(super) const RETRY_AFTER_SECONDS: u64 = 5;

/// Whether the backlog is at its cap; cloning it is cheap.
#[derive(Debug, Clone, Default)]
pub struct Backlog(Arc<AtomicBool>);

impl Backlog {
    /// Whether no more readings are taken.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Looks at the backlog for ever: entries that are unread or pending. `None` is no cap.
    pub async fn watch(self, stream: ReadingStream, cap: Option<u64>) {
        let Some(cap) = cap else { return };
        loop {
            match self.look(&stream, cap).await {
                Ok(()) => {}
                // Redis is away: appending will say so.
                Err(error) => debug!(%error, "the backlog is unknown"),
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// A stream that is shorter than the cap has no larger backlog, which is all that is asked for then.
    async fn look(&self, stream: &ReadingStream, cap: u64) -> Result<(), StoreError> {
        if self.is_full() || stream.length().await? >= cap {
            self.note(unprocessed(stream).await?, cap);
        }
        Ok(())
    }

    fn note(&self, entries: u64, cap: u64) {
        let full = entries >= cap;
        if self.0.swap(full, Ordering::Relaxed) == full {
            return;
        }
        if full {
            warn!(entries, cap, "the backlog is full; no more readings are taken");
        } else {
            info!(entries, cap, "readings are taken again");
        }
    }
}

/// Entries that are not processed: as many as there are where there is no group. What is processed and
/// kept for `STREAM_RETENTION` is none of them.
async fn unprocessed(stream: &ReadingStream) -> Result<u64, StoreError> {
    match stream.backlog().await? {
        Some(backlog) => Ok(backlog.unprocessed()),
        None => stream.length().await,
    }
}

pub(super) fn full() -> ErrorBody {
    ErrorBody::new(
        ErrorCode::BacklogFull,
        "More readings are waiting to be processed than may; none are taken until it is less",
    )
}
