//! The one reader of the stream that all subscribers of a process share.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::select_all;
use instrumentation::log_throttle::LogThrottle;
use readings::metrics::count_reader_reconnect;
use readings::store::live_reader::{LiveReader, Wait};
use readings::store::stream::every_partition::of_each;
use readings::store::stream::{ReadingStream, StreamPartitions};
use readings::store::{Partition, RedisServer, StoreError, StreamId};
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

/// Reads all partitions of the stream and publishes their entries.
pub(super) struct SharedReader {
    pub partitions: StreamPartitions,
    pub server: RedisServer,
    pub feed: Arc<Feed>,
}

/// The streams of one connection, and a reader of them that is open already.
type Group = (Vec<ReadingStream>, Option<LiveReader>);

impl SharedReader {
    /// Reads until it is dropped; ends at once when the first connection fails. Drop is the one way to abandon a
    /// blocking read.
    pub async fn run(self, begun: watch::Sender<Begun>) {
        let since = Instant::now();
        let mut changes = self.partitions.changes();
        changes.mark_unchanged();
        let mut streams = self.partitions.current();
        let mut groups = match self.begin(&streams).await {
            Ok(groups) => groups,
            Err(error) => {
                begun.send_replace(Some(Err(error)));
                return;
            }
        };
        begun.send_replace(Some(Ok(())));
        loop {
            let following = groups.into_iter().map(|group| Box::pin(self.follow_group(group)));
            tokio::select! {
                (never, ..) = select_all(following) => match never {},
                // Err: never, the partitions have the sender.
                _ = changes.changed() => {}
            }
            streams = self.partitions.current();
            self.begin_new(&streams, since).await;
            groups = self.groups(&streams).into_iter().map(|streams| (streams, None)).collect();
        }
    }

    /// Begins behind the last entries.
    async fn begin(&self, streams: &[ReadingStream]) -> Result<Vec<Group>, StoreError> {
        let ends = of_each(streams, async |stream| {
            Ok((stream.keys().partition(), stream.bounds().await?.last))
        });
        for (partition, end) in ends.await? {
            self.feed.begin_at(partition, end);
        }
        let mut groups = Vec::new();
        for streams in self.groups(streams) {
            let mut reader = self.open(&streams).await?;
            // Fails here, and not after the begin of a response, if the user may not read the stream.
            self.read(&mut reader, Wait::No).await?;
            groups.push((streams, Some(reader)));
        }
        Ok(groups)
    }

    /// The streams of each connection: one for all, but of a Redis Cluster one for each, as its streams move between nodes
    /// one by one.
    fn groups(&self, streams: &[ReadingStream]) -> Vec<Vec<ReadingStream>> {
        let of_one = if self.server.is_cluster() { 1 } else { streams.len() };
        streams.chunks(of_one.max(1)).map(<[_]>::to_vec).collect()
    }

    /// Sets the position of each partition that has come into use: what was added since this reader runs is new.
    async fn begin_new(&self, streams: &[ReadingStream], since: Instant) {
        let positions = self.feed.positions();
        for stream in streams {
            let partition = stream.keys().partition();
            let mut backoff = FIRST_BACKOFF;
            while positions.of(partition).is_none() {
                match begin_of(stream, since).await {
                    Ok(begin) => {
                        self.feed.begin_at(partition, begin);
                        break;
                    }
                    Err(error) => pause(&error, &mut backoff).await,
                }
            }
        }
    }

    /// Reads some streams over one connection, for ever.
    async fn follow_group(&self, (streams, reader): Group) -> Infallible {
        let mut reader = match reader {
            Some(reader) => reader,
            None => match self.continued(&streams).await {
                Ok(reader) => reader,
                Err(error) => self.reconnect(&streams, error).await,
            },
        };
        loop {
            let Err(error) = self.follow(&streams, &mut reader).await;
            reader = self.reconnect(&streams, error).await;
        }
    }

    async fn follow(
        &self,
        streams: &[ReadingStream],
        reader: &mut LiveReader,
    ) -> Result<Infallible, StoreError> {
        let mut replied = Instant::now();
        loop {
            let before = reader.positions();
            let has_more = self.read(reader, Wait::UntilEntry).await?;
            if replied.elapsed() > STALL {
                self.check(streams, reader, &before).await?;
            }
            replied = Instant::now();
            if !has_more {
                sleep(GATHER).await;
            }
        }
    }

    async fn read(&self, reader: &mut LiveReader, wait: Wait) -> Result<bool, StoreError> {
        reader.read(wait, |partition, entry| self.feed.publish(partition, &entry)).await
    }

    /// Checks, after a read, that no entry behind `before` was removed ahead of it.
    async fn check(
        &self,
        streams: &[ReadingStream],
        reader: &mut LiveReader,
        before: &[(Partition, StreamId)],
    ) -> Result<(), StoreError> {
        let read = reader.positions();
        for ((stream, &(partition, before)), (_, read)) in streams.iter().zip(before).zip(read) {
            let bounds = stream.bounds().await?;
            if !bounds.hold_all_after(before) {
                let position = read.min(bounds.last);
                reader.set_position(partition, position);
                self.feed.reset(partition, position);
            }
        }
        Ok(())
    }

    /// A reader that continues where the failed one was.
    async fn reconnect(&self, streams: &[ReadingStream], mut error: StoreError) -> LiveReader {
        self.feed.interrupt();
        let mut backoff = FIRST_BACKOFF;
        loop {
            pause(&error, &mut backoff).await;
            match self.continued(streams).await {
                Ok(reader) => {
                    info!("event streams continue");
                    return reader;
                }
                Err(again) => error = again,
            }
        }
    }

    async fn continued(&self, streams: &[ReadingStream]) -> Result<LiveReader, StoreError> {
        let mut reader = self.open(streams).await?;
        let before = reader.positions();
        self.read(&mut reader, Wait::No).await?;
        self.check(streams, &mut reader, &before).await?;
        Ok(reader)
    }

    /// Opens a reader that continues after what was published.
    async fn open(&self, streams: &[ReadingStream]) -> Result<LiveReader, StoreError> {
        let positions = self.feed.positions();
        let position = |stream: &ReadingStream| positions.of(stream.keys().partition());
        let after = |stream: &ReadingStream| (stream.clone(), position(stream).unwrap_or_default());
        let streams: Vec<_> = streams.iter().map(after).collect();
        LiveReader::open(&self.server, &streams).await
    }
}

/// The position of a stream's first entry that was added after `since`, by the server's clock.
async fn begin_of(stream: &ReadingStream, since: Instant) -> Result<StreamId, StoreError> {
    let now = stream.server_time().await?;
    let ms = u64::try_from(now.saturating_sub(since.elapsed()).as_millis()).unwrap_or(u64::MAX);
    Ok(StreamId { ms, seq: 0 }.min(stream.bounds().await?.last))
}

async fn pause(error: &StoreError, backoff: &mut Duration) {
    count_reader_reconnect(error.class);
    log(error);
    sleep(*backoff).await;
    *backoff = (*backoff * 2).min(LONGEST_BACKOFF);
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
