//! Removes readings that have expired.

use redis::Script;
use std::collections::BTreeSet;
use std::sync::LazyLock;

use super::invalidation::{EXPIRY, HOT_EXPIRY};
use super::series_store::{CROSS_SLOT, SeriesStore};
use crate::energy::rollup::Day;
use crate::iso8601::Instant;
use crate::reading::SiteId;
use crate::store::error::StoreResult;
use crate::store::keys;

const ZREMRANGEBYSCORE: &str = "ZREMRANGEBYSCORE";
const HDEL: &str = "HDEL";

/// Packed days that are removed with one script. Too low and years take many round trips; too high and Redis serves no
/// other client while it frees their memory.
const DAYS: usize = 100;

/// Removes packed days, whatever they have, and ends the lease. Keys: the packed days, the days. Arguments: the fields of
/// the version and of the lease, the days.
static EXPIRE_DAYS: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "for i = 3, #ARGV do
             redis.call('HDEL', KEYS[1], ARGV[i])
             redis.call('HDEL', KEYS[2], ARGV[i])
         end
         redis.call('HDEL', KEYS[2], ARGV[2])
         local time = redis.call('TIME')
         local now = time[1] * 1000000 + time[2]
         local version = tonumber(redis.call('HGET', KEYS[2], ARGV[1]) or 0)
         redis.call('HSET', KEYS[2], ARGV[1], string.format('%.0f', math.max(now, version + 1)))
         return 1",
    )
});

impl SeriesStore {
    /// Removes a site's readings with a timestamp before an instant from the sorted set (`ZREMRANGEBYSCORE`), and the
    /// rollups of their days; gives their number.
    ///
    /// # Errors
    /// When the server replied with an error or not at all.
    pub async fn expire_before(&self, site: &SiteId, before: Instant) -> StoreResult<u64> {
        let connection = self.connection();
        if connection.is_cluster() {
            return self.expire_in_steps(site, before).await;
        }
        let mut script = EXPIRY.key(keys::series(site));
        script.key(keys::days(site)).key(keys::rollups(site));
        script.arg(score_below(before)).arg(Day::of(before).number());
        script.arg(keys::ROLLUP_GENERATION).arg(keys::PACKING_LEASE);
        match connection.eval(ZREMRANGEBYSCORE, &script).await {
            Err(error) if error.code() == Some(CROSS_SLOT) => {
                self.expire_in_steps(site, before).await
            }
            reply => self.removed(ZREMRANGEBYSCORE, &reply?),
        }
    }

    /// As [`SeriesStore::expire_before`], where a script may not have keys of several hash slots.
    async fn expire_in_steps(&self, site: &SiteId, before: Instant) -> StoreResult<u64> {
        let mut hot = HOT_EXPIRY.key(keys::series(site));
        if keys::can_be_packed(site) {
            hot.key(keys::days(site));
        }
        hot.arg(score_below(before)).arg(keys::PACKING_LEASE);
        let removed = self.connection().eval(ZREMRANGEBYSCORE, &hot).await?;
        let mut script = EXPIRY.key(keys::rollups(site));
        script.arg(score_below(before)).arg(Day::of(before).number());
        script.arg(keys::ROLLUP_GENERATION).arg(keys::PACKING_LEASE);
        script.arg(self.removed(ZREMRANGEBYSCORE, &removed)?);
        let removed = self.connection().eval(ZREMRANGEBYSCORE, &script).await?;
        self.removed(ZREMRANGEBYSCORE, &removed)
    }

    /// Removes a site's packed and archived days before a day, and their rollups; gives the number of their readings. The
    /// files of archived days are left to the archive, in which they do not count any more.
    ///
    /// # Errors
    /// When the server replied with an error or not at all; they can be removed again.
    pub async fn expire_days(&self, site: &SiteId, before: Day) -> StoreResult<u64> {
        let days = self.packed().of_site(site).await?;
        let expired: Vec<_> = days.headers.range(..before).collect();
        let mut readings = 0;
        for chunk in expired.chunks(DAYS) {
            let mut script = EXPIRE_DAYS.key(keys::packed(site));
            script.key(keys::days(site)).arg(keys::DAYS_VERSION).arg(keys::PACKING_LEASE);
            for (day, _) in chunk {
                script.arg(day.number());
            }
            self.connection().eval(HDEL, &script).await?;
            let days: BTreeSet<Day> = chunk.iter().map(|(day, _)| **day).collect();
            self.invalidate(site, &days).await?;
            readings += chunk.iter().map(|(_, header)| header.members()).sum::<u64>();
        }
        Ok(readings)
    }
}

/// The scores below that of an instant, as the upper bound of a range.
fn score_below(instant: Instant) -> String {
    format!("({}", instant.epoch_seconds())
}
