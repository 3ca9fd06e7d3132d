//! What Redis says of the consumer groups of the stream.

use std::time::Duration;

use redis::{Value, cmd};

use super::reading_stream::ReadingStream;
use crate::store::StreamId;
use crate::store::connection::reply;
use crate::store::error::StoreResult;

/// A consumer group as `XINFO GROUPS` describes it.
#[derive(Debug, Default, Clone)]
pub struct GroupStatus {
    /// Its name.
    pub name: String,
    /// Consumers it knows, alive or not.
    pub consumers: u64,
    /// Entries delivered and not acknowledged.
    pub pending: u64,
    /// Entries not delivered yet, as Redis counts them: it may be wrong, or unknown to Redis. See
    /// [`ReadingStream::backlog`] for how many there are.
    pub reported_lag: Option<i64>,
    /// Entries that were ever delivered, as Redis counts them: it may be wrong, or unknown to Redis.
    pub entries_read: Option<u64>,
    /// The last entry that was delivered.
    pub last_delivered_id: StreamId,
}

/// A consumer as `XINFO CONSUMERS` describes it.
#[derive(Debug, Default, Clone)]
pub struct ConsumerStatus {
    /// Its name.
    pub name: String,
    /// Entries delivered to it and not acknowledged.
    pub pending: u64,
    /// Since it last was delivered something or gave a sign of life.
    pub idle: Duration,
}

impl ReadingStream {
    /// The entries in the stream, read or not (`XLEN`); 0 when there is none.
    ///
    /// # Errors
    /// When the server did not answer or refused.
    pub async fn length(&self) -> StoreResult<u64> {
        const XLEN: &str = "XLEN";
        let reply = self.connection().send(XLEN, cmd(XLEN).arg(self.keys().stream())).await?;
        reply::integer(&reply).ok_or_else(|| self.connection().unexpected_reply(XLEN))
    }

    /// Describes the consumer groups of the stream; none when there is no stream.
    ///
    /// # Errors
    /// When the server did not answer or refused.
    pub async fn groups(&self) -> StoreResult<Vec<GroupStatus>> {
        const XINFO: &str = "XINFO GROUPS";
        let mut command = cmd("XINFO");
        command.arg("GROUPS").arg(self.keys().stream());
        let reply = match self.connection().send(XINFO, &command).await {
            Err(error) if error.is_missing_key() => return Ok(Vec::new()),
            reply => reply?,
        };
        let groups =
            reply::array(reply).ok_or_else(|| self.connection().unexpected_reply(XINFO))?;
        Ok(groups.into_iter().filter_map(group).collect())
    }

    /// Describes this stream's own consumer group, if it exists.
    ///
    /// # Errors
    /// When the server did not answer or refused.
    pub async fn group(&self) -> StoreResult<Option<GroupStatus>> {
        let name = self.keys().group();
        Ok(self.groups().await?.into_iter().find(|group| group.name == name))
    }

    /// Describes the consumers of a group; none when there is no such group.
    ///
    /// # Errors
    /// When the server did not answer or refused.
    pub async fn consumers(&self, group: &str) -> StoreResult<Vec<ConsumerStatus>> {
        const XINFO: &str = "XINFO CONSUMERS";
        let mut command = cmd("XINFO");
        command.arg("CONSUMERS").arg(self.keys().stream()).arg(group);
        let reply = match self.connection().send(XINFO, &command).await {
            Err(error) if error.wants_group() || error.is_missing_key() => return Ok(Vec::new()),
            reply => reply?,
        };
        let consumers =
            reply::array(reply).ok_or_else(|| self.connection().unexpected_reply(XINFO))?;
        Ok(consumers.into_iter().filter_map(consumer).collect())
    }

    /// The first entry that is pending in a group; `None` when nothing is.
    ///
    /// # Errors
    /// When the server did not answer or refused, or has no such group.
    pub async fn first_pending(&self, group: &str) -> StoreResult<Option<StreamId>> {
        const XPENDING: &str = "XPENDING";
        let mut command = cmd(XPENDING);
        command.arg(self.keys().stream()).arg(group);
        let reply = self.connection().send(XPENDING, &command).await?;
        let parts =
            reply::array(reply).ok_or_else(|| self.connection().unexpected_reply(XPENDING))?;
        // Nil when nothing is pending.
        Ok(parts.into_iter().nth(1).and_then(reply::stream_id))
    }

    /// How long ago the first pending entry of a group was added, by the server's clock; `None` when
    /// nothing is pending.
    ///
    /// # Errors
    /// When the server did not answer or refused, or has no such group.
    pub async fn oldest_pending(&self, group: &str) -> StoreResult<Option<Duration>> {
        let Some(id) = self.first_pending(group).await? else { return Ok(None) };
        let added = Duration::from_millis(id.ms);
        Ok(Some(self.connection().server_time().await?.saturating_sub(added)))
    }
}

fn consumer(value: Value) -> Option<ConsumerStatus> {
    let mut status = ConsumerStatus::default();
    for (name, value) in reply::map(value)? {
        match reply::text(name)?.as_str() {
            "name" => status.name = reply::text(value)?,
            "pending" => status.pending = reply::integer(&value)?,
            "idle" => status.idle = Duration::from_millis(reply::integer(&value)?),
            _ => {}
        }
    }
    Some(status)
}

pub(super) fn group(value: Value) -> Option<GroupStatus> {
    let mut status = GroupStatus::default();
    for (name, value) in reply::map(value)? {
        match reply::text(name)?.as_str() {
            "name" => status.name = reply::text(value)?,
            "consumers" => status.consumers = reply::integer(&value)?,
            "pending" => status.pending = reply::integer(&value)?,
            "lag" => status.reported_lag = signed(&value),
            "entries-read" => status.entries_read = reply::integer(&value),
            "last-delivered-id" => status.last_delivered_id = reply::stream_id(value)?,
            _ => {}
        }
    }
    Some(status)
}

/// Redis reports a lag below 0 where it was told of more entries read than there were.
const fn signed(value: &Value) -> Option<i64> {
    match value {
        Value::Int(number) => Some(*number),
        _ => None,
    }
}
