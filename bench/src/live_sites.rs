//! What it takes to have many sites at work: memory before and after each has sent a reading.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use tokio::time::sleep;

use crate::cli::LiveSitesArguments;
use crate::interleave::{Outcome, Turns};
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

/// How often it is looked whether all is stored.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// How long storing may take.
const TIMEOUT: Duration = Duration::from_mins(1);

/// Measures programs.
///
/// # Errors
/// When one ends, or does not store all.
pub async fn run(arguments: &LiveSitesArguments) -> anyhow::Result<Outcome> {
    service::check(&arguments.programs)?;
    let subjects: Vec<_> = Subject::all(&arguments.programs).collect();
    let LiveSitesArguments { sites, run, .. } = arguments;
    let turns = Turns { scenario: format!("live sites: {sites}"), subjects: &subjects, run };
    let measure = async |subject: &_, store: &_| measure(subject, store, *sites).await;
    turns.take(FIGURES, measure).await
}

/// As many readings of one site come first: buffers have grown then, and the difference is the
/// sites'.
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

/// Waits until all of the stream has been read and acknowledged.
async fn wait_until_stored(redis: &Redis) -> anyhow::Result<()> {
    let (stream, deadline) = (redis.stream()?, Instant::now() + TIMEOUT);
    loop {
        let group = stream.group().await?.context("the consumer group is gone")?;
        if (group.reported_lag, group.pending) == (Some(0), 0) {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "not all was stored within {TIMEOUT:?}");
        sleep(LOOK_EVERY).await;
    }
}
