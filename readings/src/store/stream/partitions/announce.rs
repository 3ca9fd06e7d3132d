//! Announces the partition count of this process, so that consumers read its partitions.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use redis::{Script, Value, cmd};
use tokio::time::sleep;
use tracing::warn;

use super::stream_partitions::StreamPartitions;
use crate::store::error::StoreResult;
use crate::store::error_class::ErrorClass;
use crate::store::partition::PartitionCount;

/// Interval between two announcements. Too low: needless commands. Too high: a count is not fresh any more.
const INTERVAL: Duration = Duration::from_secs(10);

/// An append after this time without an announcement announces first. Too low: appends announce, though the interval is
/// kept. Too high: consumers retire the partitions of a process that was frozen before it appends.
const ANNOUNCED: Duration = Duration::from_secs(30);

/// Pause after Redis denied an announcement. Too low: its connection is replaced over and over. Too high: a mended
/// permission is used late.
pub(super) const PAUSE_IF_DENIED: Duration = Duration::from_mins(5);

/// Records the server's time for the count, and that the whole stream may have entries.
static ANNOUNCE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "if not redis.call('HGET', KEYS[1], '1') then redis.call('HSET', KEYS[1], '1', '0') end
         local time = redis.call('TIME')
         local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
         redis.call('HSET', KEYS[1], ARGV[1], now)",
    )
});

impl StreamPartitions {
    /// Announces the count of this process every ten seconds, forever. One partition is announced only where another
    /// count was.
    pub async fn keep_announced(self) {
        let mut failures = 0_u32;
        loop {
            let mut pause = INTERVAL;
            match self.announce_own().await {
                Ok(()) => failures = 0,
                Err(error) => {
                    failures += 1;
                    if failures.is_power_of_two() {
                        warn!(%error, failures, "the number of partitions cannot be announced");
                    }
                    let is_denied = error.class == ErrorClass::Denied;
                    if is_denied && self.count() == PartitionCount::ONE {
                        pause = PAUSE_IF_DENIED;
                    }
                }
            }
            sleep(pause).await;
        }
    }

    async fn announce_own(&self) -> StoreResult<()> {
        const HGET: &str = "HGET";
        if self.count() == PartitionCount::ONE {
            let mut command = cmd(HGET);
            command.arg(self.keys().partition_counts()).arg(1);
            if self.connection().send(HGET, &command).await? == Value::Nil {
                return Ok(());
            }
        }
        self.announce(self.count()).await?;
        self.forget_counts().await
    }

    /// Announces the count of more than one partition that an entry is to be appended to, unless this process has done so
    /// lately.
    pub(in crate::store::stream) async fn announce_before_append(
        &self,
        count: PartitionCount,
    ) -> StoreResult<()> {
        let is_announced = |(announced, at): &(PartitionCount, Instant)| {
            *announced == count && at.elapsed() < ANNOUNCED
        };
        if count == PartitionCount::ONE || self.set().state().announced.iter().any(is_announced) {
            return Ok(());
        }
        // On the heap: else the future of each append has room for it.
        Box::pin(self.announce(count)).await
    }

    /// Announces a count.
    ///
    /// # Errors
    /// When the server replied with an error or not at all.
    pub async fn announce(&self, count: PartitionCount) -> StoreResult<()> {
        let begin = Instant::now();
        let mut script = ANNOUNCE.key(self.keys().partition_counts());
        script.arg(count.get());
        self.connection().eval("HSET partitions", &script).await?;
        let mut state = self.set().state();
        state.announced.retain(|(other, _)| *other != count);
        state.announced.push((count, begin));
        Ok(())
    }
}
