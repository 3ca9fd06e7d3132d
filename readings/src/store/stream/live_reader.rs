//! Reads new entries of the stream without a consumer group (`XREAD`): all of them, and none is acknowledged.

use std::time::Duration;

use redis::{Cmd, cmd};

use super::live_entry::LiveEntry;
use super::paging::entries_within_budget;
use super::reading_stream::{ReadingStream, milliseconds};
use crate::store::connection::resp2::{ParseError, ReplyCursor};
use crate::store::connection::{DedicatedConnection, RedisServer};
use crate::store::error::StoreResult;
use crate::store::partition::Partition;
use crate::store::stream_id::StreamId;

/// How long a read blocks while no entry arrives. Too low: needless commands. Too high: a vanished server is noticed
/// late.
const BLOCK: Duration = Duration::from_secs(5);

/// Time in addition to that after which a read fails. Too low and a busy server costs a reconnect; too high and a
/// vanished one is noticed late.
const READ_MARGIN: Duration = Duration::from_secs(2);

/// Entries of each stream of a read at most. Too low and a fast stream takes many reads; too high and what waits between two reads
/// waits longer.
const MAX_ENTRIES: usize = 256;

/// Entries of the first read, while their size is not known.
const FIRST_ENTRIES: usize = 16;

const XREAD: &str = "XREAD";

/// Bytes that a read is expected to have at most. Too high and large entries of other writers fill the server's output
/// buffer.
const READ_BYTES: usize = 1 << 20;

/// Reads all entries of some partitions after a position in each, over a connection of its own.
#[derive(Debug)]
pub struct LiveReader {
    streams: Vec<FollowedStream>,
    connection: DedicatedConnection,
    /// Entries of each stream that the next read gets at most.
    count: usize,
}

/// A partition's stream, and the last entry of it that was read.
#[derive(Debug)]
struct FollowedStream {
    name: String,
    partition: Partition,
    position: StreamId,
}

/// Whether a read waits for an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// It gets what there is.
    No,
    /// For some seconds, if nothing is there.
    UntilEntry,
}

impl LiveReader {
    /// Opens a connection that reads the entries of these streams, each after its position. They must be on one node.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub async fn open(
        server: &RedisServer,
        streams: &[(ReadingStream, StreamId)],
    ) -> StoreResult<Self> {
        let key = streams.first().map_or("", |(stream, _)| stream.keys().stream());
        let connection = server.dedicated(key, BLOCK + READ_MARGIN).await?;
        let followed = streams.iter().map(|(stream, position)| FollowedStream {
            name: stream.keys().stream().to_owned(),
            partition: stream.keys().partition(),
            position: *position,
        });
        Ok(Self { streams: followed.collect(), connection, count: FIRST_ENTRIES })
    }

    /// The last entry of each partition that was read.
    #[must_use]
    pub fn positions(&self) -> Vec<(Partition, StreamId)> {
        self.streams.iter().map(|stream| (stream.partition, stream.position)).collect()
    }

    /// Continues after another entry of a partition.
    pub fn set_position(&mut self, partition: Partition, position: StreamId) {
        let streams = self.streams.iter_mut();
        for stream in streams.filter(|stream| stream.partition == partition) {
            stream.position = position;
        }
    }

    /// Reads the next entries, and calls `visit` with each of them, in the receive buffer. Returns whether more may be
    /// waiting.
    ///
    /// # Errors
    /// When the server replied with an error or not at all: drop the reader. Its positions are behind the entries that
    /// were visited.
    pub async fn read(
        &mut self,
        wait: Wait,
        mut visit: impl FnMut(Partition, LiveEntry<'_>),
    ) -> StoreResult<bool> {
        let command = self.command(wait);
        self.connection.send(XREAD, &[&command]).await?;
        let streams = |cursor: &mut ReplyCursor<'_>| cursor.streams();
        let streams = self.connection.read_reply(XREAD, streams).await?;
        let (mut received, mut bytes, mut may_have_more) = (0, 0, false);
        for _ in 0..streams {
            let (entries, size) = self.read_stream(&mut visit).await?;
            received += entries;
            bytes += size;
            may_have_more |= entries >= self.count;
        }
        if received > 0 {
            let budget = READ_BYTES / self.streams.len().max(1);
            self.count = entries_within_budget(received, bytes, budget).min(MAX_ENTRIES);
        }
        Ok(may_have_more)
    }

    fn command(&self, wait: Wait) -> Cmd {
        let mut command = cmd(XREAD);
        command.arg("COUNT").arg(self.count);
        if wait == Wait::UntilEntry {
            command.arg("BLOCK").arg(milliseconds(BLOCK));
        }
        command.arg("STREAMS");
        for stream in &self.streams {
            command.arg(&stream.name);
        }
        for stream in &self.streams {
            command.arg(stream.position.to_string());
        }
        command
    }

    /// The entries of one stream of the reply; returns how many they are, and their bytes.
    async fn read_stream(
        &mut self,
        visit: &mut impl FnMut(Partition, LiveEntry<'_>),
    ) -> StoreResult<(usize, usize)> {
        let streams = &mut self.streams;
        let header = |cursor: &mut ReplyCursor<'_>| {
            let (name, entries) = cursor.stream()?;
            let index = streams.iter().position(|stream| stream.name.as_bytes() == name);
            Ok((index.ok_or(ParseError::UnexpectedShape)?, entries))
        };
        let (index, entries) = self.connection.read_reply(XREAD, header).await?;
        let Some(stream) = streams.get_mut(index) else { return Ok((0, 0)) };
        let mut bytes = 0;
        for _ in 0..entries {
            let entry = |cursor: &mut ReplyCursor<'_>| {
                let (id, fields) = cursor.entry()?;
                let entry = LiveEntry::new(id, fields.as_deref().unwrap_or_default());
                visit(stream.partition, entry);
                Ok((id, entry.bytes()))
            };
            let (id, size) = self.connection.read_reply(XREAD, entry).await?;
            stream.position = id;
            bytes += size;
        }
        Ok((entries, bytes))
    }
}
