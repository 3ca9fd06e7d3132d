//! Detects two running processes with one consumer name.
//!
//! Redis knows consumers by name only. Two processes of one name lose and duplicate nothing, but each one
//! that starts or reconnects reads entries again that the other is processing, and each one that ends
//! releases entries that the other has in flight. So duplicates are reported to the operator.

use std::process;
use std::sync::LazyLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use redis::Script;

use super::reading_stream::{ReadingStream, milliseconds};
use crate::store::connection::reply;
use crate::store::error::StoreResult;

/// An instance without a heartbeat is forgotten after this time. Too low (below the interval of
/// heartbeats) and no duplicate is detected; too high and the sorted set keeps ended instances.
const INSTANCE_TTL: Duration = Duration::from_mins(1);

/// Records a heartbeat, and counts the other instances of the same name with a heartbeat since this
/// one's last: a predecessor that has exited has none. After the first heartbeat that is unknown, and the
/// count 0.
static HEARTBEAT_AND_CHECK: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local time = redis.call('TIME')
         local now = time[1] * 1000 + math.floor(time[2] / 1000)
         local instance, name = ARGV[1], ARGV[2]
         local last, others = redis.call('ZSCORE', KEYS[1], instance), 0
         if last then
             for _, other in ipairs(redis.call('ZRANGE', KEYS[1], last, '+inf', 'BYSCORE')) do
                 if other ~= instance and string.sub(other, 1, #name) == name then
                     others = others + 1
                 end
             end
         end
         redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[3])
         redis.call('ZADD', KEYS[1], now, instance)
         return others",
    )
});

/// One run of a process under a consumer name.
#[derive(Debug)]
pub struct ConsumerInstance {
    /// The consumer's name with a separator after it, so that it is a prefix of no other name.
    prefix: String,
    id: String,
}

impl ConsumerInstance {
    /// This process as an instance of a consumer.
    #[must_use]
    pub fn of(consumer: &str) -> Self {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let prefix = format!("{consumer}\n");
        let id = format!("{prefix}{}-{}", process::id(), since_1970.as_nanos());
        Self { prefix, id }
    }
}

impl ReadingStream {
    /// Records a heartbeat for this instance. Returns true if a different instance with the same consumer
    /// name has sent one since our previous heartbeat (a predecessor that exited has not).
    ///
    /// # Errors
    /// When the server replied with an error or not at all.
    pub async fn detect_duplicate(&self, instance: &ConsumerInstance) -> StoreResult<bool> {
        const OPERATION: &str = "ZADD consumer-instances";
        let mut script = HEARTBEAT_AND_CHECK.key(self.keys().consumer_instances());
        script.arg(&instance.id).arg(&instance.prefix).arg(milliseconds(INSTANCE_TTL));
        let others = self.connection().eval(OPERATION, &script).await?;
        let others =
            reply::integer(&others).ok_or_else(|| self.connection().unexpected_reply(OPERATION))?;
        Ok(others > 0)
    }
}
