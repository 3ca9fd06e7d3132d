//! How fast all readings of a site are given: a bare `GET /sites/{site_id}/readings`.

use std::fmt;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::process::Stdio;
use std::thread;
use std::time::Instant;

use anyhow::{Context, anyhow, ensure};
use readings::SiteId;
use readings::store::keys as store_keys;
use serde::Deserialize;
use serde::de::IgnoredAny;
use tokio::process::Command;
use tokio::sync::oneshot;

use crate::cli::GetArguments;
use crate::download::{self, Download};
use crate::histogram::Latencies;
use crate::http::HttpStream;
use crate::interleave::{Outcome, Turns};
use crate::load::Load;
use crate::open_loop::Pace;
use crate::redis_server::{HOST, Redis, Store};
use crate::report::Figure;
use crate::seed;
use crate::service::{self, Role, Subject};
use crate::startup::wait_until_ready;
use crate::usage::{Rss, Usage, memory, micros_each};

const HEALTH: &[u8] = b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n";

/// How often `/health` is asked for meanwhile, in a second. Too low and an answer of a few
/// milliseconds meets none of them; too high and they wait for each other, as they share a
/// connection.
const HEALTH_RATE: NonZeroU32 = NonZeroU32::MIN.saturating_add(49);

const FIGURES: [Figure; 10] = [
    Figure::new("readings/s", 0),
    Figure::new("whole answer, ms", 1),
    Figure::new("first byte of the body, ms", 2),
    Figure::new("own CPU, us a reading", 3),
    Figure::new("Redis CPU, us a reading", 3),
    Figure::new("RSS growth, MB", 1),
    Figure::new("/health p50 meanwhile, ms", 2),
    Figure::new("/health longest meanwhile, ms", 2),
    Figure::of_the_run("answer, MB", 1),
    Figure::of_the_run("others' CPU, cores", 2),
];

/// Who gives the readings.
#[derive(Debug)]
enum Giver {
    Service(Subject),
    /// `redis-cli ZRANGE`, all of the set in one command, written to nowhere.
    RedisCli {
        scores: bool,
    },
}

impl fmt::Display for Giver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Service(subject) => subject.fmt(f),
            Self::RedisCli { scores: false } => f.write_str("redis-cli ZRANGE"),
            Self::RedisCli { scores: true } => f.write_str("redis-cli ZRANGE WITHSCORES"),
        }
    }
}

/// Compares programs with `redis-cli`.
///
/// # Errors
/// When an answer is not whole, or a process ends.
pub async fn run(arguments: &GetArguments) -> anyhow::Result<Vec<Outcome>> {
    service::check(&arguments.programs)?;
    let mut givers: Vec<_> = Subject::all(&arguments.programs).map(Giver::Service).collect();
    givers.extend([false, true].map(|scores| Giver::RedisCli { scores }));
    let mut outcomes = Vec::new();
    for readings in &arguments.readings {
        let scenario = format!("GET of {readings} readings");
        let turns = Turns { scenario, subjects: &givers, run: &arguments.run };
        let measure = async |giver: &_, store: &_| measure(giver, store, readings.get()).await;
        outcomes.push(turns.take(FIGURES, measure).await?);
    }
    Ok(outcomes)
}

async fn measure(giver: &Giver, store: &Store, readings: u32) -> anyhow::Result<[f64; 10]> {
    let (redis, load) = (Redis::start(store).await?, Load::even(NonZeroU32::MIN)?);
    seed::series(&redis, load, readings).await?;
    let site = load.sites().next().context("the load has a site")?;
    let figures = match giver {
        Giver::Service(subject) => of_service(subject, &redis, &site, readings).await,
        Giver::RedisCli { scores } => of_redis_cli(*scores, &redis, &site, readings).await,
    };
    redis.end().await?;
    figures
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
    let before = Usage::now(&pids, Some(redis.pid()))?;
    let (download, health) = get(address, path).await?;
    let spent = Usage::now(&pids, Some(redis.pid()))?.since(&before);
    ensure!(download.length == length, "the answer has {} bytes now", download.length);
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
        health.longest(),
        f64::from(u32::try_from(length)?) / 1e6,
        spent.share(spent.others),
    ])
}

/// The part of an answer that says whether it is whole; it takes no memory to parse.
#[derive(Deserialize)]
struct Answer {
    readings: Vec<IgnoredAny>,
}

/// Makes sure that an answer has all readings, and gives its length.
async fn verify(address: SocketAddr, path: &str, readings: u32) -> anyhow::Result<u64> {
    let body = download::body(address, path).await?;
    let answer: Answer = serde_json::from_slice(&body)?;
    let found = answer.readings.len();
    ensure!(found == readings as usize, "LOST: {readings} readings are stored, {found} were given");
    Ok(body.len().try_into()?)
}

/// Gets the answer in a thread of its own, so that looking at `/health` and taking the answer do not wait for
/// each other.
async fn get(address: SocketAddr, path: String) -> anyhow::Result<(Download, Latencies)> {
    let (done, mut answered) = oneshot::channel();
    let taken = thread::spawn(move || {
        let download = download::measured(address, &path);
        // Without a receiver the run has failed already.
        let _ = done.send(());
        download
    });
    let health = watch_health(address, &mut answered).await?;
    let download = taken.join().map_err(|_| anyhow!("the download panicked"))??;
    Ok((download, health))
}

/// Asks for `/health` until the answer is there; the time of each counts from when it was due.
async fn watch_health(
    address: SocketAddr,
    done: &mut oneshot::Receiver<()>,
) -> anyhow::Result<Latencies> {
    let mut connection = HttpStream::connect(address).await?;
    let mut latencies = Latencies::new()?;
    let pace = Pace::start(HEALTH_RATE);
    while matches!(done.try_recv(), Err(oneshot::error::TryRecvError::Empty)) {
        let due = pace.next().await?;
        let status = connection.exchange(HEALTH).await?;
        ensure!(status == 200, "/health was answered with {status}");
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
    let (before, started) = (Usage::now(&[], Some(redis.pid()))?, Instant::now());
    let status = command.status().await.context("cannot start redis-cli")?;
    let whole = started.elapsed();
    let spent = Usage::now(&[], Some(redis.pid()))?.since(&before);
    ensure!(status.success(), "redis-cli ended: {status}");
    let mut figures = [f64::NAN; 10];
    figures[0] = f64::from(readings) / whole.as_secs_f64();
    figures[1] = whole.as_secs_f64() * 1e3;
    figures[4] = micros_each(spent.redis, readings);
    Ok(figures)
}
