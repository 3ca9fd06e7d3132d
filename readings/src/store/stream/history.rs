//! Entries of the stream after an id, page by page (`XRANGE`): a reader of the stream continues where it was.

use redis::cmd;

use super::live_entry::LiveEntry;
use super::paging::entries_within_budget;
use super::reading_stream::ReadingStream;
use crate::store::connection::reply;
use crate::store::error::StoreResult;
use crate::store::stream_id::StreamId;

/// Entries of a page at most. Too low and a long history takes many commands; too high and one of them delays
/// others (1,000 entries take Redis about half a millisecond).
const MAX_PAGE: usize = 1_000;

/// Entries of the first page, while their size is not known.
const FIRST_PAGE: usize = 64;

/// Bytes that a page is expected to have at most. Too high and large entries of other writers fill memory.
const PAGE_BYTES: usize = 1 << 20;

/// Reads the entries after an id.
#[derive(Debug)]
pub struct History {
    stream: ReadingStream,
    position: StreamId,
    page: usize,
}

/// A page that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HistoryPage {
    /// Whether entries after the position may have been removed from the stream before they were read.
    pub has_gap: bool,
    /// Whether all entries up to the given one were read.
    pub is_last: bool,
}

impl ReadingStream {
    /// The entries after `position`.
    #[must_use]
    pub fn history(&self, position: StreamId) -> History {
        History { stream: self.clone(), position, page: FIRST_PAGE }
    }
}

impl History {
    /// Everything up to this id was read.
    #[must_use]
    pub const fn position(&self) -> StreamId {
        self.position
    }

    /// Reads the next page up to `until`, that one included, and calls `visit` with each entry.
    ///
    /// Where the position is above all ids that were ever added, it becomes the highest of them: the server has lost
    /// entries, and new ones may get lower ids.
    ///
    /// # Errors
    /// When the server replied with an error or not at all; the position is as it was.
    pub async fn next_page(
        &mut self,
        until: StreamId,
        mut visit: impl FnMut(LiveEntry<'_>),
    ) -> StoreResult<HistoryPage> {
        let entries = self.entries(until).await?;
        // Only now: what is in the stream after the read was in it before.
        let bounds = self.stream.bounds().await?;
        let has_gap = !bounds.hold_all_after(self.position);
        let mut bytes = 0;
        for reply::RawEntry { id, fields } in &entries {
            let fields = fields.as_deref().unwrap_or_default();
            let fields: Vec<_> =
                fields.iter().map(|(name, value)| (&name[..], &value[..])).collect();
            let entry = LiveEntry::new(*id, &fields);
            bytes += entry.bytes();
            visit(entry);
        }
        let is_last = entries.len() < self.page;
        self.position = match entries.last() {
            Some(last) if !is_last => last.id,
            _ => until.max(self.position).min(until.max(bounds.last)),
        };
        if !entries.is_empty() {
            self.page = entries_within_budget(entries.len(), bytes, PAGE_BYTES).min(MAX_PAGE);
        }
        Ok(HistoryPage { has_gap, is_last })
    }

    async fn entries(&self, until: StreamId) -> StoreResult<Vec<reply::RawEntry>> {
        const XRANGE: &str = "XRANGE";
        if until <= self.position {
            return Ok(Vec::new());
        }
        let mut command = cmd(XRANGE);
        command.arg(self.stream.keys().stream()).arg(format!("({}", self.position));
        command.arg(until.to_string()).arg("COUNT").arg(self.page);
        let connection = self.stream.connection();
        let reply = connection.send(XRANGE, &command).await?;
        reply::entries(reply).ok_or_else(|| connection.unexpected_reply(XRANGE))
    }
}
