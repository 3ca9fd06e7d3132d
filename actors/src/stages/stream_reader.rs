//! `StreamReader`: reads the stream as this process' consumer, on a connection of its own.
//!
//! Owns that connection. At its start, after each error, and when entries were abandoned, it first reads
//! the entries that are pending for this consumer and not in flight here: of a reply that was lost, an
//! actor that failed, or an earlier run of this consumer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use backon::BackoffBuilder;
use instrumentation::log_throttle::LogThrottle;
use readings::store::delivery::Delivery;
use readings::store::group_reader::GroupReader;
use readings::store::{StoreError, StreamId};
use tokio::time::timeout;
use tracing::{info, warn};

use super::delivery_origin::DeliveryOrigin;
use super::source_actor::{EntrySource, Fetched};
use crate::context::PipelineContext;
use crate::flow::in_flight::Reservation;
use crate::flow::progress::Source;
use crate::flow::retry::backoff;
use crate::partition_context::PartitionContext;

/// How long an unblocked read may take to return. Too low and entries of its reply stay pending until
/// another consumer claims them; too high and a drain waits for a dead connection.
const UNBLOCK_TIMEOUT: Duration = Duration::from_secs(1);

pub(crate) struct StreamReader {
    context: Arc<PartitionContext>,
    connection: Option<GroupReader>,
    position: Position,
    /// Entries that the last read has returned.
    recent: usize,
    /// Consecutive failures.
    failures: u32,
    pauses: backon::ExponentialBackoff,
}

/// What to read next.
#[derive(Debug, Clone, Copy)]
enum Position {
    /// This consumer's pending entries after this one.
    Pending { after: StreamId },
    /// Entries that were not delivered to any consumer.
    New,
}

impl Position {
    const FIRST_PENDING: Self = Self::Pending { after: StreamId::ZERO };
}

impl EntrySource for StreamReader {
    const SOURCE: Source = Source::StreamReader;

    fn prepare(&mut self) {
        fail::fail_point!("reader-before-read");
        if self.context.window.take_abandoned() {
            self.position = Position::FIRST_PENDING;
        }
    }

    async fn reserve(&self) -> Reservation {
        let PartitionContext { window, pipeline, .. } = self.context.as_ref();
        window.reserve_for_read(self.recent, pipeline.config.batch_size).await
    }

    async fn fetch(&mut self, limit: usize) -> Result<Fetched, StoreError> {
        let origin = match self.position {
            Position::Pending { .. } => DeliveryOrigin::OwnPending,
            Position::New => DeliveryOrigin::New,
        };
        let mut delivery = self.read(limit).await?;
        self.recent = delivery.len();
        self.context.filter_finished(&mut delivery).await;
        self.on_success();
        fail::fail_point!("reader-after-read");
        Ok(Fetched { origin, delivery, pause: None })
    }

    fn on_failure(&mut self, error: &StoreError) -> Duration {
        if error.is_missing_group() {
            // The group was deleted, and the readings perhaps with it: a write of before is no longer a
            // reason to acknowledge its entries.
            self.context.stream.invalidate();
        }
        // A reply may still be on its way: without the connection no entry is delivered to it any more, and
        // those that were are pending.
        if self.connection.take().is_some() {
            readings::metrics::count_reader_reconnect(error.class);
        }
        self.position = Position::FIRST_PENDING;
        self.failures += 1;
        let pause = self.pauses.next().unwrap_or_default();
        log_failure(error, self.context.stream.keys().stream(), self.failures, pause);
        pause
    }
}

impl StreamReader {
    pub fn new(context: Arc<PartitionContext>) -> Self {
        Self {
            context,
            connection: None,
            position: Position::FIRST_PENDING,
            recent: 0,
            failures: 0,
            pauses: backoff().build(),
        }
    }

    /// Reads at the position. Entries that are pending may be in flight here.
    async fn read(&mut self, limit: usize) -> Result<Delivery, StoreError> {
        if self.connection.is_none() {
            self.connection = Some(self.connect().await?);
        }
        // Connecting may have lowered the limit, by the size of the entries in the stream.
        let limit = limit.min(self.context.window.limit());
        let Some(connection) = &mut self.connection else {
            return Ok(Delivery::default());
        };
        match self.position {
            Position::New => read_new(&self.context, connection, limit).await,
            Position::Pending { after } => {
                let delivery = connection.read_pending(after, limit).await?;
                // An empty delivery: there are no more pending entries.
                let last = delivery.ids().max();
                self.position = last.map_or(Position::New, |after| Position::Pending { after });
                Ok(delivery)
            }
        }
    }

    async fn connect(&self) -> Result<GroupReader, StoreError> {
        let PartitionContext { stream, pipeline, window, .. } = self.context.as_ref();
        let PipelineContext { server, config, .. } = pipeline.as_ref();
        stream.ensure_group().await?;
        self.context.sync_clock().await?;
        window.record_entry_size(1, stream.estimated_entry_bytes().await?);
        let reader = stream.reader(server, &config.consumer, config.read_block).await?;
        let context = Arc::clone(&self.context);
        Ok(reader.with_on_received(move || {
            context.progress.turns(Source::StreamReader).begin(Instant::now());
        }))
    }

    fn on_success(&mut self) {
        static THROTTLE: LogThrottle = LogThrottle::new();
        if self.failures > 0
            && let Some(suppressed) = THROTTLE.should_log(Instant::now())
        {
            info!(failures = self.failures, suppressed, "reading the stream again");
        }
        self.failures = 0;
        self.pauses = backoff().build();
    }
}

fn log_failure(error: &StoreError, stream: &str, failures: u32, pause: Duration) {
    static THROTTLE: LogThrottle = LogThrottle::new();
    if failures.is_power_of_two()
        && let Some(suppressed) = THROTTLE.should_log(Instant::now())
    {
        warn!(%error, stream, failures, ?pause, suppressed, "cannot read the stream");
    }
}

/// Reads new entries. When the pipeline drains during the read, the blocked read is woken (`CLIENT UNBLOCK`),
/// and neither waited out nor dropped: its reply may have entries.
async fn read_new(
    context: &PartitionContext,
    connection: &mut GroupReader,
    limit: usize,
) -> Result<Delivery, StoreError> {
    let client_id = connection.client_id();
    let read = connection.read_new(limit);
    tokio::pin!(read);
    tokio::select! {
        delivery = &mut read => return delivery,
        () = context.draining.cancelled() => {}
    }
    context.stream.unblock(client_id).await?;
    timeout(UNBLOCK_TIMEOUT, read).await.unwrap_or_else(|_| Ok(Delivery::default()))
}

#[cfg(test)]
mod tests;
