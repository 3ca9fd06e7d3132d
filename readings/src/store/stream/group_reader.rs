//! Reads the stream as one consumer of its group.

use std::time::Duration;

use redis::{Cmd, cmd};

use super::dead_lettering;
use super::delivery::Delivery;
use super::reading_stream::{ReadingStream, milliseconds};
use crate::store::StreamId;
use crate::store::connection::DedicatedConnection;
use crate::store::connection::RedisServer;
use crate::store::connection::resp2::Received;
use crate::store::error::{StoreError, StoreResult};
use crate::store::keys::Keys;

/// Sets how much longer than its `BLOCK` a read may take before its connection is given up. Too low
/// and a busy server costs a reconnect; too high and a vanished one is noticed late.
const READ_MARGIN: Duration = Duration::from_secs(2);

impl ReadingStream {
    /// Opens the connection that new entries are read over.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub async fn reader(
        &self,
        server: &RedisServer,
        consumer: &str,
        block: Duration,
    ) -> StoreResult<GroupReader> {
        let connection = server.dedicated(block + READ_MARGIN).await?;
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
    /// The last of the new entries that were read.
    newest: Option<StreamId>,
    /// What went wrong after entries had arrived: they were given, and the next read fails.
    failure: Option<StoreError>,
}

impl GroupReader {
    /// The server's number for this reader's connection, for [`ReadingStream::unblock`].
    #[must_use]
    pub const fn client_id(&self) -> i64 {
        self.connection.client_id()
    }

    /// Reads up to `count` entries that no consumer has seen; blocks while there are none.
    ///
    /// What was buried meanwhile is asked for in the same breath, so that entries which are new by
    /// their ids, too, come sifted.
    ///
    /// # Errors
    /// After any error entries may be pending that never arrived here: drop the reader, and let its
    /// successor read the consumer's own pending entries first.
    pub async fn read_new(&mut self, count: usize) -> StoreResult<Delivery> {
        self.failure.take().map_or(Ok(()), Err)?;
        let mut command = self.command(count);
        command.arg("BLOCK").arg(milliseconds(self.block));
        command.arg("STREAMS").arg(self.keys.stream()).arg(">");
        let Some(newest) = self.newest else {
            self.connection.send(XREADGROUP, &[&command]).await?;
            return self.receive_new().await;
        };
        let buried_since = dead_lettering::buried_since(&self.keys, newest);
        self.connection.send(XREADGROUP, &[&command, &buried_since]).await?;
        let mut delivery = self.receive_new().await?;
        let ids = |received: &mut Received<'_>| received.ids();
        match self.connection.receive(ZRANGE, ids).await {
            Ok(buried) => {
                let is_all = buried.len() < dead_lettering::MOST_BURIED_SINCE;
                if is_all && delivery.ids().all(|id| id > newest) {
                    delivery.sift(&buried.into_iter().collect());
                }
            }
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
        self.receive_entries().await
    }

    fn command(&self, count: usize) -> Cmd {
        let mut command = cmd(XREADGROUP);
        command.arg("GROUP").arg(self.keys.group()).arg(&self.consumer).arg("COUNT").arg(count);
        command
    }

    async fn receive_new(&mut self) -> StoreResult<Delivery> {
        let delivery = self.receive_entries().await?;
        self.newest = delivery.ids().max().max(self.newest);
        Ok(delivery)
    }

    async fn receive_entries(&mut self) -> StoreResult<Delivery> {
        let header = |received: &mut Received<'_>| received.stream_header();
        let count = self.connection.receive(XREADGROUP, header).await?;
        let mut delivery = Delivery { entries: Vec::with_capacity(count), ..Delivery::default() };
        for _ in 0..count {
            let entry = |received: &mut Received<'_>| {
                received.entry().map(|(id, fields)| delivery.add(id, fields.as_deref()))
            };
            self.connection.receive(XREADGROUP, entry).await?;
        }
        Ok(delivery)
    }
}

const XREADGROUP: &str = "XREADGROUP";
const ZRANGE: &str = "ZRANGE";
