//! Throughput of storing a full stream.

use std::fmt;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use readings::store::keys as store_keys;
use readings::store::stream::ReadingStream;
use redis::Pipeline;
use tokio::time::sleep;

use crate::cli::{DrainArguments, DrainLoad};
use crate::interleave::{InterleavedRuns, Outcome};
use crate::load::Load;
use crate::redis_server::{Redis, Store, connect};
use crate::report::Figure;
use crate::seed;
use crate::service::{self, Role, Service, Subject};
use crate::usage::{Rss, Spent, Usage, memory, micros_each};

/// How often the group is polled. Too low: Redis spends its time on polls (about 20 µs each). Too high: start and end
/// are detected late; each run seems longer by at most this.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// Timeout of a run.
const TIMEOUT: Duration = Duration::from_mins(2);

const FIGURES: [Figure; 6] = [
    Figure::new("readings/s", 0),
    Figure::new("own CPU, us a reading", 2),
    Figure::new("Redis CPU, us a reading", 2),
    Figure::new("Redis busy", 2),
    Figure::new("peak RSS, MB", 1),
    Figure::run_condition("others' CPU, cores", 2),
];

/// A subject and its number of replicas.
#[derive(Debug)]
struct Replicas {
    of: Subject,
    count: u32,
}

impl fmt::Display for Replicas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.count {
            1 => self.of.fmt(f),
            count => write!(f, "{count} x {}", self.of),
        }
    }
}

/// Compares programs with the plain loop, or numbers of replicas with each other.
///
/// # Errors
/// When a reading is lost, or a process ends or takes too long.
pub async fn run(arguments: &DrainArguments) -> anyhow::Result<Outcome> {
    service::check(&arguments.programs)?;
    let mut subjects = Vec::new();
    for of in Subject::all(&arguments.programs) {
        let replicas = arguments.replicas.iter();
        subjects.extend(replicas.map(|count| Replicas { of: of.clone(), count: count.get() }));
    }
    if arguments.replicas.len() == 1 {
        subjects.push(PLAIN);
    }
    let replicas = match arguments.replicas.as_slice() {
        [NonZeroU32::MIN] => "",
        _ => ", several replicas",
    };
    compare(&arguments.load, replicas, &subjects).await
}

const PLAIN: Replicas = Replicas { of: Subject::Plain(Role::Processing), count: 1 };

/// Runs the plain loop alone.
///
/// # Errors
/// As [`run`].
pub async fn run_baseline(load: &DrainLoad) -> anyhow::Result<Outcome> {
    compare(load, "", &[PLAIN]).await
}

async fn compare(
    arguments: &DrainLoad,
    replicas: &str,
    subjects: &[Replicas],
) -> anyhow::Result<Outcome> {
    let DrainLoad { entries, sites, skew, run } = arguments;
    let spread = if *skew > 0.0 { format!(" (Zipf {skew})") } else { String::new() };
    let scenario = format!("drain: {entries} entries of {sites} sites{spread}{replicas}");
    let load = Load::skewed(*sites, *skew)?;
    let runs = InterleavedRuns { scenario, subjects, run };
    runs.measure(FIGURES, async |subject, store| measure(subject, store, load, entries.get()).await)
        .await
}

async fn measure(
    subject: &Replicas,
    store: &Store,
    load: Load,
    entries: u32,
) -> anyhow::Result<[f64; 6]> {
    let redis = Redis::start(store).await?;
    redis.stream()?.ensure_group().await?;
    seed::stream(&redis, load, entries).await?;
    let start = |replica| service::start_replica(&subject.of, Role::Processing, &redis, replica);
    let mut services = (0..subject.count).map(start).collect::<anyhow::Result<Vec<_>>>()?;
    let spent = watch(&redis, &mut services, entries).await?;
    let peak = memory(&pids(&services), Rss::Peak)?;
    verify(&redis, load, entries).await?;
    for service in services {
        service.end().await?;
    }
    redis.end().await?;
    Ok(figures(&spent, entries, peak))
}

fn figures(spent: &Spent, entries: u32, peak: f64) -> [f64; 6] {
    [
        spent.rate(entries),
        micros_each(spent.service, entries),
        micros_each(spent.redis, entries),
        spent.share(spent.redis),
        peak,
        spent.share(spent.others),
    ]
}

fn pids(services: &[Service]) -> Vec<u32> {
    services.iter().flat_map(Service::pids).collect()
}

/// The resources used from the last poll at which all entries were unread to the first at which all were
/// acknowledged.
async fn watch(redis: &Redis, services: &mut [Service], entries: u32) -> anyhow::Result<Spent> {
    let (stream, deadline) = (redis.stream()?, Instant::now() + TIMEOUT);
    // Read at each poll: another implementation may start child processes.
    let usage = |services: &[Service]| Usage::now(&pids(services), Some(redis.pid()));
    let mut start = usage(services)?;
    loop {
        let now = usage(services)?;
        match progress(&stream, entries).await? {
            Progress::Untouched => start = now,
            Progress::Partly => {}
            Progress::Done => return Ok(usage(services)?.since(&start)),
        }
        services.iter_mut().try_for_each(Service::check)?;
        ensure!(Instant::now() < deadline, "the stream was not drained within {TIMEOUT:?}");
        sleep(POLL_INTERVAL).await;
    }
}

enum Progress {
    /// No entry was delivered.
    Untouched,
    Partly,
    /// All entries were delivered and acknowledged.
    Done,
}

async fn progress(stream: &ReadingStream, entries: u32) -> anyhow::Result<Progress> {
    let group = stream.group().await?.context("the consumer group is gone")?;
    let lag = group.reported_lag.context("Redis reports no lag")?;
    Ok(match (lag, group.pending) {
        (0, 0) => Progress::Done,
        (lag, _) if lag == i64::from(entries) => Progress::Untouched,
        _ => Progress::Partly,
    })
}

/// Verifies that every entry is stored once: a run that loses a reading is an error.
async fn verify(redis: &Redis, load: Load, entries: u32) -> anyhow::Result<()> {
    let mut connection = connect(redis.port()).await?;
    let mut count = Pipeline::new();
    for site in load.sites() {
        count.cmd("ZCARD").arg(store_keys::series(&site));
    }
    let stored: Vec<u64> = count.query_async(&mut connection).await?;
    let (stored, sent) = (stored.iter().sum::<u64>(), u64::from(entries));
    if stored != sent {
        bail!("LOST: {sent} entries in the stream, {stored} readings stored");
    }
    let group = redis.stream()?.group().await?.context("the consumer group is gone")?;
    ensure!(group.pending == 0, "{} entries are pending after the end", group.pending);
    Ok(())
}
