//! The limit of the backlog: readings are no longer accepted above it, before Redis runs out of memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use readings::store::StoreError;
use readings::store::stream::ReadingStream;
use tokio::time::sleep;
use tracing::{debug, info, warn};

use crate::error_body::ErrorBody;
use crate::error_code::ErrorCode;

/// How often the backlog is polled. Too low and Redis does useless work; too high and the backlog exceeds the
/// limit by what is accepted meanwhile.
const POLL_INTERVAL: Duration = Duration::from_millis(250);

/// Seconds after which a client should try again.
pub(super) const RETRY_AFTER_SECONDS: u64 = 5;

/// Whether the backlog is at its limit; cloning is cheap.
#[derive(Debug, Clone, Default)]
pub struct BacklogLimit(Arc<AtomicBool>);

impl BacklogLimit {
    /// Whether readings are not accepted now.
    #[must_use]
    pub fn is_reached(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Polls the backlog (unread and pending entries) forever. `None` means no limit.
    pub async fn poll(self, stream: ReadingStream, limit: Option<u64>) {
        let Some(limit) = limit else { return };
        loop {
            if let Err(error) = self.update(&stream, limit).await {
                // Redis is down: the next append reports it.
                debug!(%error, "the backlog is unknown");
            }
            sleep(POLL_INTERVAL).await;
        }
    }

    /// The backlog is never longer than the stream, and its length is cheaper to read: usually that suffices.
    async fn update(&self, stream: &ReadingStream, limit: u64) -> Result<(), StoreError> {
        if self.is_reached() || stream.length().await? >= limit {
            self.record(unprocessed(stream).await?, limit);
        }
        Ok(())
    }

    fn record(&self, entries: u64, limit: u64) {
        let is_reached = entries >= limit;
        if self.0.swap(is_reached, Ordering::Relaxed) == is_reached {
            return;
        }
        if is_reached {
            warn!(entries, limit, "the backlog is full; readings are not accepted");
        } else {
            info!(entries, limit, "readings are accepted again");
        }
    }
}

/// Entries that are not processed: all of them before the group exists. Processed entries that are kept for
/// `STREAM_RETENTION` do not count.
async fn unprocessed(stream: &ReadingStream) -> Result<u64, StoreError> {
    match stream.backlog().await? {
        Some(backlog) => Ok(backlog.unprocessed()),
        None => stream.length().await,
    }
}

pub(super) fn backlog_full() -> ErrorBody {
    ErrorBody::new(
        ErrorCode::BacklogFull,
        "The backlog is full; readings are accepted again when enough of it is processed",
    )
}
