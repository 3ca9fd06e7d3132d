//! Writes readings of many sites as one Redis pipeline.

use redis::{Cmd, Pipeline, RedisWrite, Value};

use super::deduplication::{self, Deduplication, SiteOutcome};
use super::series_store::SeriesStore;
use super::site_index::SiteIndex;
use crate::reading::SiteId;
use crate::store::codec::{self, StreamEntry};
use crate::store::connection::{Generation, reply};
use crate::store::deleted_ids::DeletedIds;
use crate::store::error::StoreResult;
use crate::store::keys;
use crate::store::stream_id::StreamId;

const ZADD: &str = "ZADD";
const ZRANGE: &str = "ZRANGE";

/// Memory reserved for a member with its score. Too low and the command is moved while it grows; too high
/// and memory is reserved without use until the write batch is done.
const EXPECTED_MEMBER_BYTES: usize = 256;

/// The command that writes readings of one site (`ZADD`, or a script). Writing an entry again changes nothing.
#[derive(Debug, Default)]
pub struct SiteWrite(Cmd);

impl SiteWrite {
    /// Encodes the members of these entries, which must be of this site. With a deduplication one reading of a
    /// device and an instant is left, and no reading that was deleted on demand is stored again.
    #[must_use]
    pub fn new<'a>(
        site: &SiteId,
        entries: impl IntoIterator<Item = &'a StreamEntry>,
        deduplication: Option<&Deduplication>,
    ) -> Self {
        if let Some(deduplication) = deduplication {
            return Self(deduplication::command(site, deduplication, entries));
        }
        let entries = entries.into_iter();
        let (count, _) = entries.size_hint();
        let mut command = Cmd::with_capacity(2 + 2 * count, EXPECTED_MEMBER_BYTES * (1 + count));
        command.arg(ZADD).arg(keys::series(site));
        for entry in entries {
            command.arg(codec::score(entry));
            codec::write_member(entry, command.writer_for_next_arg());
        }
        Self(command)
    }
}

/// Writes of several sites, after the command that adds new sites to the index, and before those that ask for deleted
/// entries. In this order: a site in the index without readings is harmless, readings of a site that is not in the
/// index are not found; and what is deleted after the answer is deleted after the writes.
#[derive(Debug, Default)]
pub struct WriteBatch {
    commands: Pipeline,
    has_index_command: bool,
    /// How many commands ask for deleted entries.
    asks_for_deleted: usize,
}

/// The results of a [`WriteBatch`].
#[derive(Debug)]
pub struct WriteResult {
    /// Whether the sites were added to the index.
    pub indexed: StoreResult<()>,
    /// For each site write, in their order: what it has done, or its error.
    pub outcomes: Vec<StoreResult<SiteOutcome>>,
    /// Whether some of the written readings may have been deleted on demand.
    pub may_be_deleted: StoreResult<bool>,
    /// The generation of the replies.
    pub generation: Generation,
}

impl WriteBatch {
    /// A batch that begins by adding these sites to the index; they may be in it already.
    #[must_use]
    pub fn indexing<'a>(index: &SiteIndex, sites: impl IntoIterator<Item = &'a SiteId>) -> Self {
        let mut write = Self::default();
        if let Some(command) = index.index_command(sites) {
            write.commands.add_command(command);
            write.has_index_command = true;
        }
        write
    }

    /// Adds the write of a site.
    pub fn push(&mut self, SiteWrite(command): SiteWrite) {
        self.commands.add_command(command);
    }

    /// The commands that ask for deleted entries.
    fn questions(&self) -> Pipeline {
        let mut questions = Pipeline::new();
        let writes = self.commands.len() - self.asks_for_deleted;
        for command in self.commands.cmd_iter().skip(writes) {
            questions.add_command(command.clone());
        }
        questions
    }

    /// Asks, after all writes, whether entries of a partition with ids between these two, both included, are deleted. To be
    /// called last, once for each partition.
    pub fn ask_for_deleted(&mut self, deleted_ids: &DeletedIds, first: StreamId, last: StreamId) {
        self.commands.add_command(deleted_ids.any_between(first, last));
        self.asks_for_deleted += 1;
    }
}

impl SeriesStore {
    /// Sends the writes, each of which succeeds or fails for itself, in their order.
    ///
    /// # Errors
    /// When the server did not reply; all can be sent again.
    pub async fn write(&self, write: &WriteBatch) -> StoreResult<WriteResult> {
        let (mut replies, mut generation) =
            self.connection().send_all(ZADD, &write.commands).await?;
        if replies.iter().any(is_unknown_script) {
            for master in self.connection().masters().await? {
                master.send("SCRIPT LOAD", &deduplication::load()).await?;
            }
            (replies, generation) = self.connection().send_all(ZADD, &write.commands).await?;
        }
        let mut replies = replies.into_iter();
        // Each is taken, also of a Cluster: what is left are the outcomes.
        let asked = replies.by_ref().rev().take(write.asks_for_deleted);
        let asked = self.any_found(asked);
        let is_early = write.asks_for_deleted > 0 && self.connection().is_cluster();
        let may_be_deleted = if is_early { self.ask_again(write).await } else { asked };
        let indexed = if write.has_index_command { replies.next() } else { None };
        let indexed = indexed.unwrap_or(Ok(Value::Nil)).map(drop);
        let outcome = |reply: StoreResult<Value>| {
            SiteOutcome::of(reply?).ok_or_else(|| self.connection().unexpected_reply(ZADD))
        };
        let outcomes = replies.map(outcome).collect();
        Ok(WriteResult { indexed, outcomes, may_be_deleted, generation })
    }

    /// Asks for deleted entries again: in a Redis Cluster the first answer may be from before some of the writes.
    async fn ask_again(&self, write: &WriteBatch) -> StoreResult<bool> {
        let (replies, _) = self.connection().send_all(ZRANGE, &write.questions()).await?;
        self.any_found(replies.into_iter())
    }

    /// Whether any of the replies has ids.
    fn any_found(&self, replies: impl Iterator<Item = StoreResult<Value>>) -> StoreResult<bool> {
        let found = replies.map(|reply| {
            let found = reply::array(reply?).map(|found| !found.is_empty());
            found.ok_or_else(|| self.connection().unexpected_reply(ZRANGE))
        });
        found.reduce(|one, other| Ok(one? | other?)).unwrap_or(Ok(false))
    }
}

/// A server that has been restarted does not know the script.
fn is_unknown_script(reply: &StoreResult<Value>) -> bool {
    reply.as_ref().is_err_and(|error| error.code() == Some("NOSCRIPT"))
}
