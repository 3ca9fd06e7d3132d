//! Stores rollups, unless readings were removed since their members were read.

use std::sync::LazyLock;

use redis::Script;

use super::generation;
use super::stored_days::StoredDay;
use crate::energy::rollup::{DayRollup, encode};
use crate::reading::SiteId;
use crate::store::connection::{Generation, SharedConnection, reply};
use crate::store::error::{StoreError, StoreResult};
use crate::store::keys;

/// Bytes of rollups that are stored at once. Too low and a cold year takes many round trips; too high and they
/// fill memory, and Redis serves no other client meanwhile.
const KEPT_BYTES: usize = 1 << 20;

const EVALSHA: &str = "EVALSHA";

/// Arguments: the field of the generation, the generation from before the members were read, one for a site that
/// has none of its own, and each day with its rollup. Gives the generation, or nothing where it is another.
static KEEP: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local generation = redis.call('HGET', KEYS[1], ARGV[1]) or ''
         if generation ~= ARGV[2] then return false end
         if #generation < #ARGV[3] then
             generation = ARGV[3]
             redis.call('HSET', KEYS[1], ARGV[1], generation)
         end
         for i = 4, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
         return generation",
    )
});

/// Where rollups are stored, and where their members were read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Keeper<'a> {
    pub primary: &'a SharedConnection,
    pub reads: &'a SharedConnection,
    /// The generation of the connection in which the rollup generation was read.
    pub read_in: Generation,
}

impl Keeper<'_> {
    /// Whether all was read from one server. Another replica may be behind the one that the rollup generation was read
    /// from, and have readings that were removed before it.
    fn is_of_one_server(&self) -> bool {
        self.reads.generation() == self.read_in
    }
}

/// Rollups to store.
pub(super) struct Kept<'a> {
    keeper: Keeper<'a>,
    site: &'a SiteId,
    generation: Vec<u8>,
    rollups: Vec<(i32, Vec<u8>)>,
    bytes: usize,
    is_enabled: bool,
    /// The first failure; nothing is stored after it.
    failure: Option<StoreError>,
}

impl<'a> Kept<'a> {
    pub const fn new(keeper: Keeper<'a>, site: &'a SiteId, generation: Vec<u8>) -> Self {
        let rollups = Vec::new();
        Self { keeper, site, generation, rollups, bytes: 0, is_enabled: true, failure: None }
    }

    /// Nothing is stored.
    pub const fn disable(&mut self) {
        self.is_enabled = false;
    }

    /// Adds the rollup of one of these days, whose signature is the number of its readings so far.
    pub async fn push(&mut self, mut rollup: DayRollup, days: &[StoredDay]) {
        if !self.is_enabled {
            return;
        }
        // A reading is of another day than its score where that was rounded.
        let Some(day) = days.iter().find(|day| day.day == rollup.day) else { return };
        let Some(signature) = day.signature_of(rollup.signature) else { return };
        rollup.signature = signature;
        let Ok(bytes) = encode(&rollup) else { return };
        self.bytes += bytes.len();
        self.rollups.push((rollup.day.number(), bytes));
        if self.bytes >= KEPT_BYTES {
            self.flush().await;
        }
    }

    /// Stores what is left.
    ///
    /// # Errors
    /// The first failure to store rollups.
    pub async fn finish(mut self) -> StoreResult<()> {
        self.flush().await;
        self.failure.map_or(Ok(()), Err)
    }

    async fn flush(&mut self) {
        let rollups = std::mem::take(&mut self.rollups);
        self.bytes = 0;
        let is_kept = self.is_enabled && self.failure.is_none() && !rollups.is_empty();
        if is_kept && self.keeper.is_of_one_server() {
            self.failure = self.keep(&rollups).await.err();
        }
    }

    async fn keep(&mut self, rollups: &[(i32, Vec<u8>)]) -> StoreResult<()> {
        let mut script = KEEP.key(keys::rollups(self.site));
        script.arg(keys::ROLLUP_GENERATION).arg(self.generation.as_slice());
        script.arg(generation::first());
        for (day, bytes) in rollups {
            script.arg(day).arg(bytes.as_slice());
        }
        match reply::bytes(self.keeper.primary.eval(EVALSHA, &script).await?) {
            Some(generation) => self.generation = generation,
            None => self.is_enabled = false,
        }
        Ok(())
    }
}
