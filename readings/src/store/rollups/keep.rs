//! Stores rollups, unless readings were removed since their members were read.

use std::sync::LazyLock;

use redis::Script;

use crate::reading::SiteId;
use crate::store::connection::{SharedConnection, reply};
use crate::store::error::StoreResult;
use crate::store::keys;

const EVALSHA: &str = "EVALSHA";

/// Arguments: the field of the generation, the generation from before the members were read, and each day
/// with its rollup.
static KEEP: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "if (redis.call('HGET', KEYS[1], ARGV[1]) or '') ~= ARGV[2] then return 0 end
         for i = 3, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
         return 1",
    )
});

/// Stores encoded rollups of days; gives whether they were stored.
pub(super) async fn keep(
    connection: &SharedConnection,
    site: &SiteId,
    generation: &[u8],
    rollups: &[(i32, Vec<u8>)],
) -> StoreResult<bool> {
    if rollups.is_empty() {
        return Ok(true);
    }
    let mut script = KEEP.key(keys::rollups(site));
    script.arg(keys::ROLLUP_GENERATION).arg(generation);
    for (day, bytes) in rollups {
        script.arg(day).arg(bytes.as_slice());
    }
    let reply = connection.eval(EVALSHA, &script).await?;
    let stored = reply::integer(&reply).ok_or_else(|| connection.unexpected_reply(EVALSHA))?;
    Ok(stored == 1)
}
