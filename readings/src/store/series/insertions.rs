//! Storing readings of many sites with one exchange.

use redis::{Cmd, Pipeline, RedisWrite, Value};

use super::reader::SeriesStore;
use super::site_index::SiteIndex;
use crate::reading::SiteId;
use crate::store::codec::{self, StreamEntry};
use crate::store::connection::Epoch;
use crate::store::connection::reply;
use crate::store::error::StoreResult;
use crate::store::keys;

const ZADD: &str = "ZADD";

/// Memory for a member with its score. Too low and the command is moved while it grows; too high and
/// memory lies idle for the time of a round.
const USUAL_BYTES: usize = 256;

/// The command that stores readings of one site (`ZADD`). Storing an entry again changes nothing.
#[derive(Debug, Default)]
pub struct Insertion(Cmd);

impl Insertion {
    /// Makes the members of these entries, which must be of this site.
    #[must_use]
    pub fn new<'a>(site: &SiteId, entries: impl IntoIterator<Item = &'a StreamEntry>) -> Self {
        let entries = entries.into_iter();
        let (count, _) = entries.size_hint();
        let mut command = Cmd::with_capacity(2 + 2 * count, USUAL_BYTES * (1 + count));
        command.arg(ZADD).arg(keys::series(site));
        for entry in entries {
            command.arg(codec::score(entry));
            codec::write_member(entry, command.writer_for_next_arg());
        }
        Self(command)
    }
}

/// Commands that store readings of several sites, and list the sites before.
#[derive(Debug, Default)]
pub struct Insertions {
    commands: Pipeline,
    list: bool,
}

/// What became of each of some insertions.
#[derive(Debug)]
pub struct Inserted {
    /// Whether the sites could be listed.
    pub listed: StoreResult<()>,
    /// For each how many readings were not there before, or why it was refused.
    pub new: Vec<StoreResult<u64>>,
    /// When the server said so.
    pub epoch: Epoch,
}

impl Insertions {
    /// None yet; first of all these sites will be added to the index, which may have them.
    #[must_use]
    pub fn listing<'a>(index: &SiteIndex, sites: impl IntoIterator<Item = &'a SiteId>) -> Self {
        let mut insertions = Self::default();
        if let Some(listing) = index.listing(sites) {
            insertions.commands.add_command(listing);
            insertions.list = true;
        }
        insertions
    }

    /// Adds one.
    pub fn push(&mut self, Insertion(command): Insertion) {
        self.commands.add_command(command);
    }
}

impl SeriesStore {
    /// Carries out insertions, each for itself, in their order.
    ///
    /// # Errors
    /// When the server did not answer; all can be carried out again.
    pub async fn insert(&self, insertions: &Insertions) -> StoreResult<Inserted> {
        let (answers, epoch) = self.connection().send_all(ZADD, &insertions.commands).await?;
        let mut answers = answers.into_iter();
        let listing = if insertions.list { answers.next() } else { None };
        let listed = listing.unwrap_or(Ok(Value::Nil)).map(drop);
        let number = |answer: StoreResult<Value>| {
            reply::integer(&answer?).ok_or_else(|| self.connection().unexpected_reply(ZADD))
        };
        Ok(Inserted { listed, new: answers.map(number).collect(), epoch })
    }
}
