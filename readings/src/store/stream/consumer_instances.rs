//! Telling processes apart that have one consumer name.
//!
//! Redis knows consumers by name only. Two processes of one name lose and double nothing, but at its
//! start, and after each lost connection, one reads again what the other is working on; and when one
//! ends, it hands over what the other has in hand. So whoever shares its name should hear of it.

use std::process;
use std::sync::LazyLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use redis::Script;

use super::reading_stream::{ReadingStream, milliseconds};
use crate::store::connection::reply;
use crate::store::error::StoreResult;

/// A life without a sign is forgotten after this time.
const REMEMBERED: Duration = Duration::from_mins(1);

/// Gives a sign of one life, and says whether another of the same name has given one since this one's
/// last: a life that is over has not, and of a first sign nothing can be said.
static SHOW: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local time = redis.call('TIME')
         local now = time[1] * 1000 + math.floor(time[2] / 1000)
         local life, name = ARGV[1], ARGV[2]
         local last, others = redis.call('ZSCORE', KEYS[1], life), 0
         if last then
             for _, other in ipairs(redis.call('ZRANGE', KEYS[1], last, '+inf', 'BYSCORE')) do
                 if other ~= life and string.sub(other, 1, #name) == name then others = others + 1 end
             end
         end
         redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[3])
         redis.call('ZADD', KEYS[1], now, life)
         return others",
    )
});

/// One process, among those that may have its name.
#[derive(Debug)]
pub struct Life {
    /// The name and a mark after it, so that no other name begins so.
    name: String,
    life: String,
}

impl Life {
    /// The life of this process as a consumer.
    #[must_use]
    pub fn of(consumer: &str) -> Self {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let name = format!("{consumer}\n");
        let life = format!("{name}{}-{}", process::id(), since_1970.as_nanos());
        Self { name, life }
    }
}

impl ReadingStream {
    /// Gives a sign of life, and says whether another process of the same name has given one since this
    /// one's last.
    ///
    /// # Errors
    /// When the server did not answer or refused.
    pub async fn has_namesake(&self, life: &Life) -> StoreResult<bool> {
        const OPERATION: &str = "ZADD lives";
        let mut script = SHOW.key(self.keys().lives());
        script.arg(&life.life).arg(&life.name).arg(milliseconds(REMEMBERED));
        let others = self.connection().run(OPERATION, &script).await?;
        let others =
            reply::integer(&others).ok_or_else(|| self.connection().unexpected_reply(OPERATION))?;
        Ok(others > 0)
    }
}
