//! Invalidates rollups whose days lose or replace readings.
//!
//! A rollup is valid while its day has as many members as it was computed from. A reading that is removed and
//! another one that is added leave that number as it was, so a removal deletes the rollups of its days, and
//! increases the site's rollup generation: a reader that has read the members of before may not store what it
//! computes of them (`store::rollups`).

use std::collections::BTreeSet;

use redis::{Cmd, Script, cmd};

use crate::energy::rollup::Day;
use crate::reading::SiteId;
use crate::store::keys;

/// Removes members, and the rollups of their days, in one step; gives the number of members that there were. Keys:
/// the readings, the rollups. Arguments: the field of the generation, the number of days, the days, the members.
pub(super) fn removal() -> Script {
    Script::new(
        "local removed = 0
         for i = 3 + ARGV[2], #ARGV do removed = removed + redis.call('ZREM', KEYS[1], ARGV[i]) end
         if removed == 0 then return 0 end
         for i = 3, 2 + ARGV[2] do redis.call('HDEL', KEYS[2], ARGV[i]) end
         redis.call('HINCRBY', KEYS[2], ARGV[1], 1)
         return removed",
    )
}

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

/// Removes readings before a score, and the rollups of their days. Keys: the readings, the rollups. Arguments:
/// the score, the day that it is in, the field of the generation. With a fourth one it is the number of
/// readings that were removed, and the only key that of the rollups.
pub(super) fn expiry() -> Script {
    Script::new(
        "local rollups = KEYS[#KEYS]
         local removed = tonumber(ARGV[4])
             or redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1])
         if removed == 0 then return 0 end
         for _, field in ipairs(redis.call('HKEYS', rollups)) do
             local day = tonumber(field)
             if day and day <= tonumber(ARGV[2]) then redis.call('HDEL', rollups, field) end
         end
         redis.call('HINCRBY', rollups, ARGV[3], 1)
         return removed",
    )
}
