//! Throughput of storing a full stream.

use std::fmt;
use std::num::{NonZeroU16, NonZeroU32};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use readings::store::PartitionCount;
use readings::store::stream::ReadingStream;
use tokio::time::sleep;

use crate::cli::{DrainArguments, DrainLoad};
use crate::draining::{Draining, POLL_INTERVAL, Progress, stored};
use crate::interleave::{InterleavedRuns, Outcome};
use crate::layout::Layout;
use crate::load::Load;
use crate::redis_server::{Redis, Store};
use crate::report::Figure;
use crate::seed;
use crate::service::{self, Role, Service, Subject};
use crate::usage::{Rss, Spent, Usage, memory, micros_each};

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

/// A subject, its number of replicas, and how the stream lies in Redis.
#[derive(Debug)]
struct Replicas {
    of: Subject,
    count: u32,
    layout: Layout,
}

impl fmt::Display for Replicas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.count > 1 {
            write!(f, "{} x ", self.count)?;
        }
        write!(f, "{}{}", self.of, self.layout)
    }
}

/// Compares programs with the plain loop, or numbers of replicas, partitions and masters with each other.
///
/// # Errors
/// When a reading is lost, or a process ends or takes too long.
pub async fn run(arguments: &DrainArguments) -> anyhow::Result<Outcome> {
    service::check(&arguments.programs)?;
    let mut subjects = Vec::new();
    let (replicas, layouts) = (arguments.replicas.as_slice(), arguments.layout.all());
    for of in Subject::all(&arguments.programs) {
        for &layout in &layouts {
            let with = |count: &NonZeroU32| Replicas { of: of.clone(), count: count.get(), layout };
            subjects.extend(replicas.iter().map(with));
        }
    }
    // The plain loop reads one stream of one server.
    if replicas.len() == 1 && layouts == [Layout::SIMPLE] {
        subjects.push(PLAIN);
    }
    compare(&arguments.load, &variants(replicas, &layouts), &subjects).await
}

/// What the title says of a comparison of several numbers.
fn variants(replicas: &[NonZeroU32], layouts: &[Layout]) -> String {
    let replicas = if replicas == [NonZeroU32::MIN] { "" } else { ", several replicas" };
    let is_divided = |layout: &Layout| layout.partitions > PartitionCount::ONE;
    let partitions = if layouts.iter().any(is_divided) { ", several partitions" } else { "" };
    let is_cluster = |layout: &Layout| layout.masters > NonZeroU16::MIN;
    let masters = if layouts.iter().any(is_cluster) { ", Cluster" } else { "" };
    [replicas, partitions, masters].concat()
}

const PLAIN: Replicas =
    Replicas { of: Subject::Plain(Role::Processing), count: 1, layout: Layout::SIMPLE };

/// Runs the plain loop alone.
///
/// # Errors
/// As [`run`].
pub async fn run_baseline(load: &DrainLoad) -> anyhow::Result<Outcome> {
    compare(load, "", &[PLAIN]).await
}

async fn compare(
    arguments: &DrainLoad,
    variants: &str,
    subjects: &[Replicas],
) -> anyhow::Result<Outcome> {
    let DrainLoad { entries, sites, skew, run } = arguments;
    let spread = if *skew > 0.0 { format!(" (Zipf {skew})") } else { String::new() };
    let scenario = format!("drain: {entries} entries of {sites} sites{spread}{variants}");
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
    let redis = Redis::start_as(store, subject.layout).await?;
    let streams = redis.partitions()?;
    for stream in &streams {
        stream.ensure_group().await?;
    }
    seed::stream(&redis, load, entries).await?;
    let start = |replica| service::start_replica(&subject.of, Role::Processing, &redis, replica);
    let mut services = (0..subject.count).map(start).collect::<anyhow::Result<Vec<_>>>()?;
    let spent = watch(&redis, streams, &mut services).await?;
    let peak = memory(&pids(&services), Rss::Peak)?;
    verify(&redis, entries).await?;
    for service in services {
        service.end().await?;
    }
    redis.end().await?;
    Ok(figures(&spent, entries, peak, subject.layout))
}

fn figures(spent: &Spent, entries: u32, peak: f64, layout: Layout) -> [f64; 6] {
    [
        spent.rate(entries),
        micros_each(spent.service, entries),
        micros_each(spent.redis, entries),
        spent.share(spent.redis) / f64::from(layout.masters.get()),
        peak,
        spent.share(spent.others),
    ]
}

fn pids(services: &[Service]) -> Vec<u32> {
    services.iter().flat_map(Service::pids).collect()
}

/// The resources used from the last poll at which all entries were unread to the first at which all were
/// acknowledged.
///
/// # Errors
/// When a process ends, or takes too long.
pub async fn watch(
    redis: &Redis,
    streams: Vec<ReadingStream>,
    services: &mut [Service],
) -> anyhow::Result<Spent> {
    let (mut draining, deadline) = (Draining::new(streams).await?, Instant::now() + TIMEOUT);
    // Read at each poll: another implementation may start child processes.
    let usage = |services: &[Service]| Usage::now(&pids(services), &redis.pids());
    let mut start = usage(services)?;
    loop {
        let now = usage(services)?;
        match draining.poll().await? {
            Progress::Untouched => start = now,
            Progress::Partly => {}
            Progress::Done => return Ok(usage(services)?.since(&start)),
        }
        services.iter_mut().try_for_each(Service::check)?;
        ensure!(Instant::now() < deadline, "the stream was not drained within {TIMEOUT:?}");
        sleep(POLL_INTERVAL).await;
    }
}

/// Verifies that every entry is stored once: a run that loses a reading is an error.
async fn verify(redis: &Redis, entries: u32) -> anyhow::Result<()> {
    let (stored, sent) = (stored(redis).await?, u64::from(entries));
    if stored != sent {
        bail!("LOST: {sent} entries in the stream, {stored} readings stored");
    }
    for stream in redis.partitions()? {
        let group = stream.group().await?.context("the consumer group is gone")?;
        ensure!(group.pending == 0, "{} entries are pending after the end", group.pending);
    }
    Ok(())
}
