//! Time until an accepted reading is readable: from its `POST`, and from its 201, until it is in its site's sorted
//! set.

use std::fmt;
use std::net::SocketAddr;

use anyhow::{Context, ensure};

use crate::cli::EndToEndArguments;
use crate::generator::Generator;
use crate::interleave::{InterleavedRuns, Outcome};
use crate::latency_probes::{self, ProbeResults};
use crate::redis_server::{Redis, Store};
use crate::report::Figure;
use crate::requests::Requests;
use crate::service::{self, Role, Service, Subject};
use crate::usage::{Spent, micros_each};

const FIGURES: [Figure; 11] = [
    Figure::new("201 to readable p50, ms", 2),
    Figure::new("201 to readable p99, ms", 2),
    Figure::new("201 to readable, longest, ms", 2),
    Figure::new("POST to readable p50, ms", 2),
    Figure::new("POST to readable p99, ms", 2),
    Figure::new("readings/s", 0),
    Figure::new("own CPU of both, us a reading", 2),
    Figure::new("Redis CPU, us a reading", 2),
    Figure::new("Redis busy", 2),
    Figure::run_condition("backlog at the end, entries", 0),
    Figure::run_condition("others' CPU, cores", 2),
];

/// Both services of a subject.
#[derive(Debug)]
struct Pair {
    ingestion: Subject,
    processing: Subject,
}

impl fmt::Display for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { ingestion, processing } = self;
        if ingestion == processing {
            ingestion.fmt(f)
        } else {
            write!(f, "{ingestion} + {processing}")
        }
    }
}

/// Compares programs with the plain server plus the plain loop.
///
/// # Errors
/// When a request fails, a reading is lost, or a process ends or takes too long.
pub async fn run(arguments: &EndToEndArguments) -> anyhow::Result<Outcome> {
    service::check(&arguments.programs)?;
    let both = |subject: Subject| Pair { ingestion: subject.clone(), processing: subject };
    let mut pairs: Vec<_> = Subject::all(&arguments.programs).map(both).collect();
    pairs.push(Pair {
        ingestion: Subject::Plain(Role::Ingestion),
        processing: Subject::Plain(Role::Processing),
    });
    let EndToEndArguments { generator, run, .. } = arguments;
    let runs = InterleavedRuns {
        scenario: format!("accept to readable: {generator}"),
        subjects: &pairs,
        run,
    };
    runs.measure(FIGURES, async |pair, store| measure(pair, store, arguments).await).await
}

async fn measure(
    pair: &Pair,
    store: &Store,
    arguments: &EndToEndArguments,
) -> anyhow::Result<[f64; 11]> {
    let redis = Redis::start(store).await?;
    redis.stream()?.ensure_group().await?;
    let mut ingestion = service::start(&pair.ingestion, Role::Ingestion, &redis)?;
    let mut processing = service::start(&pair.processing, Role::Processing, &redis)?;
    let address = ingestion.address().await?;
    processing.started().await?;
    let figures = observe(&redis, address, [&ingestion, &processing], arguments).await?;
    ingestion.end().await?;
    processing.end().await?;
    redis.end().await?;
    Ok(figures)
}

async fn observe(
    redis: &Redis,
    address: SocketAddr,
    services: [&Service; 2],
    arguments: &EndToEndArguments,
) -> anyhow::Result<[f64; 11]> {
    let pids = [services[0].pids(), services[1].pids()].concat();
    let requests = Requests::new("localhost", arguments.generator.batch)?;
    let batch = requests.readings;
    let generator = Generator::start(address, &arguments.generator, requests);
    let probes = latency_probes::observe(redis, address, generator.begin()..generator.end());
    let servers = redis.pids();
    let ((spent, accepted), seen) = tokio::try_join!(generator.watch(&pids, &servers), probes)?;
    let backlog = backlog(redis).await?;
    let responses = generator.finish().await?;
    ensure!(responses.refused.is_empty(), "responses by status: {:?}", responses.refused);
    verify(redis, responses.accepted * batch + seen.probes).await?;
    Ok(figures(&spent, accepted * batch + seen.probes, &seen, backlog))
}

fn figures(spent: &Spent, readings: u32, seen: &ProbeResults, backlog: f64) -> [f64; 11] {
    let ProbeResults { from_answer, from_request, .. } = seen;
    [
        from_answer.percentile(50.0),
        from_answer.percentile(99.0),
        from_answer.max(),
        from_request.percentile(50.0),
        from_request.percentile(99.0),
        spent.rate(readings),
        micros_each(spent.service, readings),
        micros_each(spent.redis, readings),
        spent.share(spent.redis),
        backlog,
        spent.share(spent.others),
    ]
}

/// Entries that are unread or pending. If there are many, processing is slower than ingestion, and latencies grow with
/// the length of the run.
async fn backlog(redis: &Redis) -> anyhow::Result<f64> {
    let group = redis.stream()?.group().await?.context("the consumer group is gone")?;
    let lag = group.reported_lag.context("Redis reports no lag")?;
    Ok(f64::from(u32::try_from(lag.saturating_add_unsigned(group.pending))?))
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
