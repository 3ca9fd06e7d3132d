//! Writes readings of many sites as one Redis pipeline.

use redis::{Cmd, Pipeline, RedisWrite, Value};

use super::series_store::SeriesStore;
use super::site_index::SiteIndex;
use crate::reading::SiteId;
use crate::store::codec::{self, StreamEntry};
use crate::store::connection::{Generation, reply};
use crate::store::error::StoreResult;
use crate::store::keys;

const ZADD: &str = "ZADD";

/// Memory reserved for a member with its score. Too low and the command is moved while it grows; too high
/// and memory is reserved without use until the write batch is done.
const EXPECTED_MEMBER_BYTES: usize = 256;

/// The command that writes readings of one site (`ZADD`). Writing an entry again changes nothing.
#[derive(Debug, Default)]
pub struct SiteWrite(Cmd);

impl SiteWrite {
    /// Encodes the members of these entries, which must be of this site.
    #[must_use]
    pub fn new<'a>(site: &SiteId, entries: impl IntoIterator<Item = &'a StreamEntry>) -> Self {
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

/// Writes of several sites, after the command that adds new sites to the index. In this order: a site in
/// the index without readings is harmless, readings of a site that is not in the index are not found.
#[derive(Debug, Default)]
pub struct WriteBatch {
    commands: Pipeline,
    has_index_command: bool,
}

/// The results of a [`WriteBatch`].
#[derive(Debug)]
pub struct WriteResult {
    /// Whether the sites were added to the index.
    pub indexed: StoreResult<()>,
    /// For each site write, in their order: the number of readings that were new, or its error.
    pub added: Vec<StoreResult<u64>>,
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
}

impl SeriesStore {
    /// Sends the writes, each of which succeeds or fails for itself, in their order.
    ///
    /// # Errors
    /// When the server did not reply; all can be sent again.
    pub async fn write(&self, write: &WriteBatch) -> StoreResult<WriteResult> {
        let (replies, generation) = self.connection().send_all(ZADD, &write.commands).await?;
        let mut replies = replies.into_iter();
        let indexed = if write.has_index_command { replies.next() } else { None };
        let indexed = indexed.unwrap_or(Ok(Value::Nil)).map(drop);
        let count = |reply: StoreResult<Value>| {
            reply::integer(&reply?).ok_or_else(|| self.connection().unexpected_reply(ZADD))
        };
        Ok(WriteResult { indexed, added: replies.map(count).collect(), generation })
    }
}
