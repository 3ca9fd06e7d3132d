//! Dead letters of rows that a receiver rejected: they never were entries, and are kept as they were sent.
//!
//! An operator sees what was rejected and why, and deletes it; a retry is not possible, as the row is no reading. They
//! are in the stream of dead letters, but never in place of entries: above [`MAX_REJECTED_ROWS`] dead letters a row is
//! counted only, so that a misconfigured sender neither fills Redis nor trims the dead letters of entries.

use std::sync::LazyLock;
use std::time::Duration;

use redis::{Script, Value};

use super::idempotency::{digest, key_window};
use super::packed_array::PackedArray;
use super::reading_stream::{ReadingStream, milliseconds};
use crate::store::connection::reply;
use crate::store::error::StoreResult;

/// Dead letters from which on rejected rows get none. Too low: an operator sees few of them. Too high: a misconfigured
/// sender fills Redis (each has 2.5 KiB at most), and trims the dead letters of entries, of which 100,000 are kept.
pub const MAX_REJECTED_ROWS: usize = 10_000;

/// Bytes of a row that are kept. Too low: the error in it cannot be seen. Too high: as above.
pub const MAX_ROW_BYTES: usize = 2 * 1024;

/// Bytes of a reason that are kept. As above.
const MAX_REASON_BYTES: usize = 512;

/// Rows of a request that get dead letters; the others are counted only. Too low: an operator sees few of them. Too high:
/// the script blocks Redis for long (1,000 take some 2 ms).
const MAX_ROWS_OF_REQUEST: usize = 1_000;

/// Bytes of the digest of a row: with 10,000 rows a collision is impossible for all purposes. Too low: a row gets no dead
/// letter. Too high: memory without use.
const DIGEST_BYTES: usize = 12;

/// Items of a row among the arguments: digest, reason, row.
const ITEMS: u32 = 3;

/// Appends a dead letter for each row that has none of this window or the one before, up to the limit. Replies with how
/// many were appended, repeated and above the limit.
static DEAD_LETTER: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local rows, appended, repeated, above = cmsgpack.unpack(ARGV[1]), 0, 0, 0
         local call, limit = redis.call, tonumber(ARGV[3])
         local length = call('XLEN', KEYS[1])
         for i = 1, #rows, 3 do
             local row = rows[i]
             if call('HGET', KEYS[2], row) or call('HGET', KEYS[3], row) then
                 repeated = repeated + 1
             elseif length >= limit then
                 above = above + 1
             else
                 call('XADD', KEYS[1], '*', 'receiver', ARGV[2], 'reason', rows[i + 1], 'row', rows[i + 2])
                 call('HSET', KEYS[2], row, '')
                 length, appended = length + 1, appended + 1
             end
         end
         if appended > 0 then call('PEXPIRE', KEYS[2], ARGV[4]) end
         return {appended, repeated, above}",
    )
});

/// Rows of one request or one batch of messages that a receiver rejected.
#[derive(Debug)]
pub struct RejectedRows {
    receiver: &'static str,
    packed: PackedArray,
    rows: usize,
    omitted: usize,
}

/// What became of rejected rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DeadLetteredRows {
    /// Number of rows that have a new dead letter.
    pub appended: usize,
    /// Number of rows that were sent before, and have one from then.
    pub repeated: usize,
    /// Number of rows without one, as there are too many.
    pub omitted: usize,
}

impl RejectedRows {
    /// No rows yet, of this receiver (the value of the label `receiver`).
    #[must_use]
    pub fn new(receiver: &'static str) -> Self {
        Self { receiver, packed: PackedArray::default(), rows: 0, omitted: 0 }
    }

    /// Adds a row: the reason in a sentence that names the field and the rule, where it was sent to (such as the topic of
    /// a message, which distinguishes equal rows), and the row as it was sent. Long texts are cut.
    pub fn push(&mut self, reason: &str, origin: &str, row: &[u8]) {
        if self.rows == MAX_ROWS_OF_REQUEST {
            self.omitted += 1;
            return;
        }
        let digest: [u8; DIGEST_BYTES] =
            digest([self.receiver.as_bytes(), b"\0", origin.as_bytes(), b"\0", row]);
        let reason = &reason[..reason.floor_char_boundary(MAX_REASON_BYTES)];
        self.packed.push(&digest);
        self.packed.push(reason.as_bytes());
        self.packed.push(row.get(..MAX_ROW_BYTES).unwrap_or(row));
        self.packed.count(ITEMS);
        self.rows += 1;
    }

    /// Number of rows.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.rows + self.omitted
    }
}

impl ReadingStream {
    /// Dead-letters rows that a receiver rejected, each once within `ttl` however often it is sent.
    ///
    /// To be called after the valid rows were appended: if both are repeated after a failure, neither is there twice.
    ///
    /// # Errors
    /// When the server rejected it or did not reply; it can be repeated.
    pub(super) async fn dead_letter_rows(
        &self,
        rows: &RejectedRows,
        ttl: Duration,
    ) -> StoreResult<DeadLetteredRows> {
        const OPERATION: &str = "XADD rejected rows";
        let omitted = rows.omitted;
        if rows.rows == 0 {
            return Ok(DeadLetteredRows { omitted, ..DeadLetteredRows::default() });
        }
        let (keys, window) = (self.keys(), key_window(ttl));
        let mut script = DEAD_LETTER.key(keys.dead_letters());
        script.key(keys.rejected_rows(window));
        script.key(keys.rejected_rows(window.saturating_sub(1)));
        script.arg(rows.packed.bytes()).arg(rows.receiver).arg(MAX_REJECTED_ROWS);
        // Twice the window: what is recorded at its begin is known until the end of the next one.
        script.arg(milliseconds(ttl * 2));
        let reply = self.connection().eval(OPERATION, &script).await?;
        let counts = counts(reply).ok_or_else(|| self.connection().unexpected_reply(OPERATION))?;
        let [appended, repeated, above] = counts;
        Ok(DeadLetteredRows { appended, repeated, omitted: omitted + above })
    }
}

fn counts(reply: Value) -> Option<[usize; 3]> {
    let counts = <[Value; 3]>::try_from(reply::array(reply)?).ok()?;
    let count = |value: &Value| usize::try_from(reply::integer(value)?).ok();
    Some([count(&counts[0])?, count(&counts[1])?, count(&counts[2])?])
}
