//! How fast a full stream is stored.

use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use chrono::Utc;
use readings::store::codec;
use readings::store::keys as store_keys;
use readings::store::stream::ReadingStream;
use redis::{Pipeline, cmd};
use tokio::time::sleep;

use crate::cli::{DrainArguments, DrainLoad};
use crate::load::Load;
use crate::process::Process;
use crate::redis_server::{Redis, connect, keys};
use crate::report::Figure;
use crate::service::{self, Role, Subject};
use crate::turns::Turns;
use crate::usage::{Rss, Spent, Usage, memory, micros_each};

/// `XADD`s that are sent at a time.
const PRELOAD_BATCH: usize = 1_000;

/// How often the group is looked at. Too low and Redis spends its time on that (about 20 µs each);
/// too high and the end, or the start, is seen late: each run seems longer by this at most.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// How long one run may take.
const TIMEOUT: Duration = Duration::from_mins(2);

const FIGURES: [Figure; 6] = [
    Figure::new("readings/s", 0),
    Figure::new("own CPU, us a reading", 2),
    Figure::new("Redis CPU, us a reading", 2),
    Figure::new("Redis busy", 2),
    Figure::new("peak RSS, MB", 1),
    Figure::of_the_run("others' CPU, cores", 2),
];

/// Compares programs with the plain loop.
///
/// # Errors
/// When anything is lost, ends or takes too long.
pub async fn run(arguments: &DrainArguments) -> anyhow::Result<()> {
    service::check(&arguments.programs)?;
    let mut subjects = Subject::programs(&arguments.programs);
    subjects.push(Subject::Plain);
    compare(&arguments.load, &subjects).await
}

/// Runs the plain loop alone.
///
/// # Errors
/// As [`run`].
pub async fn run_baseline(load: &DrainLoad) -> anyhow::Result<()> {
    compare(load, &[Subject::Plain]).await
}

async fn compare(load: &DrainLoad, subjects: &[Subject]) -> anyhow::Result<()> {
    let DrainLoad { entries, sites, run } = load;
    let title = format!("drain: {entries} entries of {sites} sites");
    let turns = Turns { title, role: Role::Processing, subjects, run };
    turns.take(FIGURES, async |subject| measure(subject, load).await).await
}

async fn measure(subject: &Subject, load: &DrainLoad) -> anyhow::Result<[f64; 6]> {
    let redis = Redis::start(load.run.aof).await?;
    preload(&redis, load).await?;
    let mut process = service::start(subject, Role::Processing, &redis)?;
    let spent = watch(&redis, &mut process, load.entries.get()).await?;
    let peak = memory(process.pid(), Rss::Peak)?;
    verify(&redis, load).await?;
    process.end().await?;
    redis.end().await?;
    Ok(figures(&spent, load.entries.get(), peak))
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

/// Fills the stream, all of which the group has still to read.
async fn preload(redis: &Redis, load: &DrainLoad) -> anyhow::Result<()> {
    redis.stream()?.ensure_group().await?;
    let mut connection = connect(redis.port()).await?;
    let (keys, readings) = (keys(), Load::new(load.sites));
    let numbers: Vec<u32> = (0..load.entries.get()).collect();
    for batch in numbers.chunks(PRELOAD_BATCH) {
        let mut pipeline = Pipeline::with_capacity(PRELOAD_BATCH);
        let now = codec::ingestion_time(Utc::now());
        for &number in batch {
            let mut add = cmd("XADD");
            add.arg(keys.stream()).arg("*");
            for (name, value) in codec::stream_fields(&readings.reading(number)?, &now) {
                add.arg(name).arg(value.as_bytes());
            }
            pipeline.add_command(add).ignore();
        }
        pipeline.query_async::<()>(&mut connection).await?;
    }
    Ok(())
}

/// What was spent from the last moment at which the group had read nothing to the first at which it
/// had acknowledged everything.
async fn watch(redis: &Redis, process: &mut Process, entries: u32) -> anyhow::Result<Spent> {
    let (stream, deadline) = (redis.stream()?, Instant::now() + TIMEOUT);
    let mut start = Usage::now(process.pid(), redis.pid())?;
    loop {
        let now = Usage::now(process.pid(), redis.pid())?;
        match progress(&stream, entries).await? {
            Progress::Untouched => start = now,
            Progress::Partly => {}
            Progress::Done => return Ok(Usage::now(process.pid(), redis.pid())?.since(&start)),
        }
        process.check()?;
        ensure!(Instant::now() < deadline, "the stream was not drained within {TIMEOUT:?}");
        sleep(LOOK_EVERY).await;
    }
}

enum Progress {
    /// No entry has been read.
    Untouched,
    Partly,
    /// All entries have been read and acknowledged.
    Done,
}

async fn progress(stream: &ReadingStream, entries: u32) -> anyhow::Result<Progress> {
    let group = stream.group().await?.context("the consumer group is gone")?;
    let lag = group.lag.context("Redis knows no lag")?;
    Ok(match (lag, group.pending) {
        (0, 0) => Progress::Done,
        (lag, _) if lag == u64::from(entries) => Progress::Untouched,
        _ => Progress::Partly,
    })
}

/// Makes sure that all was stored, once: a benchmark that loses is an error.
async fn verify(redis: &Redis, load: &DrainLoad) -> anyhow::Result<()> {
    let mut connection = connect(redis.port()).await?;
    let mut count = Pipeline::new();
    for site in Load::new(load.sites).sites() {
        count.cmd("ZCARD").arg(store_keys::series(&site));
    }
    let stored: Vec<u64> = count.query_async(&mut connection).await?;
    let (stored, sent) = (stored.iter().sum::<u64>(), u64::from(load.entries.get()));
    if stored != sent {
        bail!("LOST: {sent} entries were in the stream, {stored} readings are stored");
    }
    let group = redis.stream()?.group().await?.context("the consumer group is gone")?;
    ensure!(group.pending == 0, "{} entries are pending after the end", group.pending);
    Ok(())
}
