//! Throughput of `GET /sites/{site_id}/readings` without parameters: all readings of a site.

use std::fmt;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread;
use std::time::Instant;

use anyhow::{Context, anyhow, ensure};
use readings::SiteId;
use readings::store::keys as store_keys;
use redis::cmd;
use serde::Deserialize;
use serde::de::IgnoredAny;
use tokio::process::Command;
use tokio::sync::oneshot;

use crate::cli::GetArguments;
use crate::download::{self, Download};
use crate::histogram::Latencies;
use crate::http::HttpStream;
use crate::interleave::{InterleavedRuns, Outcome};
use crate::open_loop::OpenLoop;
use crate::redis_server::{HOST, Redis, Store, connect};
use crate::report::Figure;
use crate::seed;
use crate::service::{self, Role, Subject};
use crate::startup::wait_until_ready;
use crate::usage::{Rss, Usage, memory, micros_each};

const HEALTH: &[u8] = b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n";

/// Requests of `/health` a second meanwhile. Too low: none falls into a response of a few milliseconds. Too high: they
/// wait for each other on their one connection.
const HEALTH_RATE: NonZeroU32 = NonZeroU32::MIN.saturating_add(49);

/// Seconds between two readings of the site: a year is 525,600.
const SECONDS: u32 = 60;

const FIGURES: [Figure; 10] = [
    Figure::new("readings/s", 0),
    Figure::new("whole answer, ms", 1),
    Figure::new("first byte of the body, ms", 2),
    Figure::new("own CPU, us a reading", 3),
    Figure::new("Redis CPU, us a reading", 3),
    Figure::new("RSS growth, MB", 1),
    Figure::new("/health p50 meanwhile, ms", 2),
    Figure::new("/health longest meanwhile, ms", 2),
    Figure::run_condition("answer, MB", 1),
    Figure::run_condition("others' CPU, cores", 2),
];

/// The source of the readings.
#[derive(Debug)]
enum Source {
    Service(Subject),
    /// The same while all days but the last are packed.
    Packed(PathBuf),
    /// `redis-cli ZRANGE`: the whole set in one command, output to `/dev/null`.
    RedisCli {
        scores: bool,
    },
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Service(subject) => subject.fmt(f),
            Self::Packed(program) => {
                write!(f, "{}, packed days", program.file_name().unwrap_or_default().display())
            }
            Self::RedisCli { scores: false } => f.write_str("redis-cli ZRANGE"),
            Self::RedisCli { scores: true } => f.write_str("redis-cli ZRANGE WITHSCORES"),
        }
    }
}

/// Compares programs with `redis-cli`.
///
/// # Errors
/// When a response is incomplete, or a process ends.
pub async fn run(arguments: &GetArguments) -> anyhow::Result<Vec<Outcome>> {
    service::check(&arguments.programs)?;
    let mut sources: Vec<_> = Subject::all(&arguments.programs).map(Source::Service).collect();
    sources.extend(arguments.programs.program.iter().cloned().map(Source::Packed));
    sources.extend([false, true].map(|scores| Source::RedisCli { scores }));
    let mut outcomes = Vec::new();
    for readings in &arguments.readings {
        let scenario = format!("GET of {readings} readings");
        let runs = InterleavedRuns { scenario, subjects: &sources, run: &arguments.run };
        let measure = async |source: &_, store: &_| measure(source, store, readings.get()).await;
        outcomes.push(runs.measure(FIGURES, measure).await?);
    }
    Ok(outcomes)
}

async fn measure(source: &Source, store: &Store, readings: u32) -> anyhow::Result<[f64; 10]> {
    let redis = Redis::start(store).await?;
    seed::device(&redis, SECONDS, readings).await?;
    let site = SiteId::new(seed::DEVICE_SITE).context("an id")?;
    let figures = match source {
        Source::Service(subject) => of_service(subject, &redis, &site, readings).await,
        Source::Packed(program) => {
            pack(program, &redis, &site).await?;
            let subject = Subject::Program { path: program.clone(), alone: true };
            of_service(&subject, &redis, &site, readings).await
        }
        Source::RedisCli { scores } => of_redis_cli(*scores, &redis, &site, readings).await,
    };
    redis.end().await?;
    figures
}

/// Packs the days of a site. Without a day that is packed there is nothing to compare.
async fn pack(program: &Path, redis: &Redis, site: &SiteId) -> anyhow::Result<()> {
    let mut command = service::command(program, &["pack", "--site", site.as_str()], redis);
    let ended = command.stdout(Stdio::null()).stderr(Stdio::piped()).output().await?;
    let printed = String::from_utf8_lossy(&ended.stderr);
    ensure!(ended.status.success(), "pack ended: {}: {printed}", ended.status);
    let mut connection = connect(redis.port()).await?;
    let days: u64 = cmd("HLEN").arg(store_keys::packed(site)).query_async(&mut connection).await?;
    ensure!(days > 0, "no day was packed of fewer than two days of readings");
    Ok(())
}

