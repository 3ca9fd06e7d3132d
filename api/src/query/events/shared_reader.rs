//! The one reader of the stream that all subscribers of a process share.

use std::sync::Arc;
use std::time::{Duration, Instant};

use instrumentation::log_throttle::LogThrottle;
use readings::metrics::count_reader_reconnect;
use readings::store::live_reader::{LiveReader, Wait};
use readings::store::stream::ReadingStream;
use readings::store::{RedisServer, StoreError, StreamId};
use tokio::sync::watch;
use tokio::time::sleep;
use tracing::{info, warn};

use super::feed::Feed;

/// The pause between two reads, in which entries gather. Too low: Redis wakes the reader for each entry, which costs
/// both. Too high: events are late.
const GATHER: Duration = Duration::from_millis(20);

/// The time between two replies after which the process or the server stood still. Longer than a read blocks. Too low:
/// needless checks. Too high: entries that were trimmed meanwhile are not noticed.
const STALL: Duration = Duration::from_secs(8);

/// The pauses between attempts to connect.
const FIRST_BACKOFF: Duration = Duration::from_millis(100);
const LONGEST_BACKOFF: Duration = Duration::from_secs(2);

/// Whether the reader has begun; `None` while it connects.
pub(super) type Begun = Option<Result<(), StoreError>>;

/// Reads the stream and publishes its entries.
pub(super) struct SharedReader {
    pub stream: ReadingStream,
    pub server: RedisServer,
    pub feed: Arc<Feed>,
}

impl SharedReader {
    /// Reads until it is dropped; ends at once when the first connection fails. Drop is the one way to abandon a
    /// blocking read.
    pub async fn run(self, begun: watch::Sender<Begun>) {
        let first = self.begin().await;
        let mut reader = match first {
            Ok(reader) => reader,
            Err(error) => {
                begun.send_replace(Some(Err(error)));
                return;
            }
        };
        begun.send_replace(Some(Ok(())));
        loop {
            let Err(error) = self.follow(&mut reader).await;
            reader = self.reconnect(error).await;
        }
    }

    /// Begins behind the last entry.
    async fn begin(&self) -> Result<LiveReader, StoreError> {
        let position = self.stream.bounds().await?.last;
        let mut reader = self.stream.live_reader(&self.server, position).await?;
        self.feed.begin_at(position);
        // Fails here, and not after the begin of a response, if the user may not read the stream.
        self.read(&mut reader, Wait::No).await?;
        Ok(reader)
    }

    async fn follow(
        &self,
        reader: &mut LiveReader,
    ) -> Result<std::convert::Infallible, StoreError> {
        let mut replied = Instant::now();
        loop {
            let before = reader.position();
            let has_more = self.read(reader, Wait::UntilEntry).await?;
            if replied.elapsed() > STALL {
                self.check(reader, before).await?;
            }
            replied = Instant::now();
            if !has_more {
                sleep(GATHER).await;
            }
        }
    }

    async fn read(&self, reader: &mut LiveReader, wait: Wait) -> Result<bool, StoreError> {
        reader.read(wait, |entry| self.feed.publish(&entry)).await
    }

    /// Checks, after a read, that no entry behind `before` was removed ahead of it.
    async fn check(&self, reader: &mut LiveReader, before: StreamId) -> Result<(), StoreError> {
        let bounds = self.stream.bounds().await?;
        if !bounds.hold_all_after(before) {
            reader.set_position(reader.position().min(bounds.last));
            self.feed.reset(reader.position());
        }
        Ok(())
    }

    /// A reader that continues where the failed one was.
    async fn reconnect(&self, mut error: StoreError) -> LiveReader {
        self.feed.interrupt();
        let mut backoff = FIRST_BACKOFF;
        loop {
            count_reader_reconnect(error.class);
            log(&error);
            sleep(backoff).await;
            backoff = (backoff * 2).min(LONGEST_BACKOFF);
            match self.continued().await {
                Ok(reader) => {
                    info!("event streams continue");
                    return reader;
                }
                Err(again) => error = again,
            }
        }
    }

    async fn continued(&self) -> Result<LiveReader, StoreError> {
        let before = self.feed.position();
        let mut reader = self.stream.live_reader(&self.server, before).await?;
        self.read(&mut reader, Wait::No).await?;
        self.check(&mut reader, before).await?;
        Ok(reader)
    }
}

impl Drop for SharedReader {
    fn drop(&mut self) {
        // After a panic: streams without a reader would be silent for ever.
        self.feed.cut_all();
    }
}

fn log(error: &StoreError) {
    static THROTTLE: LogThrottle = LogThrottle::new();
    if let Some(suppressed) = THROTTLE.should_log(Instant::now()) {
        warn!(%error, suppressed, "event streams wait: the stream cannot be read");
    }
}
