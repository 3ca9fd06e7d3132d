//! Setting right what Redis itself counts as unread.
//!
//! KEDA's `redis-streams` scaler reads the `lag` of `XINFO GROUPS`, and nothing of ours. [`backlog`]
//! tells why it may be wrong.
//!
//! [`backlog`]: super::backlog

use std::sync::LazyLock;

use redis::{Script, Value};

use super::reading_stream::ReadingStream;
use super::script_library::{MOST_COUNTED, MOST_COUNTED_BYTES, with_library};
use crate::store::connection::reply;
use crate::store::error::StoreResult;

/// Where all unread entries could be counted and the group's `lag` is another number: notes how many
/// entries were read, with the last delivered id as it is. In one atomic step, and with that id as it
/// was just read, so that nothing is skipped or delivered again. Gives the lag before (a text, as Redis
/// may not know it), the true number, and the lag after.
static CORRECT: LazyLock<Script> = LazyLock::new(|| {
    with_library(
        "local found = group(ARGV[1])
         if not found or found.lag == nil then return {} end
         local delivered, before = found['last-delivered-id'], found.lag
         local unread, _, all = count(delivered, tonumber(ARGV[2]), tonumber(ARGV[3]))
         if not all or before == unread then return {} end
         local stream = named(redis.call('XINFO', 'STREAM', KEYS[1]))
         local read = stream['entries-added'] - unread
         local set = redis.pcall('XGROUP', 'SETID', KEYS[1], ARGV[1], delivered, 'ENTRIESREAD', read)
         if set.err then return redis.error_reply('NOPERM ' .. set.err) end
         return {tostring(before or 'unknown'), unread, group(ARGV[1]).lag}",
    )
});

/// What became of a lag that was wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LagCorrection {
    /// What Redis reported: a number, or `unknown`.
    pub before: String,
    /// The entries that are unread.
    pub unread: u64,
    /// Whether Redis reports them now. With entries that were deleted in the midst of unread ones (`XDEL`)
    /// it does not, until those are read.
    pub is_right_now: bool,
}

impl ReadingStream {
    /// Sets the group's `lag` right where it is proven to be wrong: all unread entries could be counted,
    /// and are not as many. `None` where there was nothing to set right, or it cannot be told. The id that
    /// was delivered last stays as it is.
    ///
    /// # Errors
    /// When the server did not answer or refused.
    pub async fn correct_lag(&self) -> StoreResult<Option<LagCorrection>> {
        const OPERATION: &str = "XGROUP SETID";
        let mut script = CORRECT.key(self.keys().stream());
        script.arg(self.keys().group()).arg(MOST_COUNTED).arg(MOST_COUNTED_BYTES);
        let reply = self.connection().run(OPERATION, &script).await?;
        let parts =
            reply::array(reply).ok_or_else(|| self.connection().unexpected_reply(OPERATION))?;
        if parts.is_empty() {
            return Ok(None);
        }
        correction(parts).map(Some).ok_or_else(|| self.connection().unexpected_reply(OPERATION))
    }
}

fn correction(parts: Vec<Value>) -> Option<LagCorrection> {
    let [before, unread, after] = <[Value; 3]>::try_from(parts).ok()?;
    let (before, unread) = (reply::text(before)?, reply::integer(&unread)?);
    Some(LagCorrection { before, unread, is_right_now: reply::integer(&after) == Some(unread) })
}
