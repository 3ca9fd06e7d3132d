//! Reads the stream as one consumer of its group.

use std::time::Duration;

use redis::{Cmd, cmd};

use super::dead_lettered_ids::{DEAD_LETTERED_PAGE, dead_lettered_since};
use super::delivery::Delivery;
use super::reading_stream::{ReadingStream, milliseconds};
use crate::store::connection::resp2::ReplyCursor;
use crate::store::connection::{DedicatedConnection, RedisServer};
use crate::store::error::{StoreError, StoreResult};
use crate::store::keys::Keys;
use crate::store::stream_id::StreamId;

/// Time in addition to its `BLOCK` after which a read fails. Too low and a busy server costs a reconnect;
/// too high and a vanished one is noticed late.
const READ_MARGIN: Duration = Duration::from_secs(2);

const XREADGROUP: &str = "XREADGROUP";
const ZRANGE: &str = "ZRANGE";

impl ReadingStream {
    /// Opens a connection for the reads of one consumer, each of which blocks for at most `block`.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub async fn reader(
        &self,
        server: &RedisServer,
        consumer: &str,
        block: Duration,
    ) -> StoreResult<GroupReader> {
        let connection = server.dedicated(self.keys().stream(), block + READ_MARGIN).await?;
        Ok(GroupReader {
            keys: self.keys().clone(),
            consumer: consumer.to_owned(),
            block,
            connection,
            newest: None,
            failure: None,
        })
    }
}

/// Reads the stream as one consumer of the group, over a connection of its own.
#[derive(Debug)]
pub struct GroupReader {
    keys: Keys,
    consumer: String,
    block: Duration,
    connection: DedicatedConnection,
    /// The highest id that `read_new` has received.
    newest: Option<StreamId>,
    /// An error after entries had been received: those are returned first, and the next read fails.
    failure: Option<StoreError>,
}

impl GroupReader {
    /// The server's id of this reader's connection, for [`ReadingStream::unblock`].
    #[must_use]
    pub const fn client_id(&self) -> i64 {
        self.connection.client_id()
    }

    /// Calls `on_received` whenever bytes of a reply arrive: a delivery that takes long makes progress.
    #[must_use]
    pub fn with_on_received(mut self, on_received: impl Fn() + Send + Sync + 'static) -> Self {
        self.connection.set_on_received(on_received);
        self
    }

    /// Reads up to `count` entries that were never delivered; blocks while there are none.
    ///
    /// The read is pipelined with a query for the ids that were dead-lettered since the last read, so
    /// deliveries of strictly newer ids arrive already filtered, without another round trip.
    ///
    /// # Errors
    /// After any error entries may be pending that were never received: drop the reader, and let the next
    /// one read the consumer's own pending entries first.
    pub async fn read_new(&mut self, count: usize) -> StoreResult<Delivery> {
        self.failure.take().map_or(Ok(()), Err)?;
        let mut command = self.command(count);
        command.arg("BLOCK").arg(milliseconds(self.block));
        command.arg("STREAMS").arg(self.keys.stream()).arg(">");
        let Some(newest) = self.newest else {
            // Without a last read there is no bound for the query: the delivery is filtered later.
            self.connection.send(XREADGROUP, &[&command]).await?;
            return self.receive_new(count).await;
        };
        let query = dead_lettered_since(&self.keys, newest);
        self.connection.send(XREADGROUP, &[&command, &query]).await?;
        let mut delivery = self.receive_new(count).await?;
        let ids = |cursor: &mut ReplyCursor<'_>| cursor.ids();
        match self.connection.read_reply(ZRANGE, ids).await {
            Ok(dead_lettered) => {
                // The query covers ids above `newest`, and only if its reply was not cut.
                let is_complete = dead_lettered.len() < DEAD_LETTERED_PAGE;
                if is_complete && delivery.ids().all(|id| id > newest) {
                    delivery.filter_dead_lettered(&dead_lettered.into_iter().collect());
                }
            }
            // The entries have been delivered: they are processed, and the connection is dropped after.
            Err(error) => self.failure = Some(error),
        }
        Ok(delivery)
    }

    /// Reads up to `count` entries that are pending for this consumer, after `after`.
    ///
    /// # Errors
    /// As [`GroupReader::read_new`].
    pub async fn read_pending(&mut self, after: StreamId, count: usize) -> StoreResult<Delivery> {
        self.failure.take().map_or(Ok(()), Err)?;
        let mut command = self.command(count);
        command.arg("STREAMS").arg(self.keys.stream()).arg(after.to_string());
        self.connection.send(XREADGROUP, &[&command]).await?;
        self.receive_entries(count).await
    }

    fn command(&self, count: usize) -> Cmd {
        let mut command = cmd(XREADGROUP);
        command.arg("GROUP").arg(self.keys.group()).arg(&self.consumer).arg("COUNT").arg(count);
        command
    }

    async fn receive_new(&mut self, most: usize) -> StoreResult<Delivery> {
        let delivery = self.receive_entries(most).await?;
        self.newest = delivery.ids().max().max(self.newest);
        Ok(delivery)
    }

    async fn receive_entries(&mut self, most: usize) -> StoreResult<Delivery> {
        let header = |cursor: &mut ReplyCursor<'_>| cursor.stream_header();
        let count = self.connection.read_reply(XREADGROUP, header).await?;
        // Space for what was asked for: a malformed reply may announce any number.
        let entries = Vec::with_capacity(count.min(most));
        let mut delivery = Delivery { entries, ..Delivery::default() };
        for _ in 0..count {
            // Decoded inside the closure, while the bytes are in the receive buffer: they are not copied.
            let entry = |cursor: &mut ReplyCursor<'_>| {
                cursor.entry().map(|(id, fields)| delivery.add(id, fields.as_deref()))
            };
            self.connection.read_reply(XREADGROUP, entry).await?;
        }
        Ok(delivery)
    }
}
