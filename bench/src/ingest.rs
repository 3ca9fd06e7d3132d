//! How fast readings are taken: single ones or batches, as fast as they are answered or at a fixed rate.

use std::fmt;

use anyhow::ensure;

use crate::cli::IngestArguments;
use crate::generator::Generator;
use crate::interleave::{Outcome, Turns};
use crate::redis_benchmark::RedisBenchmark;
use crate::redis_server::{Redis, Store};
use crate::report::Figure;
use crate::requests::Requests;
use crate::service::{self, Role, Subject};
use crate::target::check;
use crate::usage::{Rss, Usage, memory, micros_each};

/// Commands that `redis-benchmark` sends at a time where it stands for a batch.
const PIPELINE: u32 = 64;

/// Figures are by reading: with single readings that is by request.
const FIGURES: [Figure; 11] = [
    Figure::new("readings/s", 0),
    Figure::new("own CPU, us a reading", 2),
    Figure::new("Redis CPU, us a reading", 2),
    Figure::of_the_run("generator CPU, us a reading", 2),
    Figure::new("Redis busy", 2),
    Figure::new("latency p50, ms", 2),
    Figure::new("latency p99, ms", 2),
    Figure::new("latency p99.9, ms", 2),
    Figure::new("longest latency, ms", 2),
    Figure::new("peak RSS, MB", 1),
    Figure::of_the_run("others' CPU, cores", 2),
];

/// Who takes the readings.
#[derive(Debug)]
enum Taker {
    Service(Subject),
    /// Redis alone: the ceiling.
    Redis(RedisBenchmark),
}

impl fmt::Display for Taker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Service(subject) => subject.fmt(f),
            Self::Redis(benchmark) => benchmark.fmt(f),
        }
    }
}

/// Compares programs with the plain server and with what `redis-benchmark` reaches without any.
///
/// # Errors
/// When anything is refused, lost, ends or takes too long.
pub async fn run(arguments: &IngestArguments) -> anyhow::Result<Outcome> {
    service::check(&arguments.programs)?;
    let IngestArguments { generator, run, .. } = arguments;
    let takers = takers(arguments);
    let turns = Turns { scenario: format!("ingest: {generator}"), subjects: &takers, run };
    let requests = Requests::new("localhost", generator.batch)?;
    let measure = async |taker: &_, store: &_| measure(taker, store, arguments, &requests).await;
    turns.take(FIGURES, measure).await
}

/// At a fixed rate there is no ceiling; batches are beyond the contract, and only ours takes them.
fn takers(arguments: &IngestArguments) -> Vec<Taker> {
    let generator = &arguments.generator;
    let services = Subject::all(&arguments.programs).chain([Subject::Plain(Role::Ingestion)]);
    let is_able =
        |subject: &Subject| generator.batch.is_none() || matches!(subject, Subject::Program { .. });
    let mut takers: Vec<_> = services.filter(is_able).map(Taker::Service).collect();
    if generator.rate.is_none() {
        let (connections, seconds) = (generator.connections, generator.seconds);
        let benchmark = |pipeline| Taker::Redis(RedisBenchmark { connections, seconds, pipeline });
        takers.extend([1, PIPELINE].map(benchmark));
    }
    takers
}

async fn measure(
    taker: &Taker,
    store: &Store,
    arguments: &IngestArguments,
    requests: &Requests,
) -> anyhow::Result<[f64; 11]> {
    let redis = Redis::start(store).await?;
    let figures = match taker {
        Taker::Service(subject) => of_service(subject, &redis, arguments, requests.clone()).await,
        Taker::Redis(benchmark) => of_redis(benchmark, &redis).await,
    };
    redis.end().await?;
    figures
}

async fn of_service(
    subject: &Subject,
    redis: &Redis,
    arguments: &IngestArguments,
    requests: Requests,
) -> anyhow::Result<[f64; 11]> {
    let mut service = service::start(subject, Role::Ingestion, redis)?;
    let address = service.address().await?;
    check(address, &requests, &subject.to_string()).await?;
    let batch = requests.readings;
    let generator = Generator::start(address, &arguments.generator, requests);
    let (spent, accepted) = generator.watch(&service.pids(), Some(redis.pid())).await?;
    ensure!(accepted > 0, "no reading was accepted");
    let answers = generator.finish().await?;
    ensure!(answers.refused.is_empty(), "answers by status: {:?}", answers.refused);
    let peak = memory(&service.pids(), Rss::Peak)?;
    verify(redis, (answers.accepted + 1) * batch).await?;
    service.end().await?;
    let (readings, latencies) = (accepted * batch, answers.latencies);
    Ok([
        spent.rate(readings),
        micros_each(spent.service, readings),
        micros_each(spent.redis, readings),
        micros_each(spent.bench, readings),
        spent.share(spent.redis),
        latencies.percentile(50.0),
        latencies.percentile(99.0),
        latencies.percentile(99.9),
        latencies.longest(),
        peak,
        spent.share(spent.others),
    ])
}

async fn of_redis(benchmark: &RedisBenchmark, redis: &Redis) -> anyhow::Result<[f64; 11]> {
    let before = Usage::now(&[], Some(redis.pid()))?;
    let result = benchmark.run(redis).await?;
    let spent = Usage::now(&[], Some(redis.pid()))?.since(&before);
    let mut figures = [f64::NAN; 11];
    figures[0] = result.rate;
    figures[2] = micros_each(spent.redis, result.count);
    figures[4] = spent.share(spent.redis);
    figures[5] = result.p50;
    figures[6] = result.p99;
    figures[8] = result.longest;
    Ok(figures)
}

/// Makes sure that each reading that was accepted is in the stream, and nothing else.
async fn verify(redis: &Redis, accepted: u32) -> anyhow::Result<()> {
    let found = redis.stream()?.length().await?;
    ensure!(found == u64::from(accepted), "LOST: {accepted} were accepted, {found} are stored");
    Ok(())
}
