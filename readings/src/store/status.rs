//! What Redis says of the stream and its consumer groups.

use std::time::Duration;

use redis::{Value, cmd};

use super::StreamId;
use super::error::StoreResult;
use super::reply::{self, RawEntry};
use super::stream::ReadingStream;

/// The stream as `XINFO STREAM` describes it.
#[derive(Debug, Default)]
pub struct StreamStatus {
    /// Entries in it, read or not.
    pub length: u64,
    /// Entries that were ever added to it; `None` before Redis 7.
    pub entries_added: Option<u64>,
    /// The oldest entry.
    pub first_entry: Option<DisplayedEntry>,
    /// The newest entry.
    pub last_entry: Option<DisplayedEntry>,
}

/// A stream entry for people to look at.
#[derive(Debug)]
pub struct DisplayedEntry {
    /// The entry's id.
    pub id: StreamId,
    /// Its fields; bytes that are no UTF-8 are replaced.
    pub fields: Vec<(String, String)>,
}

/// A consumer group as `XINFO GROUPS` describes it.
#[derive(Debug, Default, Clone)]
pub struct GroupStatus {
    /// Its name.
    pub name: String,
    /// Consumers it knows, alive or not.
    pub consumers: u64,
    /// Entries delivered and not acknowledged.
    pub pending: u64,
    /// Entries not delivered yet; `None` when Redis cannot tell (after deletions in its midst).
    pub lag: Option<u64>,
    /// Entries that were ever delivered; `None` when Redis cannot tell.
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
    /// Describes the stream; `None` when there is none.
    ///
    /// # Errors
    /// When the server did not answer or refused.
    pub async fn status(&self) -> StoreResult<Option<StreamStatus>> {
        const XINFO: &str = "XINFO STREAM";
        let Some(reply) = self.info(XINFO, "STREAM").await? else {
            return Ok(None);
        };
        let map = reply::map(reply).ok_or_else(|| self.connection().unexpected_reply(XINFO))?;
        let mut status = StreamStatus::default();
        for (name, value) in map {
            match reply::text(name).as_deref() {
                Some("length") => status.length = reply::integer(&value).unwrap_or_default(),
                Some("entries-added") => status.entries_added = reply::integer(&value),
                Some("first-entry") => status.first_entry = reply::entry(value).map(displayed),
                Some("last-entry") => status.last_entry = reply::entry(value).map(displayed),
                _ => {}
            }
        }
        Ok(Some(status))
    }

    /// The bytes that an entry may have: those of the larger one of the first and the last.
    ///
    /// # Errors
    /// When the server did not answer or refused.
    pub async fn likely_entry_bytes(&self) -> StoreResult<usize> {
        let status = self.status().await?.unwrap_or_default();
        let bytes = |entry: &DisplayedEntry| {
            entry.fields.iter().map(|(name, value)| name.len() + value.len()).sum()
        };
        Ok(status.first_entry.iter().chain(&status.last_entry).map(bytes).max().unwrap_or_default())
    }

    /// Describes the consumer groups of the stream; none when there is no stream.
    ///
    /// # Errors
    /// When the server did not answer or refused.
    pub async fn groups(&self) -> StoreResult<Vec<GroupStatus>> {
        const XINFO: &str = "XINFO GROUPS";
        let Some(reply) = self.info(XINFO, "GROUPS").await? else {
            return Ok(Vec::new());
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

    async fn info(&self, operation: &'static str, part: &str) -> StoreResult<Option<Value>> {
        let mut command = cmd("XINFO");
        command.arg(part).arg(self.keys().stream());
        match self.connection().send(operation, &command).await {
            Ok(reply) => Ok(Some(reply)),
            Err(error) if error.is_missing_key() => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn displayed(entry: RawEntry) -> DisplayedEntry {
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    let fields = entry.fields.unwrap_or_default();
    let fields = fields.into_iter().map(|(name, value)| (text(name), text(value))).collect();
    DisplayedEntry { id: entry.id, fields }
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

fn group(value: Value) -> Option<GroupStatus> {
    let mut status = GroupStatus::default();
    for (name, value) in reply::map(value)? {
        match reply::text(name)?.as_str() {
            "name" => status.name = reply::text(value)?,
            "consumers" => status.consumers = reply::integer(&value)?,
            "pending" => status.pending = reply::integer(&value)?,
            "lag" => status.lag = reply::integer(&value),
            "entries-read" => status.entries_read = reply::integer(&value),
            "last-delivered-id" => status.last_delivered_id = reply::stream_id(value)?,
            _ => {}
        }
    }
    Some(status)
}
