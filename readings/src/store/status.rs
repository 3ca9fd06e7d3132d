//! What Redis says of the stream and its consumer groups.

use redis::{Value, cmd};

use super::StreamId;
use super::error::{StoreError, StoreResult};
use super::reply::{self, RawEntry};
use super::stream::ReadingStream;

/// The stream as `XINFO STREAM` describes it.
#[derive(Debug, Default)]
pub struct StreamStatus {
    /// Entries in it, read or not.
    pub length: u64,
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
    /// The last entry that was delivered.
    pub last_delivered_id: StreamId,
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
        let map = reply::map(reply).ok_or_else(|| StoreError::unexpected_reply(XINFO))?;
        let mut status = StreamStatus::default();
        for (name, value) in map {
            match reply::text(name).as_deref() {
                Some("length") => status.length = reply::integer(&value).unwrap_or_default(),
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
        let groups = reply::array(reply).ok_or_else(|| StoreError::unexpected_reply(XINFO))?;
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

fn group(value: Value) -> Option<GroupStatus> {
    let mut status = GroupStatus::default();
    for (name, value) in reply::map(value)? {
        match reply::text(name)?.as_str() {
            "name" => status.name = reply::text(value)?,
            "consumers" => status.consumers = reply::integer(&value)?,
            "pending" => status.pending = reply::integer(&value)?,
            "lag" => status.lag = reply::integer(&value),
            "last-delivered-id" => status.last_delivered_id = reply::stream_id(value)?,
            _ => {}
        }
    }
    Some(status)
}
