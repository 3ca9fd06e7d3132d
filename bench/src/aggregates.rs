//! `GET /sites/{site_id}/aggregates`: energy by day of a year of one device.

use std::time::Instant;

use anyhow::{Context, ensure};
use readings::SiteId;
use readings::store::keys as store_keys;
use redis::cmd;

use crate::cli::AggregatesArguments;
use crate::download::KeptConnection;
use crate::histogram::Latencies;
use crate::interleave::{InterleavedRuns, Outcome};
use crate::redis_server::{Redis, Store, connect};
use crate::report::Figure;
use crate::seed::{self, DEVICE_SITE};
use crate::service::{self, Role, Subject};
use crate::startup::wait_until_ready;
use crate::usage::Usage;

const YEAR_SECONDS: u32 = 365 * 86_400;

/// Energy by day of the year, by the clock of a zone whose days are not those of UTC.
const QUESTION: &str = "start=2023-01-01T00:00:00-08:00&end=2024-01-01T00:00:00-08:00&interval=1d&tz=America/Los_Angeles";

const FIGURES: [Figure; 10] = [
    Figure::new("from rollups p50, ms", 2),
    Figure::new("from rollups p99, ms", 2),
    Figure::new("own CPU, ms each", 2),
    Figure::new("Redis CPU, ms each", 2),
    Figure::new("without rollups, ms", 1),
    Figure::new("GET of all readings, ms", 1),
    Figure::new("without rollups / GET", 2),
    Figure::new("rollups, MB", 2),
    Figure::new("rollups / readings, %", 2),
    Figure::run_condition("others' CPU, cores", 2),
];

/// Compares programs.
///
/// # Errors
/// When a response is incomplete, or a process ends.
pub async fn run(arguments: &AggregatesArguments) -> anyhow::Result<Vec<Outcome>> {
    service::check(&arguments.programs)?;
    let subjects: Vec<_> = Subject::all(&arguments.programs).collect();
    let mut outcomes = Vec::new();
    for seconds in &arguments.seconds {
        let scenario = format!("Energy by day of a year, a reading each {seconds} s");
        let runs = InterleavedRuns { scenario, subjects: &subjects, run: &arguments.run };
        let questions = arguments.questions.get();
        let measure =
            async |subject: &_, store: &_| measure(subject, store, seconds.get(), questions).await;
        outcomes.push(runs.measure(FIGURES, measure).await?);
    }
    Ok(outcomes)
}

async fn measure(
    subject: &Subject,
    store: &Store,
    seconds: u32,
    questions: u32,
) -> anyhow::Result<[f64; 10]> {
    let redis = Redis::start(store).await?;
    seed::device(&redis, seconds, YEAR_SECONDS / seconds).await?;
    let mut service = service::start(subject, Role::Processing, &redis)?;
    let address = service.address().await?;
    wait_until_ready(address, subject, Instant::now()).await?;
    let mut connection = KeptConnection::to(address).await?;
    let question = format!("/sites/{DEVICE_SITE}/aggregates?{QUESTION}");
    let millis = |download: crate::download::Download| download.whole.as_secs_f64() * 1e3;
    let all = millis(connection.download(&format!("/sites/{DEVICE_SITE}/readings")).await?);
    let cold = connection.download(&question).await?;
    let before = Usage::now(&service.pids(), &redis.pids())?;
    let mut latencies = Latencies::new()?;
    for _ in 0..questions {
        let download = connection.download(&question).await?;
        ensure!(download.length == cold.length, "the response now has {} bytes", download.length);
        latencies.add(download.whole)?;
    }
    let spent = Usage::now(&service.pids(), &redis.pids())?.since(&before);
    let [readings, rollups] = memory(&redis).await?;
    service.end().await?;
    redis.end().await?;
    let each = |time: std::time::Duration| time.as_secs_f64() * 1e3 / f64::from(questions);
    Ok([
        latencies.percentile(50.0),
        latencies.percentile(99.0),
        each(spent.service),
        each(spent.redis),
        millis(cold),
        all,
        millis(cold) / all,
        rollups / 1e6,
        100.0 * rollups / readings,
        spent.share(spent.others),
    ])
}

/// Bytes of the readings and of the rollups.
async fn memory(redis: &Redis) -> anyhow::Result<[f64; 2]> {
    let site = SiteId::new(DEVICE_SITE).context("an id")?;
    let mut connection = connect(redis.port()).await?;
    let mut bytes = [0.0; 2];
    for (bytes, key) in
        bytes.iter_mut().zip([store_keys::series(&site), store_keys::rollups(&site)])
    {
        let mut usage = cmd("MEMORY");
        usage.arg("USAGE").arg(&key).arg("SAMPLES").arg(0);
        *bytes = usage.query_async::<f64>(&mut connection).await?;
    }
    Ok(bytes)
}
