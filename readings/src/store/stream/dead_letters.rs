//! Entries that cannot become readings, kept with the reason until somebody decides.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use redis::{Script, Value, cmd, pipe};

use super::paging;
use super::reading_stream::ReadingStream;
use super::script_library::with_library;
use crate::store::StreamId;
use crate::store::codec::{self, StreamEntry, Undecodable};
use crate::store::connection::reply::{self, RawEntry};
use crate::store::error::StoreResult;

/// What stands before the name of each of the entry's own fields.
pub(super) const FIELD: &str = "field:";

/// Fields of an entry that a script can pass on at most; Lua's `unpack` ends at 8,000 values.
pub(super) const MAX_SCRIPTED_FIELDS: usize = 3_000;

/// Letters that are looked through at a time.
const PAGE: usize = 1_000;

/// Bytes that the letters of one page have, roughly; one letter may have more. Too low and a page holds
/// few; too high and a thousand letters of megabytes each fill the memory of who asks.
const PAGE_BYTES: usize = 8 * 1024 * 1024;

/// Letters that are read before it is known how large they are.
const FIRST_READ: usize = 4;

/// Bytes of a letter that are read; what comes after them is told by its length, or left out. Too low and
/// a person cannot see what is wrong with an entry; too high and letters of 100 MB, from entries of other
/// writers, fill the memory of who asks.
const SHOWN_BYTES: usize = 64 * 1024;

/// Reads letters, cut within Redis.
static READ: LazyLock<Script> = LazyLock::new(|| {
    with_library(
        "local letters = redis.call('XRANGE', KEYS[1], ARGV[1], '+', 'COUNT', ARGV[2])
         for _, letter in ipairs(letters) do
             local room = tonumber(ARGV[3])
             for i, text in ipairs(letter[2]) do
                 letter[2][i] = shorten(text, math.max(room, 0))
                 room = room - #text
             end
         end
         return letters",
    )
});

/// Puts a letter's fields back into the stream as a new entry and removes the letter, in one step: of
/// two who do it at the same time one finds nothing. Gives a number when it has too many fields.
static RETRY: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local found = redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1])
         if #found == 0 then return false end
         local letter, entry = found[1][2], {}
         for i = 1, #letter, 2 do
             if string.sub(letter[i], 1, #ARGV[2]) == ARGV[2] then
                 entry[#entry + 1] = string.sub(letter[i], #ARGV[2] + 1)
                 entry[#entry + 1] = letter[i + 1]
             end
         end
         if #entry > 2 * ARGV[3] then return #entry end
         local id = redis.call('XADD', KEYS[2], '*', unpack(entry))
         redis.call('XDEL', KEYS[1], ARGV[1])
         return id",
    )
});

/// An entry to be moved, and why.
#[derive(Debug, Clone)]
pub struct DeadLetter {
    /// The entry's id in the stream of readings.
    pub id: StreamId,
    /// All its fields, in their order.
    pub fields: Vec<(Vec<u8>, Vec<u8>)>,
    /// The rule it breaks.
    pub reason: String,
    /// How often it was delivered here.
    pub deliveries: u32,
}

impl From<Undecodable> for DeadLetter {
    fn from(Undecodable { id, fields, reason }: Undecodable) -> Self {
        Self { id, fields, reason: reason.to_string(), deliveries: 1 }
    }
}

impl DeadLetter {
    /// An entry that is a reading, but can never be stored.
    #[must_use]
    pub fn refused(entry: &StreamEntry, reason: String, deliveries: u32) -> Self {
        let bytes = |text: &str| text.as_bytes().to_vec();
        let fields = codec::stream_fields(&entry.reading, &entry.ingested_at);
        let fields = fields.iter().map(|(name, value)| (bytes(name), bytes(value))).collect();
        Self { id: entry.id, fields, reason, deliveries }
    }
}

/// A dead letter as it is kept.
#[derive(Debug, Clone)]
pub struct KeptLetter {
    /// The letter's own id; its milliseconds are when it was written.
    pub id: StreamId,
    /// The id that the entry had in the stream of readings.
    pub original_id: String,
    /// The rule that it breaks.
    pub reason: String,
    /// How often it was delivered to the consumer that gave it up.
    pub deliveries: u32,
    /// The consumer that gave it up.
    pub consumer: String,
    /// The entry's fields, 64 KiB of them; a longer value ends with its length.
    pub fields: Vec<(Vec<u8>, Vec<u8>)>,
}

impl KeptLetter {
    fn from_raw(RawEntry { id, fields }: RawEntry) -> Self {
        let mut letter = Self {
            id,
            original_id: String::new(),
            reason: String::new(),
            deliveries: 1,
            consumer: String::new(),
            fields: Vec::new(),
        };
        for (name, value) in fields.unwrap_or_default() {
            letter.take(&name, value);
        }
        letter
    }

    fn take(&mut self, name: &[u8], value: Vec<u8>) {
        let text = || String::from_utf8_lossy(&value).into_owned();
        match name {
            b"original_id" => self.original_id = text(),
            b"reason" => self.reason = text(),
            b"deliveries" => self.deliveries = text().parse().unwrap_or(1),
            b"consumer" => self.consumer = text(),
            name => {
                if let Some(name) = name.strip_prefix(FIELD.as_bytes()) {
                    self.fields.push((name.to_vec(), value));
                }
            }
        }
    }

    /// The reading that the letter once was; `None` for what never was one.
    #[must_use]
    pub fn entry(&self) -> Option<StreamEntry> {
        codec::decode(self.original_id.parse().ok()?, &self.fields).ok()
    }
}

