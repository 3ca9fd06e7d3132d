//! Trimming the stream: only what every group has read and acknowledged.

use std::time::Duration;

use redis::cmd;

use super::group_info::GroupStatus;
use super::reading_stream::ReadingStream;
use crate::store::StreamId;
use crate::store::connection::Epoch;
use crate::store::connection::reply;
use crate::store::error::StoreResult;

/// Entries that one command removes at most. Too high and Redis serves nobody else meanwhile (100,000
/// entries take about half a millisecond).
const TRIM_LIMIT: usize = 100_000;

impl ReadingStream {
    /// Removes entries from the stream's beginning that every group has acknowledged and that are
    /// older than `grace`; says how many. Removes nothing while our own group is missing.
    ///
    /// What is unread or pending is never removed: both are above the smallest pending entry, or
    /// above the last delivered one, of their group; and entries only become pending above that. A
    /// server that has taken the place of the one that was asked is not trimmed: it may have lost the
    /// end of what was delivered and acknowledged. Redis removes whole nodes (about 44 entries), so
    /// some more stay.
    ///
    /// # Errors
    /// When the server did not answer or refused.
    pub async fn trim(&self, grace: Duration) -> StoreResult<u64> {
        let asked = self.epoch();
        let groups = self.groups().await?;
        let Some(ours) = groups.iter().find(|group| group.name == self.keys().group()) else {
            return Ok(0);
        };
        let mut bound = self.id_before(grace, ours.last_delivered_id).await?;
        for group in &groups {
            bound = bound.min(self.first_needed(group).await?);
        }
        self.trim_below(bound, asked).await
    }

    async fn trim_below(&self, bound: StreamId, asked: Epoch) -> StoreResult<u64> {
        const XTRIM: &str = "XTRIM";
        let mut command = cmd(XTRIM);
        command.arg(self.keys().stream()).arg("MINID").arg("~").arg(bound.to_string());
        command.arg("LIMIT").arg(TRIM_LIMIT);
        let Some(reply) = self.connection().send_within(asked, XTRIM, &command).await? else {
            return Ok(0);
        };
        reply::integer(&reply).ok_or_else(|| self.connection().unexpected_reply(XTRIM))
    }

    /// The first entry that a group may still need: its smallest pending one, or else the last that
    /// was delivered.
    async fn first_needed(&self, group: &GroupStatus) -> StoreResult<StreamId> {
        if group.pending == 0 {
            return Ok(group.last_delivered_id);
        }
        // There is none when the last was acknowledged in between.
        Ok(self.first_pending(&group.name).await?.unwrap_or(group.last_delivered_id))
    }

    /// The first id of the time `age` ago, by the clock that makes the ids. That clock may have been
    /// ahead, and was put back: ids go on from the highest, so for a long time they say nothing of their
    /// age, and trimming by it would wait until the clock has caught up. Then it does not count.
    async fn id_before(&self, age: Duration, newest: StreamId) -> StoreResult<StreamId> {
        let seconds = self.connection().server_time().await?.as_secs();
        if newest.ms / 1_000 > seconds + age.as_secs() + 1 {
            return Ok(newest);
        }
        Ok(StreamId { ms: seconds.saturating_sub(age.as_secs()) * 1_000, seq: 0 })
    }
}
