//! The limit of the backlog: readings are no longer accepted above it, before Redis runs out of memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::try_join_all;
use readings::store::StoreError;
use readings::store::stream::{ReadingStream, StreamPartitions};
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

    /// Polls the backlog (unread and pending entries) of all partitions forever. `None` means no limit.
    pub async fn poll(self, partitions: StreamPartitions, limit: Option<u64>) {
        let Some(limit) = limit else { return };
        loop {
            if let Err(error) = self.update(&partitions.current(), limit).await {
                // Redis is down: the next append reports it.
                debug!(%error, "the backlog is unknown");
            }
            sleep(POLL_INTERVAL).await;
        }
    }

    /// The backlog is never longer than the streams, and their lengths are cheaper to read: usually they suffice.
    async fn update(&self, streams: &[ReadingStream], limit: u64) -> Result<(), StoreError> {
        let is_long = || async {
            let lengths = try_join_all(streams.iter().map(ReadingStream::length)).await?;
            Ok::<_, StoreError>(lengths.iter().sum::<u64>() >= limit)
        };
        if self.is_reached() || is_long().await? {
            let unprocessed = try_join_all(streams.iter().map(unprocessed)).await?;
            self.record(unprocessed.iter().sum(), limit);
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
