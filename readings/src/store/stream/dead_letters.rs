//! Dead letters: entries that cannot be processed, kept with the reason until an operator retries or
//! deletes them. Rows that receivers rejected are among them ([`super::rejected_rows`]).

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use redis::{Script, Value, cmd, pipe};

use super::paging;
use super::reading_stream::ReadingStream;
use super::script_library::with_library;
use crate::store::codec::{self, StreamEntry, Undecodable};
use crate::store::connection::reply::{self, RawEntry};
use crate::store::error::StoreResult;
use crate::store::stream_id::StreamId;

/// Prefix of the names of the entry's own fields, which are stored beside the reason.
pub(super) const FIELD_PREFIX: &str = "field:";

/// Fields of an entry that a script can append at most: Lua's `unpack` is limited to 8,000 values. Too low
/// and more entries are dead-lettered in a transaction; too high and the script fails.
pub(super) const MAX_SCRIPTED_FIELDS: usize = 3_000;

/// Dead letters that are searched at a time. Too low and a search takes many round trips; too high and
/// Redis serves no other client meanwhile.
const PAGE: usize = 1_000;

/// Bytes of the dead letters of one page, roughly; a single one may have more. Too low and a page has few;
/// too high and a thousand dead letters of megabytes each fill this process' memory.
pub(super) const PAGE_BYTES: usize = 8 * 1024 * 1024;

/// Dead letters that are read before their size is known. Too low and a page takes more round trips; too high
/// and large ones fill this process' memory.
const FIRST_READ: usize = 4;

/// Bytes of a dead letter that are read; a longer value is cut and ends with its length, later fields are
/// left out. Too low and the error in an entry cannot be seen; too high and dead letters of 100 MB, from
/// entries of other writers, fill this process' memory.
const SHOWN_BYTES: usize = 64 * 1024;

/// Reads dead letters, cut within Redis.
static READ: LazyLock<Script> = LazyLock::new(|| {
    with_library(
        "local dead_letters = redis.call('XRANGE', KEYS[1], ARGV[1], '+', 'COUNT', ARGV[2])
         for _, dead_letter in ipairs(dead_letters) do
             local budget = tonumber(ARGV[3])
             for i, text in ipairs(dead_letter[2]) do
                 dead_letter[2][i] = shorten(text, math.max(budget, 0))
                 budget = budget - #text
             end
         end
         return dead_letters",
    )
});

/// Appends a dead letter's fields to the stream as a new entry and deletes the dead letter, in one atomic
/// step: of two concurrent retries one finds nothing. Replies with the number of its fields and values when these are too many,
/// or none: a row that a receiver rejected.
static RETRY: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local found = redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1])
         if #found == 0 then return false end
         local dead_letter, entry = found[1][2], {}
         for i = 1, #dead_letter, 2 do
             if string.sub(dead_letter[i], 1, #ARGV[2]) == ARGV[2] then
                 entry[#entry + 1] = string.sub(dead_letter[i], #ARGV[2] + 1)
                 entry[#entry + 1] = dead_letter[i + 1]
             end
         end
         if #entry == 0 or #entry > 2 * ARGV[3] then return #entry end
         local id = redis.call('XADD', KEYS[2], '*', unpack(entry))
         redis.call('XDEL', KEYS[1], ARGV[1])
         return id",
    )
});

/// An entry to be dead-lettered, and the reason.
#[derive(Debug, Clone)]
pub struct DeadLetter {
    /// The entry's id in the stream of readings.
    pub id: StreamId,
    /// All its fields, in their order.
    pub fields: Vec<(Vec<u8>, Vec<u8>)>,
    /// The rule that it breaks.
    pub reason: String,
    /// How often its processing has failed here.
    pub failures: u32,
}

impl From<Undecodable> for DeadLetter {
    fn from(Undecodable { id, fields, reason }: Undecodable) -> Self {
        Self { id, fields, reason: reason.to_string(), failures: 1 }
    }
}

impl DeadLetter {
    /// An entry that is a valid reading, but can never be stored.
    #[must_use]
    pub fn from_entry(entry: &StreamEntry, reason: String, failures: u32) -> Self {
        let bytes = |text: &str| text.as_bytes().to_vec();
        let fields = codec::stream_fields(&entry.reading, &entry.ingested_at);
        let fields = fields.iter().map(|(name, value)| (bytes(name), bytes(value))).collect();
        Self { id: entry.id, fields, reason, failures }
    }
}

