//! Throughput and latency of ingestion: single readings or batches, in a closed or an open loop.

use std::fmt;
use std::num::NonZeroU32;
use std::path::PathBuf;

use anyhow::ensure;

use crate::api_key::ApiKey;
use crate::cli::IngestArguments;
use crate::generator::Generator;
use crate::interleave::{InterleavedRuns, Outcome};
use crate::redis_benchmark::RedisBenchmark;
use crate::redis_server::{Redis, Store};
use crate::report::Figure;
use crate::requests::Requests;
use crate::service::{self, Role, Service, Subject};
use crate::target::check;
use crate::usage::{Rss, Usage, memory, micros_each};

/// Pipeline depth of `redis-benchmark` as the ceiling of batches.
const PIPELINE: u32 = 64;

/// Figures are per reading; without batches that is per request.
const FIGURES: [Figure; 11] = [
    Figure::new("readings/s", 0),
    Figure::new("own CPU, us a reading", 2),
    Figure::new("Redis CPU, us a reading", 2),
    Figure::run_condition("generator CPU, us a reading", 2),
    Figure::new("Redis busy", 2),
    Figure::new("latency p50, ms", 2),
    Figure::new("latency p99, ms", 2),
    Figure::new("latency p99.9, ms", 2),
    Figure::new("longest latency, ms", 2),
    Figure::new("peak RSS, MB", 1),
    Figure::run_condition("others' CPU, cores", 2),
];

/// The receiver of the readings.
#[derive(Debug)]
enum IngestTarget {
    Service(Subject),
    /// The same with API keys required.
    Keyed(PathBuf, Subject),
    /// The same with line protocol.
    Lines(NonZeroU32, Subject),
    /// Redis alone: the ceiling.
    Redis(RedisBenchmark),
}

impl fmt::Display for IngestTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Service(subject) => subject.fmt(f),
            Self::Keyed(_, subject) => write!(f, "{subject}, with an API key"),
            Self::Lines(_, subject) => write!(f, "{subject}, line protocol"),
            Self::Redis(benchmark) => benchmark.fmt(f),
        }
    }
}

/// Compares programs with the plain server, and with `redis-benchmark` without a service.
///
/// # Errors
/// When a request fails, a reading is lost, or a process ends or takes too long.
pub async fn run(arguments: &IngestArguments) -> anyhow::Result<Outcome> {
    service::check(&arguments.programs)?;
    let IngestArguments { generator, run, .. } = arguments;
    let targets = targets(arguments);
    let runs =
        InterleavedRuns { scenario: format!("ingest: {generator}"), subjects: &targets, run };
    let requests = Requests::new("localhost", generator.batch)?;
    let measure = async |target: &_, store: &_| measure(target, store, arguments, &requests).await;
    runs.measure(FIGURES, measure).await
}

/// At a fixed rate there is no ceiling. Batches are not in the contract: only our program has them.
fn targets(arguments: &IngestArguments) -> Vec<IngestTarget> {
    let generator = &arguments.generator;
    let services = Subject::all(&arguments.programs).chain([Subject::Plain(Role::Ingestion)]);
    let is_able =
        |subject: &Subject| generator.batch.is_none() || matches!(subject, Subject::Program { .. });
    let mut targets = Vec::new();
    for subject in services.filter(is_able) {
        let keyed = match &subject {
            Subject::Program { path, .. } if arguments.api_key => Some(path.clone()),
            _ => None,
        };
        let keyed = keyed.map(|path| IngestTarget::Keyed(path, subject.clone()));
        let lines = generator.batch.filter(|_| arguments.line_protocol);
        let lines = lines.map(|batch| IngestTarget::Lines(batch, subject.clone()));
        targets.extend([Some(IngestTarget::Service(subject)), keyed, lines].into_iter().flatten());
    }
    if generator.rate.is_none() {
        let (connections, seconds) = (generator.connections, generator.seconds);
        let benchmark =
            |pipeline| IngestTarget::Redis(RedisBenchmark { connections, seconds, pipeline });
        targets.extend([1, PIPELINE].map(benchmark));
    }
    targets
}

async fn measure(
    target: &IngestTarget,
    store: &Store,
    arguments: &IngestArguments,
    requests: &Requests,
) -> anyhow::Result<[f64; 11]> {
    let redis = Redis::start(store).await?;
    let figures = match target {
        IngestTarget::Service(subject) => {
            let service = service::start(subject, Role::Ingestion, &redis)?;
            of_service(service, subject, &redis, arguments, requests.clone()).await
        }
        IngestTarget::Keyed(program, subject) => {
            let key = ApiKey::create(program, &redis).await?;
            let setting = ("API_KEYS_FILE", key.file.as_path());
            let service = service::start_with(subject, Role::Ingestion, &redis, &[setting])?;
            let requests = requests.with_header("authorization", &key.authorization);
            of_service(service, subject, &redis, arguments, requests).await
        }
        IngestTarget::Lines(batch, subject) => {
            let service = service::start(subject, Role::Ingestion, &redis)?;
            let requests = Requests::lines("localhost", *batch)?;
            of_service(service, subject, &redis, arguments, requests).await
        }
        IngestTarget::Redis(benchmark) => of_redis(benchmark, &redis).await,
    };
    redis.end().await?;
    figures
}

async fn of_service(
    mut service: Service,
    subject: &Subject,
    redis: &Redis,
    arguments: &IngestArguments,
    requests: Requests,
) -> anyhow::Result<[f64; 11]> {
    let address = service.address().await?;
    check(address, &requests, &subject.to_string()).await?;
    let batch = requests.readings;
    let generator = Generator::start(address, &arguments.generator, requests);
    let (spent, accepted) = generator.watch(&service.pids(), &redis.pids()).await?;
    ensure!(accepted > 0, "no reading was accepted");
    let responses = generator.finish().await?;
    ensure!(responses.refused.is_empty(), "responses by status: {:?}", responses.refused);
    let peak = memory(&service.pids(), Rss::Peak)?;
    verify(redis, (responses.accepted + 1) * batch).await?;
    service.end().await?;
    let (readings, latencies) = (accepted * batch, responses.latencies);
    Ok([
        spent.rate(readings),
        micros_each(spent.service, readings),
        micros_each(spent.redis, readings),
        micros_each(spent.bench, readings),
        spent.share(spent.redis),
        latencies.percentile(50.0),
        latencies.percentile(99.0),
        latencies.percentile(99.9),
        latencies.max(),
        peak,
        spent.share(spent.others),
    ])
}

async fn of_redis(benchmark: &RedisBenchmark, redis: &Redis) -> anyhow::Result<[f64; 11]> {
    let before = Usage::now(&[], &redis.pids())?;
    let result = benchmark.run(redis).await?;
    let spent = Usage::now(&[], &redis.pids())?.since(&before);
    let mut figures = [f64::NAN; 11];
    figures[0] = result.rate;
    figures[2] = micros_each(spent.redis, result.count);
    figures[4] = spent.share(spent.redis);
    figures[5] = result.p50;
    figures[6] = result.p99;
    figures[8] = result.longest;
    Ok(figures)
}

/// Verifies that the stream has exactly the accepted readings.
async fn verify(redis: &Redis, accepted: u32) -> anyhow::Result<()> {
    let found = redis.stream()?.length().await?;
    ensure!(
        found == u64::from(accepted),
        "LOST: {accepted} readings accepted, {found} in the stream"
    );
    Ok(())
}
