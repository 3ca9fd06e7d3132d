//! The tiers of stored readings in the response of `GET /pipeline`.

use poem_openapi::Object;
use readings::store::catalog::{Tier, Tiers};

/// How many readings are in which tier, from a sample of at most 64 sites: an estimate where there are more.
#[derive(Debug, Object)]
#[oai(rename = "PipelineTiers")]
pub struct TiersState {
    /// The number of sites.
    pub(super) sites: u64,
    /// The number of sites that were read. Where it is that of all, the rest is exact.
    pub(super) sampled_sites: u64,
    /// What is in sorted sets.
    pub(super) hot: TierState,
    /// What is in packed days, in Redis.
    pub(super) packed: TierState,
    /// What is in the archive.
    pub(super) archived: TierState,
}

/// A tier of stored readings.
#[derive(Debug, Object)]
#[oai(rename = "PipelineTier")]
pub struct TierState {
    pub(super) readings: u64,
    /// Days of sites; 0 for the sorted sets, which are not divided.
    pub(super) days: u64,
    /// Memory of Redis; null where the service may not ask for it. Of archived days what Redis keeps of them.
    #[oai(nullable)]
    pub(super) memory_bytes: Option<u64>,
}

impl From<Tiers> for TiersState {
    fn from(tiers: Tiers) -> Self {
        let Tiers { sites, sampled, hot, packed, archived } = tiers;
        let [hot, packed, archived] = [hot, packed, archived].map(TierState::from);
        Self { sites, sampled_sites: sampled, hot, packed, archived }
    }
}

impl From<Tier> for TierState {
    fn from(Tier { readings, days, bytes }: Tier) -> Self {
        Self { readings, days, memory_bytes: bytes }
    }
}