/// A dead letter as it is stored.
#[derive(Debug, Clone)]
pub struct StoredDeadLetter {
    /// The dead letter's own id; its milliseconds are the time when it was dead-lettered.
    pub id: StreamId,
    /// The id that the entry had in the stream of readings.
    pub original_id: String,
    /// The rule that it breaks.
    pub reason: String,
    /// How often its processing has failed at that consumer. (The field in Redis is `deliveries`.)
    pub failures: u32,
    /// The consumer that dead-lettered it.
    pub consumer: String,
    /// The receiver that rejected it, of a row that never was an entry: it has no original id, and cannot be retried.
    pub receiver: Option<String>,
    /// The entry's fields, 64 KiB of them; a longer value ends with its length. Of a row, `row` alone: its text.
    pub fields: Vec<(Vec<u8>, Vec<u8>)>,
}

impl StoredDeadLetter {
    fn from_raw(RawEntry { id, fields }: RawEntry) -> Self {
        let mut dead_letter = Self {
            id,
            original_id: String::new(),
            reason: String::new(),
            failures: 1,
            consumer: String::new(),
            receiver: None,
            fields: Vec::new(),
        };
        for (name, value) in fields.unwrap_or_default() {
            dead_letter.set_field(&name, value);
        }
        dead_letter
    }

    fn set_field(&mut self, name: &[u8], value: Vec<u8>) {
        let text = || String::from_utf8_lossy(&value).into_owned();
        match name {
            b"original_id" => self.original_id = text(),
            b"reason" => self.reason = text(),
            b"deliveries" => self.failures = text().parse().unwrap_or(1),
            b"consumer" => self.consumer = text(),
            b"receiver" => self.receiver = Some(text()),
            b"row" => self.fields.push((name.to_vec(), value)),
            name => {
                if let Some(name) = name.strip_prefix(FIELD_PREFIX.as_bytes()) {
                    self.fields.push((name.to_vec(), value));
                }
            }
        }
    }

    /// Bytes of the names and values of the entry's fields, as they were read.
    pub(super) fn field_bytes(&self) -> usize {
        self.fields.iter().map(|(name, value)| name.len() + value.len()).sum()
    }

    /// The entry as a reading; `None` when it is not a valid one.
    #[must_use]
    pub fn entry(&self) -> Option<StreamEntry> {
        codec::decode(self.original_id.parse().ok()?, &self.fields).ok()
    }
}

/// What became of a dead letter that was to be retried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retried {
    /// It is this entry of the stream.
    Entry(StreamId),
    /// It does not exist.
    NotFound,
    /// It is a row that a receiver rejected, and stays as it is: its sender is to be corrected.
    NotAnEntry,
}

/// Dead letters, oldest first.
#[derive(Debug, Default)]
pub struct DeadLetterPage {
    /// At most as many as requested, and fewer when they are large.
    pub dead_letters: Vec<StoredDeadLetter>,
    /// Whether there may be more after them.
    pub has_more: bool,
}

impl ReadingStream {
    /// The dead letters of those of these entries that were dead-lettered, by the ids of the entries;
    /// without those that were deleted since.
    ///
    /// # Errors
    /// When the server replied with an error or not at all.
    pub async fn dead_letters_of(
        &self,
        ids: &HashSet<StreamId>,
    ) -> StoreResult<HashMap<StreamId, StoredDeadLetter>> {
        let ids = self.dead_lettered_ids(ids.iter().copied()).await?;
        // A dead letter is younger than its entry, so its id is larger.
        let Some(oldest) = ids.iter().min() else { return Ok(HashMap::new()) };
        let mut start = oldest.ms.to_string();
        let mut found = HashMap::new();
        loop {
            let DeadLetterPage { dead_letters, .. } =
                self.read_page(start, PAGE, PAGE_BYTES).await?;
            let Some(last) = dead_letters.last() else { return Ok(found) };
            start = format!("({}", last.id);
            for dead_letter in dead_letters {
                if let Ok(entry_id) = dead_letter.original_id.parse()
                    && ids.contains(&entry_id)
                {
                    found.insert(entry_id, dead_letter);
                }
            }
        }
    }

    /// A page of up to `count` dead letters after `after`.
    ///
    /// # Errors
    /// When the server replied with an error or not at all.
    pub async fn dead_letters(
        &self,
        after: Option<StreamId>,
        count: usize,
    ) -> StoreResult<DeadLetterPage> {
        self.dead_letters_within(after, count, PAGE_BYTES).await
    }

    /// As [`ReadingStream::dead_letters`], of roughly `bytes` at most.
    pub(super) async fn dead_letters_within(
        &self,
        after: Option<StreamId>,
        count: usize,
        bytes: usize,
    ) -> StoreResult<DeadLetterPage> {
        // Nothing is after the largest id, and Redis rejects such an interval.
        if after == Some(StreamId::MAX) {
            return Ok(DeadLetterPage::default());
        }
        let start = after.map_or_else(|| "-".to_owned(), |id| format!("({id}"));
        self.read_page(start, count, bytes).await
    }

