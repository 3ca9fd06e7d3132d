//! Throughput of storing a full stream while days of other sites are packed, compared with nothing to pack.

use std::fmt;
use std::path::Path;

use anyhow::ensure;
use readings::store::packed::PackedDays;

use crate::cli::DrainWhilePackingArguments;
use crate::drain;
use crate::draining::stored;
use crate::interleave::{InterleavedRuns, Outcome};
use crate::load::Load;
use crate::minutes::{self, A_DAY};
use crate::redis_server::{Redis, Store, server};
use crate::report::Figure;
use crate::seed;
use crate::service::{self, Role, Subject};
use crate::usage::{Spent, micros_each};

const FIGURES: [Figure; 5] = [
    Figure::new("readings/s", 0),
    Figure::new("own CPU, us a reading", 2),
    Figure::new("Redis CPU, us a reading", 2),
    Figure::new("packed meanwhile, readings", 0),
    Figure::run_condition("others' CPU, cores", 2),
];

/// A program that packs, or not.
#[derive(Debug)]
struct Variant {
    of: Subject,
    packs: bool,
}

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.of, if self.packs { ", packing" } else { "" })
    }
}

/// Measures the programs.
///
/// # Errors
/// When a reading is lost, or a process ends or takes too long.
pub async fn run(arguments: &DrainWhilePackingArguments) -> anyhow::Result<Outcome> {
    let DrainWhilePackingArguments { load, packed_sites, packed_days, programs } = arguments;
    service::check(programs)?;
    let mut subjects = Vec::new();
    for of in Subject::all(programs).filter(|of| matches!(of, Subject::Program { .. })) {
        subjects.extend([true, false].map(|packs| Variant { of: of.clone(), packs }));
    }
    let (entries, sites) = (load.entries.get(), load.sites);
    let old = [packed_sites.get(), packed_days.get()];
    let scenario = format!("drain: {entries} entries of {sites} sites, while days are packed");
    let runs = InterleavedRuns { scenario, subjects: &subjects, run: &load.run };
    let skewed = Load::skewed(sites, load.skew)?;
    let measure = async |of: &Variant, store: &_| measure(of, store, skewed, entries, old).await;
    runs.measure(FIGURES, measure).await
}

async fn measure(
    variant: &Variant,
    store: &Store,
    load: Load,
    entries: u32,
    [sites, days]: [u32; 2],
) -> anyhow::Result<[f64; 5]> {
    let redis = Redis::start(store).await?;
    let streams = redis.partitions()?;
    for stream in &streams {
        stream.ensure_group().await?;
    }
    minutes::store(&redis, sites, days + 1).await?;
    seed::stream(&redis, load, entries).await?;
    let setting = ("PACK_AFTER", Path::new(if variant.packs { "1h" } else { "0" }));
    let mut services = [service::start_with(&variant.of, Role::Processing, &redis, &[setting])?];
    let spent = drain::watch(&redis, streams, &mut services).await?;
    let packed = packed(&redis, sites).await?;
    let [service] = services;
    service.end().await?;
    let (hot, all) = (stored(&redis).await?, u64::from(entries + sites * (days + 1) * A_DAY));
    // Days of the drained sites may be packed, too: the sum is exact without packing only.
    ensure!(variant.packs || hot == all, "LOST: {all} readings, {hot} stored");
    redis.end().await?;
    Ok(figures(&spent, entries, packed))
}

fn figures(spent: &Spent, entries: u32, packed: f64) -> [f64; 5] {
    [
        spent.rate(entries),
        micros_each(spent.service, entries),
        micros_each(spent.redis, entries),
        packed,
        spent.share(spent.others),
    ]
}

/// The number of readings that were packed of the old sites.
async fn packed(redis: &Redis, sites: u32) -> anyhow::Result<f64> {
    let days = PackedDays::new(server(redis.port())?.shared());
    let mut packed = 0;
    for number in 0..sites {
        packed += days.of_site(&minutes::site(number)?).await?.members();
    }
    Ok(f64::from(u32::try_from(packed)?))
}
