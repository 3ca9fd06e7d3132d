//! The consumer groups of the stream, their consumers and pending entries.

use std::time::Duration;

use redis::cmd;

use super::info::{self, ConsumerInfo, GroupInfo};
use super::reading_stream::ReadingStream;
use crate::store::connection::reply;
use crate::store::error::StoreResult;
use crate::store::stream_id::StreamId;

impl ReadingStream {
    /// Entries in the stream, read or not (`XLEN`); 0 without a stream.
    ///
    /// # Errors
    /// When the server replied with an error or not at all.
    pub async fn length(&self) -> StoreResult<u64> {
        const XLEN: &str = "XLEN";
        let reply = self.connection().send(XLEN, cmd(XLEN).arg(self.keys().stream())).await?;
        reply::integer(&reply).ok_or_else(|| self.connection().unexpected_reply(XLEN))
    }

    /// The consumer groups of the stream; empty without a stream.
    ///
    /// # Errors
    /// When the server replied with an error or not at all.
    pub async fn groups(&self) -> StoreResult<Vec<GroupInfo>> {
        const XINFO: &str = "XINFO GROUPS";
        let mut command = cmd("XINFO");
        command.arg("GROUPS").arg(self.keys().stream());
        let reply = match self.connection().send(XINFO, &command).await {
            Err(error) if error.is_missing_key() => return Ok(Vec::new()),
            reply => reply?,
        };
        let groups =
            reply::array(reply).ok_or_else(|| self.connection().unexpected_reply(XINFO))?;
        Ok(groups.into_iter().filter_map(info::group).collect())
    }

    /// This stream's own consumer group, if it exists.
    ///
    /// # Errors
    /// When the server replied with an error or not at all.
    pub async fn group(&self) -> StoreResult<Option<GroupInfo>> {
        let name = self.keys().group();
        Ok(self.groups().await?.into_iter().find(|group| group.name == name))
    }

    /// The consumers of a group; empty when the group does not exist.
    ///
    /// # Errors
    /// When the server replied with an error or not at all.
    pub async fn consumers(&self, group: &str) -> StoreResult<Vec<ConsumerInfo>> {
        const XINFO: &str = "XINFO CONSUMERS";
        let mut command = cmd("XINFO");
        command.arg("CONSUMERS").arg(self.keys().stream()).arg(group);
        let reply = match self.connection().send(XINFO, &command).await {
            Err(error) if error.is_missing_group() || error.is_missing_key() => {
                return Ok(Vec::new());
            }
            reply => reply?,
        };
        let consumers =
            reply::array(reply).ok_or_else(|| self.connection().unexpected_reply(XINFO))?;
        Ok(consumers.into_iter().filter_map(info::consumer).collect())
    }

    /// The smallest id that is pending in a group; `None` when no entry is.
    ///
    /// # Errors
    /// When the server replied with an error or not at all, or the group does not exist.
    pub async fn oldest_pending_id(&self, group: &str) -> StoreResult<Option<StreamId>> {
        const XPENDING: &str = "XPENDING";
        let mut command = cmd(XPENDING);
        command.arg(self.keys().stream()).arg(group);
        let reply = self.connection().send(XPENDING, &command).await?;
        let parts =
            reply::array(reply).ok_or_else(|| self.connection().unexpected_reply(XPENDING))?;
        // Nil when no entry is pending.
        Ok(parts.into_iter().nth(1).and_then(reply::stream_id))
    }

    /// Time since the oldest pending entry of a group was added, by the server's clock; `None` when no
    /// entry is pending.
    ///
    /// # Errors
    /// When the server replied with an error or not at all, or the group does not exist.
    pub async fn oldest_pending_age(&self, group: &str) -> StoreResult<Option<Duration>> {
        let Some(id) = self.oldest_pending_id(group).await? else { return Ok(None) };
        let added = Duration::from_millis(id.ms);
        Ok(Some(self.server_time().await?.saturating_sub(added)))
    }
}