async fn of_service(
    subject: &Subject,
    redis: &Redis,
    site: &SiteId,
    readings: u32,
) -> anyhow::Result<[f64; 10]> {
    let mut service = service::start(subject, Role::Processing, redis)?;
    let address = service.address().await?;
    wait_until_ready(address, subject, Instant::now()).await?;
    let (path, pids) = (format!("/sites/{site}/readings"), service.pids());
    let idle = memory(&pids, Rss::Now)?;
    let length = verify(address, &path, readings).await?;
    let before = Usage::now(&pids, &redis.pids())?;
    let (download, health) = get(address, path).await?;
    let spent = Usage::now(&pids, &redis.pids())?.since(&before);
    ensure!(download.length == length, "the response now has {} bytes", download.length);
    let growth = memory(&pids, Rss::Peak)? - idle;
    service.end().await?;
    Ok([
        f64::from(readings) / download.whole.as_secs_f64(),
        download.whole.as_secs_f64() * 1e3,
        download.first.as_secs_f64() * 1e3,
        micros_each(spent.service, readings),
        micros_each(spent.redis, readings),
        growth,
        health.percentile(50.0),
        health.max(),
        f64::from(u32::try_from(length)?) / 1e6,
        spent.share(spent.others),
    ])
}

/// The part of a response that shows whether it is complete; parsing it needs no memory.
#[derive(Deserialize)]
struct ReadingsResponse {
    readings: Vec<IgnoredAny>,
}

/// Verifies that a response has all readings, and returns its length.
async fn verify(address: SocketAddr, path: &str, readings: u32) -> anyhow::Result<u64> {
    let body = download::body(address, path).await?;
    let response: ReadingsResponse = serde_json::from_slice(&body)?;
    let found = response.readings.len();
    ensure!(found == readings as usize, "LOST: {readings} readings are stored, {found} were given");
    Ok(body.len().try_into()?)
}

/// Downloads the response in another thread, so that it and the requests of `/health` do not wait for each other.
async fn get(address: SocketAddr, path: String) -> anyhow::Result<(Download, Latencies)> {
    let (done, mut responded) = oneshot::channel();
    let downloading = thread::spawn(move || {
        let download = download::measured(address, &path);
        // Err means that the run has failed.
        let _ = done.send(());
        download
    });
    let health = watch_health(address, &mut responded).await?;
    let download = downloading.join().map_err(|_| anyhow!("the download panicked"))??;
    Ok((download, health))
}

/// Requests `/health` until the response is complete; a latency starts when its request is due.
async fn watch_health(
    address: SocketAddr,
    done: &mut oneshot::Receiver<()>,
) -> anyhow::Result<Latencies> {
    let mut connection = HttpStream::connect(address).await?;
    let mut latencies = Latencies::new()?;
    let open_loop = OpenLoop::start(HEALTH_RATE);
    while matches!(done.try_recv(), Err(oneshot::error::TryRecvError::Empty)) {
        let due = open_loop.next().await?;
        let status = connection.request(HEALTH).await?;
        ensure!(status == 200, "/health responds {status}");
        latencies.add(due.elapsed())?;
    }
    Ok(latencies)
}

async fn of_redis_cli(
    scores: bool,
    redis: &Redis,
    site: &SiteId,
    readings: u32,
) -> anyhow::Result<[f64; 10]> {
    let mut command = Command::new("redis-cli");
    command.args(["-h", &HOST.to_string(), "-p", &redis.port().to_string()]);
    command.args(["ZRANGE", &store_keys::series(site), "0", "-1"]);
    if scores {
        command.arg("WITHSCORES");
    }
    command.stdout(Stdio::null()).kill_on_drop(true);
    let (before, started) = (Usage::now(&[], &redis.pids())?, Instant::now());
    let status = command.status().await.context("cannot start redis-cli")?;
    let whole = started.elapsed();
    let spent = Usage::now(&[], &redis.pids())?.since(&before);
    ensure!(status.success(), "redis-cli ended: {status}");
    let mut figures = [f64::NAN; 10];
    figures[0] = f64::from(readings) / whole.as_secs_f64();
    figures[1] = whole.as_secs_f64() * 1e3;
    figures[4] = micros_each(spent.redis, readings);
    Ok(figures)
}
