//! Invalidates rollups whose days lose or replace readings.
//!
//! A rollup is valid while its day has as many members as it was computed from. A reading that is removed and
//! another one that is added leave that number as it was, so a removal deletes the rollups of its days, and
//! increases the site's rollup generation: a reader that has read the members of before may not store what it
//! computes of them (`store::rollups`).

use std::collections::BTreeSet;
use std::sync::LazyLock;

use redis::{Cmd, Script, cmd};

use crate::energy::rollup::Day;
use crate::reading::SiteId;
use crate::store::keys;

/// The place of a key that a script does not have.
pub(super) const NO_KEY: usize = 0;

/// Removes members, and the rollups of their days, in one step, and ends the lease of the process that packs the site: it
/// may have read them. Keys: the readings, and the days and the rollups at the places that the first two arguments name.
/// Further arguments: the fields of the generation, of the lease and of the version, the number of days, the days, the
/// members. Gives the version of the days, and for each member how many there were.
pub(super) static REMOVAL: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local days, rollups = KEYS[tonumber(ARGV[1])], KEYS[tonumber(ARGV[2])]
         local last_day = 6 + ARGV[6]
         local removed, each = 0, {}
         for i = last_day + 1, #ARGV do
             each[#each + 1] = redis.call('ZREM', KEYS[1], ARGV[i])
             removed = removed + each[#each]
         end
         local version = ''
         if days then
             redis.call('HDEL', days, ARGV[4])
             version = redis.call('HGET', days, ARGV[5]) or ''
         end
         if removed > 0 and rollups then
             for i = 7, last_day do redis.call('HDEL', rollups, ARGV[i]) end
             redis.call('HINCRBY', rollups, ARGV[3], 1)
         end
         return {version, each}",
    )
});

/// The commands that invalidate the rollups of days (`HDEL`, `HINCRBY`); they are sent after the change.
pub(super) fn invalidate(site: &SiteId, days: &BTreeSet<Day>) -> [Cmd; 2] {
    let key = keys::rollups(site);
    let mut delete = cmd("HDEL");
    delete.arg(&key);
    for day in days {
        delete.arg(day.number());
    }
    let mut increase = cmd("HINCRBY");
    increase.arg(&key).arg(keys::ROLLUP_GENERATION).arg(1);
    [delete, increase]
}

/// Removes readings before a score, and the rollups of their days. Keys: the readings, the days, the rollups. Arguments:
/// the score, the day that it is in, the fields of the generation and of the lease. With a fifth one it is the number of
/// readings that were removed, and the only key that of the rollups.
pub(super) static EXPIRY: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local rollups = KEYS[#KEYS]
         local removed = tonumber(ARGV[5])
             or redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1])
         if removed == 0 then return 0 end
         if KEYS[2] then redis.call('HDEL', KEYS[2], ARGV[4]) end
         for _, field in ipairs(redis.call('HKEYS', rollups)) do
             local day = tonumber(field)
             if day and day <= tonumber(ARGV[2]) then redis.call('HDEL', rollups, field) end
         end
         redis.call('HINCRBY', rollups, ARGV[3], 1)
         return removed",
    )
});

/// Removes readings before a score. Keys: the readings, and the days, if the site can be packed. Arguments: the score, the
/// field of the lease.
pub(super) static HOT_EXPIRY: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local removed = redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1])
         if removed > 0 and KEYS[2] then redis.call('HDEL', KEYS[2], ARGV[2]) end
         return removed",
    )
});
