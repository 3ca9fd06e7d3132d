//! Trims the stream: only entries that every group has acknowledged.

use std::time::Duration;

use redis::cmd;

use super::info::GroupInfo;
use super::reading_stream::ReadingStream;
use crate::store::connection::{Generation, reply};
use crate::store::error::StoreResult;
use crate::store::stream_id::StreamId;

/// Entries that one command removes at most. Too low and the stream grows faster than it is trimmed; too
/// high and Redis serves no other client meanwhile (100,000 entries take about half a millisecond).
const TRIM_LIMIT: usize = 100_000;

impl ReadingStream {
    /// Removes entries from the stream's beginning that every group has acknowledged and that are older
    /// than `retention`; gives their number. Removes nothing while the own group is missing.
    ///
    /// Unread and pending entries are never removed: they are at or above the smallest pending id, or
    /// above the last delivered id, of their group, and entries only become pending above that. Nothing
    /// is removed from a server that became the master after the groups were read: it may have lost the
    /// latest deliveries and acknowledgements. Redis removes whole nodes (about 44 entries), so some more
    /// entries stay.
    ///
    /// # Errors
    /// When the server replied with an error or not at all.
    pub async fn trim(&self, retention: Duration) -> StoreResult<u64> {
        // Before the groups are read, so that the bound and the trim are of one server session.
        let generation = self.generation();
        let groups = self.groups().await?;
        let Some(own) = groups.iter().find(|group| group.name == self.keys().group()) else {
            return Ok(0);
        };
        let mut bound = self.retention_bound(retention, own.last_delivered_id).await?;
        for group in &groups {
            bound = bound.min(self.safe_trim_bound(group).await?);
        }
        self.trim_below(bound, generation).await
    }

    async fn trim_below(&self, bound: StreamId, generation: Generation) -> StoreResult<u64> {
        const XTRIM: &str = "XTRIM";
        let mut command = cmd(XTRIM);
        // Not with `ACKED` (Redis 8.2), by which the server checks the bound once more: with `~` it then removes nothing
        // (8.2.3), and without it entry by entry, serving no other client meanwhile.
        command.arg(self.keys().stream()).arg("MINID").arg("~").arg(bound.to_string());
        command.arg("LIMIT").arg(TRIM_LIMIT);
        let reply = self.connection().send_in_generation(generation, XTRIM, &command).await?;
        let Some(reply) = reply else { return Ok(0) };
        reply::integer(&reply).ok_or_else(|| self.connection().unexpected_reply(XTRIM))
    }

    /// The first entry that a group may still need: its smallest pending one, otherwise the last
    /// delivered one.
    async fn safe_trim_bound(&self, group: &GroupInfo) -> StoreResult<StreamId> {
        if group.pending == 0 {
            return Ok(group.last_delivered_id);
        }
        // None when the last one was acknowledged since the groups were read.
        Ok(self.oldest_pending_id(&group.name).await?.unwrap_or(group.last_delivered_id))
    }

    /// The first id of the time `retention` ago, by the clock that generates the ids. If that clock was
    /// set back, new ids continue from the highest one and no longer reflect age: trimming by age would
    /// pause until the clock has caught up. Then the age bound is skipped.
    async fn retention_bound(
        &self,
        retention: Duration,
        newest: StreamId,
    ) -> StoreResult<StreamId> {
        let seconds = self.server_time().await?.as_secs();
        if newest.ms / 1_000 > seconds + retention.as_secs() + 1 {
            return Ok(newest);
        }
        Ok(StreamId { ms: seconds.saturating_sub(retention.as_secs()) * 1_000, seq: 0 })
    }
}
