//! Leases: of several processes one does a task at a time, unless it stops.
//!
//! A lease is a field of a hash: the token of the process that has it, and the microsecond at which it expires by the
//! server's clock.

use std::sync::LazyLock;
use std::time::Duration;

use redis::{Script, Value};

use super::connection::SharedConnection;
use super::error::StoreResult;

const HSET: &str = "HSET";

/// Acquires or renews a lease: not where another token has it and it has not expired.
static ACQUIRE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local time = redis.call('TIME')
         local now = time[1] * 1000000 + time[2]
         local token, expiry = string.match(redis.call('HGET', KEYS[1], ARGV[1]) or '', '^(%S+) (%d+)$')
         if token and token ~= ARGV[2] and tonumber(expiry) > now then return 0 end
         redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. ' ' .. string.format('%.0f', now + ARGV[3]))
         return 1",
    )
});

/// Ends a lease, unless another token has it.
static RELEASE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local lease = redis.call('HGET', KEYS[1], ARGV[1]) or ''
         if string.match(lease, '^(%S+)') == ARGV[2] then redis.call('HDEL', KEYS[1], ARGV[1]) end
         return 1",
    )
});

/// Acquires or renews the lease in a field of a hash: whether the token has it now.
pub(super) async fn acquire(
    connection: &SharedConnection,
    [key, field]: [&str; 2],
    token: &str,
    lease: Duration,
) -> StoreResult<bool> {
    let mut script = ACQUIRE.key(key);
    let micros = u64::try_from(lease.as_micros()).unwrap_or(u64::MAX);
    script.arg(field).arg(token).arg(micros);
    Ok(connection.eval(HSET, &script).await? == Value::Int(1))
}

/// Ends the lease in a field of a hash.
pub(super) async fn release(
    connection: &SharedConnection,
    [key, field]: [&str; 2],
    token: &str,
) -> StoreResult<()> {
    let mut script = RELEASE.key(key);
    script.arg(field).arg(token);
    connection.eval(HSET, &script).await.map(drop)
}
