//! Many sites, each with one reading: what they cost when they are stored, in Redis, in the list of sites and in rollups.

use std::fmt;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use redis::cmd;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::cli::SitesArguments;
use crate::download::KeptConnection;
use crate::drain;
use crate::draining::stored;
use crate::histogram::Latencies;
use crate::interleave::{InterleavedRuns, Outcome};
use crate::layout::Layout;
use crate::load::Load;
use crate::redis_server::{Redis, Store, connect, keys};
use crate::report::Figure;
use crate::seed;
use crate::service::{self, Role, Service, Subject};
use crate::startup::wait_until_ready;
use crate::usage::{Rss, Spent, memory, micros_each};

const FIGURES: [Figure; 13] = [
    Figure::new("readings/s", 0),
    Figure::new("own CPU, us a reading", 2),
    Figure::new("Redis CPU, us a reading", 2),
    Figure::new("peak RSS, MB", 1),
    Figure::new("Redis memory, bytes a site", 0),
    Figure::new("of it the index, bytes a site", 0),
    Figure::new("page of /sites p50, ms", 2),
    Figure::new("page of /sites p99, ms", 2),
    Figure::new("all pages of /sites, s", 2),
    Figure::new("reindex, s", 2),
    Figure::new("rollups build, s", 2),
    Figure::new("rollups, bytes a site", 0),
    Figure::run_condition("others' CPU, cores", 2),
];

/// Sites of a page: the most.
const PAGE: usize = 1_000;

/// A program, and how the stream lies in Redis.
#[derive(Debug)]
struct Spread {
    of: Subject,
    layout: Layout,
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.of, self.layout)
    }
}

/// Measures the programs.
///
/// # Errors
/// When a reading or a site is lost, or a process ends or takes too long.
pub async fn run(arguments: &SitesArguments) -> anyhow::Result<Outcome> {
    let SitesArguments { sites, layout, run, programs } = arguments;
    service::check(programs)?;
    let mut subjects = Vec::new();
    for of in Subject::all(programs).filter(|of| matches!(of, Subject::Program { .. })) {
        let with = |layout| Spread { of: of.clone(), layout };
        subjects.extend(layout.all().into_iter().map(with));
    }
    let runs = InterleavedRuns { scenario: format!("{sites} sites"), subjects: &subjects, run };
    let measure = async |subject: &_, store: &_| measure(subject, store, *sites).await;
    runs.measure(FIGURES, measure).await
}

async fn measure(subject: &Spread, store: &Store, sites: NonZeroU32) -> anyhow::Result<[f64; 13]> {
    let redis = Redis::start_as(store, subject.layout).await?;
    let empty = used_memory(&redis).await?;
    let (spent, peak, pages) = store_and_list(subject, &redis, sites).await?;
    trim(&redis).await?;
    let with_sites = used_memory(&redis).await?;
    let index = index_memory(&redis).await?;
    let reindex = reindex(&subject.of, &redis, sites.get()).await?;
    let rollups = run_command(&subject.of, &redis, &["rollups", "build"]).await?;
    let with_rollups = used_memory(&redis).await?;
    redis.end().await?;
    let (count, each) = (sites.get(), |bytes: f64| bytes / f64::from(sites.get()));
    Ok([
        spent.rate(count),
        micros_each(spent.service, count),
        micros_each(spent.redis, count),
        peak,
        each(with_sites - empty),
        each(index),
        pages.each.percentile(50.0),
        pages.each.percentile(99.0),
        pages.all.as_secs_f64(),
        reindex.as_secs_f64(),
        rollups.as_secs_f64(),
        each(with_rollups - with_sites),
        spent.share(spent.others),
    ])
}

/// Stores a reading of each site, and lists the sites.
async fn store_and_list(
    subject: &Spread,
    redis: &Redis,
    sites: NonZeroU32,
) -> anyhow::Result<(Spent, f64, Pages)> {
    let streams = redis.partitions()?;
    for stream in &streams {
        stream.ensure_group().await?;
    }
    seed::stream(redis, Load::in_order(sites), sites.get()).await?;
    let mut services = [service::start(&subject.of, Role::Processing, redis)?];
    let spent = drain::watch(redis, streams, &mut services).await?;
    let [mut service] = services;
    let found = stored(redis).await?;
    ensure!(found == u64::from(sites.get()), "LOST: {sites} entries, {found} readings stored");
    let peak = memory(&service.pids(), Rss::Peak)?;
    let pages = list(&mut service, &subject.of, sites.get()).await?;
    service.end().await?;
    Ok((spent, peak, pages))
}

