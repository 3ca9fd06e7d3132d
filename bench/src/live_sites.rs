//! Memory of active sites: before and after each has sent a reading.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use tokio::time::sleep;

use crate::cli::LiveSitesArguments;
use crate::interleave::{InterleavedRuns, Outcome};
use crate::load::Load;
use crate::redis_server::{Redis, Store};
use crate::report::Figure;
use crate::seed;
use crate::service::{self, Role, Subject};
use crate::usage::{Rss, memory};

const FIGURES: [Figure; 3] = [
    Figure::new("RSS of a live site, kB", 2),
    Figure::new("RSS with one site, MB", 1),
    Figure::new("RSS with all sites, MB", 1),
];

/// How often the group is polled.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// Timeout of storing.
const TIMEOUT: Duration = Duration::from_mins(1);

/// Measures the programs.
///
/// # Errors
/// When a program ends, or does not store all readings.
pub async fn run(arguments: &LiveSitesArguments) -> anyhow::Result<Outcome> {
    service::check(&arguments.programs)?;
    let subjects: Vec<_> = Subject::all(&arguments.programs).collect();
    let LiveSitesArguments { sites, run, .. } = arguments;
    let runs =
        InterleavedRuns { scenario: format!("live sites: {sites}"), subjects: &subjects, run };
    let measure = async |subject: &_, store: &_| measure(subject, store, *sites).await;
    runs.measure(FIGURES, measure).await
}

/// As many readings of one site are stored first, so that buffers have grown: the difference is the memory of sites.
async fn measure(subject: &Subject, store: &Store, sites: NonZeroU32) -> anyhow::Result<[f64; 3]> {
    let redis = Redis::start(store).await?;
    redis.stream()?.ensure_group().await?;
    let mut service = service::start(subject, Role::Processing, &redis)?;
    service.started().await?;
    seed::stream(&redis, Load::even(NonZeroU32::MIN)?, sites.get()).await?;
    wait_until_stored(&redis).await?;
    let before = memory(&service.pids(), Rss::Now)?;
    seed::stream(&redis, Load::in_order(sites), sites.get()).await?;
    wait_until_stored(&redis).await?;
    let after = memory(&service.pids(), Rss::Now)?;
    service.end().await?;
    redis.end().await?;
    Ok([(after - before) * 1024.0 / f64::from(sites.get()), before, after])
}

/// Waits until all entries are delivered and acknowledged.
async fn wait_until_stored(redis: &Redis) -> anyhow::Result<()> {
    let (stream, deadline) = (redis.stream()?, Instant::now() + TIMEOUT);
    loop {
        let group = stream.group().await?.context("the consumer group is gone")?;
        if (group.reported_lag, group.pending) == (Some(0), 0) {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "not all readings were stored within {TIMEOUT:?}");
        sleep(POLL_INTERVAL).await;
    }
}
