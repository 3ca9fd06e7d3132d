//! Keys of readings whose partition is not known from the key: where the stream has several partitions, a key is
//! registered in the place that it has with one, before an entry is appended to a partition.
//!
//! The partition of a reading depends on its site and on the number of partitions, and a repetition may come with another
//! of either. The registration says which number decides: it has the digest of the body, as the record of an entry has,
//! then `@` and the number. Of a delivery, whose key is used again for other messages, it has a nonce as well, which the
//! record in the partition has, too (`docs/decisions/0056-partitions-and-keys-across-a-change.md`).

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;
use std::time::Duration;

use redis::{Script, cmd};

use super::idempotency::{IdempotencyKey, key_window};
use super::packed_array::PackedArray;
use super::reading_stream::{ReadingStream, milliseconds};
use crate::store::connection::reply;
use crate::store::error::StoreResult;
use crate::store::partition::PartitionCount;

/// Registers the keys that have no record, and gives the numbers and values of the others. A registration of the window
/// before is copied to the present one: it is needed as long as the record in the partition.
static REGISTER: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local call, keys, known, expires = redis.call, cmsgpack.unpack(ARGV[1]), {}, {}
         local number, nonce, ttl = ARGV[2], ARGV[3], ARGV[4]
         for k = 1, #keys, 3 do
             local field, record, hash = keys[k], keys[k + 1], 2 * keys[k + 2]
             if hash ~= 0 then
                 local replaces = hash < 0
                 if replaces then hash = -hash end
                 local present = KEYS[hash - 1]
                 local value, is_former = call('HGET', present, field), false
                 if not value then
                     value = call('HGET', KEYS[hash], field)
                     is_former = value
                 end
                 if value and replaces and string.sub(value, 1, #record) ~= record then value = false end
                 if value then
                     known[#known + 1] = (k - 1) / 3
                     known[#known + 1] = value
                 end
                 if not value or is_former and string.match(value, '@%d+$') then
                     call('HSET', present, field, value or record .. (replaces and nonce or '') .. '@' .. number)
                     if not expires[present] then
                         call('PEXPIRE', present, ttl)
                         expires[present] = true
                     end
                 end
             end
         end
         return known",
    )
});

/// Keys to register, as a chunk of a batch has them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Keys<'a> {
    /// An array of field, record and number of the hash (0: no key; negative: that of a delivery) for each reading.
    pub packed: &'a [u8],
    /// The hashes, from number 1 on.
    pub shards: &'a [u16],
    /// The window in which they are registered.
    pub window: u64,
    /// How long they are known at least.
    pub ttl: Duration,
}

/// What was known of keys when they were registered.
#[derive(Debug, Default)]
pub(super) struct Registered {
    /// The values of those that were known, by the numbers of the readings.
    pub known: HashMap<usize, Vec<u8>>,
    /// What new registrations of deliveries have after their records.
    pub nonce: [u8; 8],
}

impl ReadingStream {
    /// Registers keys, with this number of partitions, in the hashes of this stream.
    ///
    /// # Errors
    /// When the server rejected it or did not reply; it can be repeated.
    pub(super) async fn register(
        &self,
        keys: Keys<'_>,
        count: PartitionCount,
    ) -> StoreResult<Registered> {
        const OPERATION: &str = "HSET keys";
        let nonce = RandomState::new().hash_one(()).to_be_bytes();
        let mut command = cmd("EVALSHA");
        command.arg(REGISTER.get_hash()).arg(2 * keys.shards.len());
        for shard in keys.shards {
            command.arg(self.keys().idempotency(keys.window, *shard));
            command.arg(self.keys().idempotency(keys.window.saturating_sub(1), *shard));
        }
        // Twice the window: a key that is set at its begin is known until the end of the next one.
        let ttl = milliseconds(keys.ttl * 2);
        command.arg(keys.packed).arg(count.get()).arg(&nonce).arg(ttl);
        let reply = self.connection().eval_command(OPERATION, &REGISTER, &command).await?;
        let known = reply::numbered(reply);
        let known = known.ok_or_else(|| self.connection().unexpected_reply(OPERATION))?;
        Ok(Registered { known: known.into_iter().collect(), nonce })
    }

    /// Registers one key; gives its value if it was known.
    pub(super) async fn register_key(
        &self,
        key: &IdempotencyKey,
        ttl: Duration,
        count: PartitionCount,
    ) -> StoreResult<Option<Vec<u8>>> {
        self.register_key_in(key, key_window(ttl), ttl, count).await
    }

    /// The same in this window.
    pub(super) async fn register_key_in(
        &self,
        key: &IdempotencyKey,
        window: u64,
        ttl: Duration,
        count: PartitionCount,
    ) -> StoreResult<Option<Vec<u8>>> {
        let mut packed = PackedArray::default();
        packed.push(key.key());
        packed.push(key.body());
        packed.push_number(1);
        packed.count(3);
        let keys = Keys { packed: packed.bytes(), shards: &[key.shard()], window, ttl };
        Ok(self.register(keys, count).await?.known.remove(&0))
    }
}
