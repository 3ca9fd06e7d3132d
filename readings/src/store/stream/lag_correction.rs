//! Corrects the lag that Redis reports.
//!
//! KEDA's `redis-streams` scaler reads the `lag` of `XINFO GROUPS`, and no number of ours. [`backlog`]
//! explains why it may be wrong.
//!
//! [`backlog`]: super::backlog

use std::sync::LazyLock;

use redis::{Script, Value};

use super::reading_stream::ReadingStream;
use super::script_library::{MAX_COUNTED, MAX_COUNTED_BYTES, with_library};
use crate::store::connection::reply;
use crate::store::error::StoreResult;

/// Where all unread entries could be counted and the group's `lag` is another number: sets the number of
/// entries read, and keeps the last delivered id. In one atomic step, with the id that was just read, so
/// that no entry is skipped or delivered again. Replies with the lag before (a text, as Redis may not
/// know it), the true number, and the lag after.
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

/// The correction of a wrong lag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LagCorrection {
    /// What Redis reported: a number, or `unknown`.
    pub before: String,
    /// The unread entries.
    pub unread: u64,
    /// Whether Redis reports that number now. Where entries among the unread ones were deleted (`XDEL`) it
    /// does not until those around them are read.
    pub is_correct: bool,
}

impl ReadingStream {
    /// Corrects the group's `lag` where it is proven to be wrong: all unread entries could be counted, and
    /// their number differs. `None` where it is correct or cannot be proven wrong. The last delivered id
    /// is kept.
    ///
    /// # Errors
    /// When the server replied with an error or not at all.
    pub async fn correct_lag(&self) -> StoreResult<Option<LagCorrection>> {
        const OPERATION: &str = "XGROUP SETID";
        let mut script = CORRECT.key(self.keys().stream());
        script.arg(self.keys().group()).arg(MAX_COUNTED).arg(MAX_COUNTED_BYTES);
        let reply = self.connection().eval(OPERATION, &script).await?;
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
    Some(LagCorrection { before, unread, is_correct: reply::integer(&after) == Some(unread) })
}