/// Dead letters, oldest first.
#[derive(Debug, Default)]
pub struct LetterPage {
    /// The letters: as many as were asked for at most, and fewer when they are large.
    pub letters: Vec<KeptLetter>,
    /// Whether there may be more after them.
    pub more: bool,
}

impl ReadingStream {
    /// The letters of those of these entries that were buried, by the ids of the entries; without those
    /// that have been removed since.
    ///
    /// # Errors
    /// When the server did not answer or refused.
    pub async fn buried_among(
        &self,
        ids: &HashSet<StreamId>,
    ) -> StoreResult<HashMap<StreamId, KeptLetter>> {
        let ids = self.buried_ids(ids.iter().copied()).await?;
        // The letter is younger than the entry.
        let Some(oldest) = ids.iter().min() else { return Ok(HashMap::new()) };
        let mut start = oldest.ms.to_string();
        let mut found = HashMap::new();
        loop {
            let LetterPage { letters, .. } = self.letters(start, PAGE).await?;
            let Some(last) = letters.last() else { return Ok(found) };
            start = format!("({}", last.id);
            let original = |letter: &KeptLetter| letter.original_id.parse().ok();
            let wanted = |letter| Some((original(&letter).filter(|id| ids.contains(id))?, letter));
            found.extend(letters.into_iter().filter_map(wanted));
        }
    }

    /// A page of up to `count` dead letters after `after`.
    ///
    /// # Errors
    /// When the server did not answer or refused.
    pub async fn dead_letters(
        &self,
        after: Option<StreamId>,
        count: usize,
    ) -> StoreResult<LetterPage> {
        let start = after.map_or_else(|| "-".to_owned(), |id| format!("({id}"));
        self.letters(start, count).await
    }

    async fn letters(&self, mut start: String, count: usize) -> StoreResult<LetterPage> {
        let (mut page, mut bytes) = (LetterPage::default(), 0);
        let mut ask_for = FIRST_READ;
        loop {
            ask_for = ask_for.min(count - page.letters.len());
            let read = self.read_letters(&start, ask_for).await?;
            page.more = read.len() == ask_for;
            bytes += read.iter().map(RawEntry::bytes).sum::<usize>();
            page.letters.extend(read.into_iter().map(KeptLetter::from_raw));
            let (read, Some(last)) = (page.letters.len(), page.letters.last()) else {
                return Ok(page);
            };
            if !page.more || read == count || bytes >= PAGE_BYTES {
                return Ok(page);
            }
            start = format!("({}", last.id);
            ask_for = paging::affordable(read, bytes, PAGE_BYTES - bytes);
        }
    }

    async fn read_letters(&self, start: &str, count: usize) -> StoreResult<Vec<RawEntry>> {
        const XRANGE: &str = "XRANGE";
        let mut script = READ.key(self.keys().dead_letters());
        script.arg(start).arg(count).arg(SHOWN_BYTES);
        let reply = self.connection().run(XRANGE, &script).await?;
        reply::entries(reply).ok_or_else(|| self.connection().unexpected_reply(XRANGE))
    }

    /// How many dead letters there are.
    ///
    /// # Errors
    /// When the server did not answer or refused.
    pub async fn count_dead_letters(&self) -> StoreResult<u64> {
        const XLEN: &str = "XLEN";
        let reply = self.connection().send(XLEN, cmd(XLEN).arg(self.keys().dead_letters())).await?;
        reply::integer(&reply).ok_or_else(|| self.connection().unexpected_reply(XLEN))
    }

    /// Puts a dead letter back into the stream, as a new entry whose id is given; `None` when there
    /// is no such letter.
    ///
    /// # Errors
    /// When the server did not answer or refused; without an answer it may have been put back.
    pub async fn retry_dead_letter(&self, id: StreamId) -> StoreResult<Option<StreamId>> {
        const OPERATION: &str = "XADD XDEL";
        let mut script = RETRY.key(self.keys().dead_letters());
        script.key(self.keys().stream()).arg(id.to_string()).arg(FIELD).arg(MAX_SCRIPTED_FIELDS);
        match self.connection().run(OPERATION, &script).await? {
            Value::Nil | Value::Boolean(false) => Ok(None),
            Value::Int(_) => self.retry_huge(id).await,
            id => match reply::stream_id(id) {
                Some(id) => Ok(Some(id)),
                None => Err(self.connection().unexpected_reply(OPERATION)),
            },
        }
    }

    /// As [`ReadingStream::retry_dead_letter`] for a letter with more fields than a script can pass on.
    /// Two who do it at the same time make two entries of it.
    async fn retry_huge(&self, id: StreamId) -> StoreResult<Option<StreamId>> {
        const OPERATION: &str = "MULTI XADD XDEL";
        let found = self.read_letters(&id.to_string(), 1).await?.into_iter().find(|l| l.id == id);
        let Some(letter) = found.map(KeptLetter::from_raw) else { return Ok(None) };
        let mut both = pipe();
        both.atomic().cmd("XADD").arg(self.keys().stream()).arg("*").arg(letter.fields);
        both.cmd("XDEL").arg(self.keys().dead_letters()).arg(id.to_string());
        let replies = reply::array(self.connection().transact(OPERATION, &both).await?);
        let added = replies.and_then(|replies| reply::stream_id(replies.into_iter().next()?));
        added.map(Some).ok_or_else(|| self.connection().unexpected_reply(OPERATION))
    }

    /// Deletes a dead letter for good; says whether there was one.
    ///
    /// # Errors
    /// When the server did not answer or refused.
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