    /// Reads a page in several steps, so that it may be cut where it has reached `budget` bytes.
    async fn read_page(
        &self,
        mut start: String,
        count: usize,
        budget: usize,
    ) -> StoreResult<DeadLetterPage> {
        let mut page = DeadLetterPage::default();
        let mut bytes = 0;
        let mut next = FIRST_READ;
        loop {
            next = next.min(count - page.dead_letters.len());
            let read = self.read_raw(&start, next).await?;
            // Fewer than requested: the stream has ended.
            page.has_more = read.len() == next;
            bytes += read.iter().map(RawEntry::field_bytes).sum::<usize>();
            page.dead_letters.extend(read.into_iter().map(StoredDeadLetter::from_raw));
            let Some(last) = page.dead_letters.last() else { return Ok(page) };
            let read = page.dead_letters.len();
            if !page.has_more || read == count || bytes >= budget {
                return Ok(page);
            }
            start = format!("({}", last.id);
            // As many as fit into the rest of the budget, if they are as large as those before.
            next = paging::entries_within_budget(read, bytes, budget - bytes);
        }
    }

    async fn read_raw(&self, start: &str, count: usize) -> StoreResult<Vec<RawEntry>> {
        const XRANGE: &str = "XRANGE";
        let mut script = READ.key(self.keys().dead_letters());
        script.arg(start).arg(count).arg(SHOWN_BYTES);
        let reply = self.connection().eval(XRANGE, &script).await?;
        reply::entries(reply).ok_or_else(|| self.connection().unexpected_reply(XRANGE))
    }

    /// The number of dead letters.
    ///
    /// # Errors
    /// When the server replied with an error or not at all.
    pub async fn count_dead_letters(&self) -> StoreResult<u64> {
        const XLEN: &str = "XLEN";
        let reply = self.connection().send(XLEN, cmd(XLEN).arg(self.keys().dead_letters())).await?;
        reply::integer(&reply).ok_or_else(|| self.connection().unexpected_reply(XLEN))
    }

    /// Requeues a dead letter: appends it to the stream as a new entry.
    ///
    /// # Errors
    /// When the server replied with an error or not at all; without a reply it may have been requeued.
    pub async fn retry_dead_letter(&self, id: StreamId) -> StoreResult<Retried> {
        const OPERATION: &str = "XADD XDEL";
        let mut script = RETRY.key(self.keys().dead_letters());
        script
            .key(self.keys().stream())
            .arg(id.to_string())
            .arg(FIELD_PREFIX)
            .arg(MAX_SCRIPTED_FIELDS);
        match self.connection().eval(OPERATION, &script).await? {
            Value::Nil | Value::Boolean(false) => Ok(Retried::NotFound),
            Value::Int(0) => Ok(Retried::NotAnEntry),
            Value::Int(_) => self.retry_unscripted(id).await,
            id => match reply::stream_id(id) {
                Some(id) => Ok(Retried::Entry(id)),
                None => Err(self.connection().unexpected_reply(OPERATION)),
            },
        }
    }

    /// As [`ReadingStream::retry_dead_letter`] for a dead letter with more fields than a script can
    /// append. Two concurrent retries append two entries.
    async fn retry_unscripted(&self, id: StreamId) -> StoreResult<Retried> {
        const OPERATION: &str = "MULTI XADD XDEL";
        let found = self.read_raw(&id.to_string(), 1).await?.into_iter().find(|l| l.id == id);
        let Some(dead_letter) = found.map(StoredDeadLetter::from_raw) else {
            return Ok(Retried::NotFound);
        };
        let mut both = pipe();
        both.atomic().cmd("XADD").arg(self.keys().stream()).arg("*").arg(dead_letter.fields);
        both.cmd("XDEL").arg(self.keys().dead_letters()).arg(id.to_string());
        let replies = reply::array(self.connection().exec_atomic(OPERATION, &both).await?);
        let added = replies.and_then(|replies| reply::stream_id(replies.into_iter().next()?));
        added.map(Retried::Entry).ok_or_else(|| self.connection().unexpected_reply(OPERATION))
    }

    /// Deletes a dead letter; returns whether it existed.
    ///
    /// # Errors
    /// When the server replied with an error or not at all.
    pub async fn delete_dead_letter(&self, id: StreamId) -> StoreResult<bool> {
        const XDEL: &str = "XDEL";
        let mut command = cmd(XDEL);
        command.arg(self.keys().dead_letters()).arg(id.to_string());
        let reply = self.connection().send(XDEL, &command).await?;
        let deleted =
            reply::integer(&reply).ok_or_else(|| self.connection().unexpected_reply(XDEL))?;
        Ok(deleted > 0)
    }
}
