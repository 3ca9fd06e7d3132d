//! Reads new entries of the stream without a consumer group (`XREAD`): all of them, and none is acknowledged.

use std::time::Duration;

use redis::cmd;

use super::live_entry::LiveEntry;
use super::paging::entries_within_budget;
use super::reading_stream::{ReadingStream, milliseconds};
use crate::store::connection::resp2::ReplyCursor;
use crate::store::connection::{DedicatedConnection, RedisServer};
use crate::store::error::StoreResult;
use crate::store::keys::Keys;
use crate::store::stream_id::StreamId;

/// How long a read blocks while no entry arrives. Too low: needless commands. Too high: a vanished server is noticed
/// late.
const BLOCK: Duration = Duration::from_secs(5);

/// Time in addition to that after which a read fails. Too low and a busy server costs a reconnect; too high and a
/// vanished one is noticed late.
const READ_MARGIN: Duration = Duration::from_secs(2);

/// Entries of a read at most. Too low and a fast stream takes many reads; too high and what waits between two reads
/// waits longer.
const MAX_ENTRIES: usize = 256;

/// Entries of the first read, while their size is not known.
const FIRST_ENTRIES: usize = 16;

/// Bytes that a read is expected to have at most. Too high and large entries of other writers fill the server's output
/// buffer.
const READ_BYTES: usize = 1 << 20;

/// Reads all entries after a position, over a connection of its own.
#[derive(Debug)]
pub struct LiveReader {
    keys: Keys,
    connection: DedicatedConnection,
    position: StreamId,
    count: usize,
}

/// Whether a read waits for an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// It gets what there is.
    No,
    /// For some seconds, if nothing is there.
    UntilEntry,
}

impl ReadingStream {
    /// Opens a connection that reads the entries after `position`.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub async fn live_reader(
        &self,
        server: &RedisServer,
        position: StreamId,
    ) -> StoreResult<LiveReader> {
        let connection = server.dedicated(BLOCK + READ_MARGIN).await?;
        Ok(LiveReader { keys: self.keys().clone(), connection, position, count: FIRST_ENTRIES })
    }
}

impl LiveReader {
    /// The last entry that was read.
    #[must_use]
    pub const fn position(&self) -> StreamId {
        self.position
    }

    /// Continues after another entry.
    pub const fn set_position(&mut self, position: StreamId) {
        self.position = position;
    }

    /// Reads the next entries, and calls `visit` with each of them, in the receive buffer. Returns whether more may be
    /// waiting.
    ///
    /// # Errors
    /// When the server replied with an error or not at all: drop the reader. Its position is behind the entries that
    /// were visited.
    pub async fn read(
        &mut self,
        wait: Wait,
        mut visit: impl FnMut(LiveEntry<'_>),
    ) -> StoreResult<bool> {
        const XREAD: &str = "XREAD";
        let mut command = cmd(XREAD);
        command.arg("COUNT").arg(self.count);
        if wait == Wait::UntilEntry {
            command.arg("BLOCK").arg(milliseconds(BLOCK));
        }
        command.arg("STREAMS").arg(self.keys.stream()).arg(self.position.to_string());
        self.connection.send(XREAD, &[&command]).await?;
        let header = |cursor: &mut ReplyCursor<'_>| cursor.stream_header();
        let received = self.connection.read_reply(XREAD, header).await?;
        let mut bytes = 0;
        for _ in 0..received {
            let entry = |cursor: &mut ReplyCursor<'_>| {
                let (id, fields) = cursor.entry()?;
                let entry = LiveEntry::new(id, fields.as_deref().unwrap_or_default());
                visit(entry);
                Ok((id, entry.bytes()))
            };
            let (id, size) = self.connection.read_reply(XREAD, entry).await?;
            self.position = id;
            bytes += size;
        }
        let may_have_more = received >= self.count;
        if received > 0 {
            self.count = entries_within_budget(received, bytes, READ_BYTES).min(MAX_ENTRIES);
        }
        Ok(may_have_more)
    }
}
