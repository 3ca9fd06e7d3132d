//! The deleted ids: ids of entries whose readings must not be stored again: deleted on demand, or not kept by
//! `DEDUP_POLICY`.
//!
//! An entry whose reading is stored may be written once more: it is delivered again where it was not acknowledged, and a
//! write is repeated where its reply was lost. So a deletion adds the id here **before** it removes the reading, and a
//! writer asks **after** its write (`ZADD`) and removes what is found again. Whichever comes first, the reading is gone:
//!
//! | the writer asks | the deletion | removed by |
//! |---|---|---|
//! | after the id was added | | the writer |
//! | before that, and so it has written before as well | removes the reading after it has added the id | the deletion |
//!
//! With `DEDUP_POLICY` the script that writes asks itself, and adds the ids of readings that it does not keep.
//!
//! A writer that ends between the two has not acknowledged the entry: it is delivered again, found here, and its
//! reading removed before it is acknowledged (`docs/decisions/0048-deleted-readings-stay-deleted.md`).

use std::collections::HashSet;

use redis::{Cmd, Value, cmd, pipe};

use super::connection::{Generation, SharedConnection, reply};
use super::error::StoreResult;
use super::keys::Keys;
use super::stream_id::StreamId;

const ZADD: &str = "ZADD";
const ZMSCORE: &str = "ZMSCORE";
const ZREMRANGEBYSCORE: &str = "ZREMRANGEBYSCORE";

/// The deleted ids of a stream, over a connection that others may share.
#[derive(Debug, Clone)]
pub struct DeletedIds {
    key: String,
    connection: SharedConnection,
}

impl DeletedIds {
    /// The deleted ids of one stream.
    #[must_use]
    pub fn new(keys: &Keys, connection: SharedConnection) -> Self {
        Self { key: keys.deleted_ids(), connection }
    }

    /// Those of these ids that are deleted.
    ///
    /// # Errors
    /// When the server replied with an error or not at all.
    pub async fn among(&self, ids: &[StreamId]) -> StoreResult<HashSet<StreamId>> {
        if ids.is_empty() {
            return Ok(HashSet::new());
        }
        let mut command = cmd(ZMSCORE);
        command.arg(&self.key);
        for id in ids {
            command.arg(id.to_string());
        }
        let scores = reply::array(self.connection.send(ZMSCORE, &command).await?);
        let scores = scores.ok_or_else(|| self.connection.unexpected_reply(ZMSCORE))?;
        let found = ids.iter().zip(scores).filter(|(_, score)| *score != Value::Nil);
        Ok(found.map(|(id, _)| *id).collect())
    }

    /// Adds ids; gives the generation in which the server has confirmed it.
    ///
    /// # Errors
    /// When the server replied with an error or not at all; they can be added again.
    pub(super) async fn insert(&self, ids: &[StreamId]) -> StoreResult<Generation> {
        let mut command = cmd(ZADD);
        command.arg(&self.key);
        for id in ids {
            command.arg(id.ms).arg(id.to_string());
        }
        let mut single = pipe();
        single.add_command(command);
        let (replies, generation) = self.connection.send_all(ZADD, &single).await?;
        replies.into_iter().try_for_each(|reply| reply.map(drop))?;
        Ok(generation)
    }

    /// The command whose reply is empty if none of the ids between these two, both included, is deleted.
    pub(super) fn any_between(&self, first: StreamId, last: StreamId) -> Cmd {
        let mut command = cmd("ZRANGE");
        command.arg(&self.key).arg(first.ms).arg(last.ms).arg("BYSCORE");
        command.arg("LIMIT").arg(0).arg(1);
        command
    }

    /// Whether there are any.
    pub(super) async fn is_empty(&self) -> StoreResult<bool> {
        const ZRANGE: &str = "ZRANGE";
        let mut command = cmd(ZRANGE);
        command.arg(&self.key).arg(0).arg(0);
        let found = reply::array(self.connection.send(ZRANGE, &command).await?);
        found.map(|found| found.is_empty()).ok_or_else(|| self.connection.unexpected_reply(ZRANGE))
    }

    /// Forgets the ids of the milliseconds before that of an id.
    pub(super) async fn forget_before(&self, id: StreamId) -> StoreResult<()> {
        let mut command = cmd(ZREMRANGEBYSCORE);
        command.arg(&self.key).arg("-inf").arg(format!("({}", id.ms));
        self.connection.send(ZREMRANGEBYSCORE, &command).await.map(drop)
    }
}