/// The times of the pages of the list.
#[derive(Debug)]
struct Pages {
    each: Latencies,
    all: Duration,
}

/// The part of a page that is checked.
#[derive(Deserialize)]
struct Page {
    sites: Vec<IgnoredAny>,
    next_cursor: Option<String>,
}

async fn list(service: &mut Service, of: &Subject, sites: u32) -> anyhow::Result<Pages> {
    let address: SocketAddr = service.address().await?;
    wait_until_ready(address, of, Instant::now()).await?;
    let mut connection = KeptConnection::to(address).await?;
    let (mut each, mut listed, started) = (Latencies::new()?, 0, Instant::now());
    let first = format!("/sites?limit={PAGE}");
    let mut path = first.clone();
    loop {
        let (download, body) = connection.body(&path).await?;
        each.add(download.whole)?;
        let page: Page = serde_json::from_slice(&body)?;
        listed += page.sites.len();
        let Some(cursor) = page.next_cursor else { break };
        path = format!("{first}&cursor={cursor}");
    }
    ensure!(listed == sites as usize, "LOST: {sites} sites have readings, {listed} are listed");
    Ok(Pages { each, all: started.elapsed() })
}

/// Deletes the index, and has it found again.
async fn reindex(of: &Subject, redis: &Redis, sites: u32) -> anyhow::Result<Duration> {
    let (index, mut connection) = index(redis).await?;
    let mut delete = cmd("DEL");
    delete.arg(&index).query_async::<()>(&mut connection).await?;
    let took = run_command(of, redis, &["reindex"]).await?;
    let mut count = cmd("ZCARD");
    let found: u32 = count.arg(&index).query_async(&mut connection).await?;
    ensure!(found == sites, "LOST: {sites} sites have readings, reindex has found {found}");
    Ok(took)
}

/// Runs a command of the program to its end.
async fn run_command(of: &Subject, redis: &Redis, words: &[&str]) -> anyhow::Result<Duration> {
    let Subject::Program { path, .. } = of else {
        anyhow::bail!("only the program has commands");
    };
    let started = Instant::now();
    let output = service::command(path, words, redis).output().await?;
    let took = started.elapsed();
    let complaint = String::from_utf8_lossy(&output.stderr);
    let name = Path::new(path).display();
    ensure!(output.status.success(), "{name} {}: {}, {complaint}", words.join(" "), output.status);
    Ok(took)
}

async fn index(redis: &Redis) -> anyhow::Result<(String, redis::aio::MultiplexedConnection)> {
    let index = keys().sites();
    let port = redis.ports()[redis.owner(&index).await?];
    Ok((index, connect(port).await?))
}

async fn index_memory(redis: &Redis) -> anyhow::Result<f64> {
    let (index, mut connection) = index(redis).await?;
    let mut usage = cmd("MEMORY");
    usage.arg("USAGE").arg(index).arg("SAMPLES").arg(0);
    Ok(usage.query_async(&mut connection).await?)
}

/// Bytes that all servers use.
async fn used_memory(redis: &Redis) -> anyhow::Result<f64> {
    let mut used = 0.0;
    for port in redis.ports() {
        let mut info = cmd("INFO");
        let text: String = info.arg("memory").query_async(&mut connect(port).await?).await?;
        let line = text.lines().find_map(|line| line.strip_prefix("used_memory:"));
        used += line.context("the server says how much it uses")?.trim().parse::<f64>()?;
    }
    Ok(used)
}

/// Removes the entries, which stay for `STREAM_RETENTION`: the memory of the sites is measured without them.
async fn trim(redis: &Redis) -> anyhow::Result<()> {
    for partition in redis.layout().partitions.partitions() {
        let stream = keys().of_partition(partition).stream().to_owned();
        let port = redis.ports()[redis.owner(&stream).await?];
        let mut trim = cmd("XTRIM");
        trim.arg(&stream).arg("MAXLEN").arg(0);
        trim.query_async::<()>(&mut connect(port).await?).await?;
    }
    Ok(())
}
