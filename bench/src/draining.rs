//! How far the entries of all partitions are processed, and what is stored of them.

use std::time::Duration;

use anyhow::Context;
use readings::store::stream::ReadingStream;
use redis::{Pipeline, cmd};

use crate::redis_server::{Redis, connect};

/// How often a group is polled. Too low: Redis spends its time on polls (about 20 µs each). Too high: start and end
/// are detected late; each run seems longer by at most this.
pub const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// Keys of a `SCAN`.
const SCANNED: usize = 1_000;

/// How far the entries are processed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// No entry was delivered.
    Untouched,
    Partly,
    /// All entries were delivered and acknowledged.
    Done,
}

/// The partitions that are not drained yet. Nothing is appended meanwhile, so a drained one stays so, and one poll asks for
/// the group of one partition, however many there are.
#[derive(Debug)]
pub struct Draining {
    /// Each with the entries that it had.
    remaining: Vec<(ReadingStream, i64)>,
    is_untouched: bool,
}

impl Draining {
    /// Streams whose groups were delivered nothing yet.
    ///
    /// # Errors
    /// When Redis returns an error.
    pub async fn new(streams: Vec<ReadingStream>) -> anyhow::Result<Self> {
        let mut remaining = Vec::with_capacity(streams.len());
        for stream in streams {
            let entries = i64::try_from(stream.length().await?)?;
            remaining.push((stream, entries));
        }
        Ok(Self { remaining, is_untouched: true })
    }

    /// Polls the groups: all until an entry is delivered, then the next one that is not drained.
    ///
    /// # Errors
    /// When Redis returns an error, or a group is gone.
    pub async fn poll(&mut self) -> anyhow::Result<Progress> {
        if self.is_untouched {
            self.is_untouched = self.none_is_delivered().await?;
            if self.is_untouched {
                return Ok(Progress::Untouched);
            }
        }
        while let Some((stream, _)) = self.remaining.last() {
            if waiting(stream).await? != (0, 0) {
                return Ok(Progress::Partly);
            }
            self.remaining.pop();
        }
        Ok(Progress::Done)
    }

    async fn none_is_delivered(&self) -> anyhow::Result<bool> {
        for (stream, entries) in &self.remaining {
            if waiting(stream).await?.0 != *entries {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Unread and pending entries.
async fn waiting(stream: &ReadingStream) -> anyhow::Result<(i64, u64)> {
    let group = stream.group().await?.context("the consumer group is gone")?;
    Ok((group.reported_lag.context("Redis reports no lag")?, group.pending))
}

/// The number of readings in the sorted sets of all sites.
///
/// # Errors
/// When Redis returns an error.
pub async fn stored(redis: &Redis) -> anyhow::Result<u64> {
    let mut stored = 0;
    for port in redis.ports() {
        let (mut connection, mut cursor) = (connect(port).await?, 0_u64);
        loop {
            let mut scan = cmd("SCAN");
            scan.arg(cursor).arg("MATCH").arg("site:*:readings").arg("COUNT").arg(SCANNED);
            let (next, sites): (u64, Vec<String>) = scan.query_async(&mut connection).await?;
            let mut count = Pipeline::with_capacity(sites.len());
            for site in &sites {
                count.cmd("ZCARD").arg(site);
            }
            // A page may have no site.
            if !count.is_empty() {
                let counts: Vec<u64> = count.query_async(&mut connection).await?;
                stored += counts.iter().sum::<u64>();
            }
            cursor = next;
            if cursor == 0 {
                break;
            }
        }
    }
    Ok(stored)
}
