//! How fast single readings are taken: a closed loop over connections that stay open.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use tokio::task::JoinSet;
use tokio::time::{sleep_until, timeout_at};

use crate::cli::IngestArguments;
use crate::http::HttpStream;
use crate::load::Load;
use crate::redis_server::{Redis, Store};
use crate::report::Figure;
use crate::service::{self, Role, Subject};
use crate::turns::{Outcome, Turns};
use crate::usage::{Rss, Spent, Usage, memory, micros_each};

/// Load before the measurement: connections are open then, and memory is warm.
const WARM_UP: Duration = Duration::from_millis(500);

/// How long the last requests may take.
const LAST_ANSWERS: Duration = Duration::from_secs(10);

/// Different readings that are sent.
const BODIES: u32 = 10_000;

/// Sites that they are of; ingestion treats all alike.
const SITES: NonZeroU32 = NonZeroU32::MIN.saturating_add(99);

const FIGURES: [Figure; 9] = [
    Figure::new("requests/s", 0),
    Figure::new("own CPU, us a request", 2),
    Figure::new("Redis CPU, us a request", 2),
    Figure::new("generator CPU, us a request", 2),
    Figure::new("Redis busy", 2),
    Figure::new("latency p50, ms", 2),
    Figure::new("latency p99, ms", 2),
    Figure::new("peak RSS, MB", 1),
    Figure::of_the_run("others' CPU, cores", 2),
];

/// Compares programs with the plain server.
///
/// # Errors
/// When anything is refused, lost, ends or takes too long.
pub async fn run(arguments: &IngestArguments) -> anyhow::Result<Outcome> {
    service::check(&arguments.programs)?;
    let mut subjects: Vec<_> = Subject::programs(&arguments.programs).collect();
    subjects.push(Subject::Plain(Role::Ingestion));
    let IngestArguments { connections, seconds, run, .. } = arguments;
    let scenario = format!("ingest: {connections} connections for {seconds:?}");
    let turns = Turns { scenario, subjects: &subjects, run };
    let requests: Arc<[String]> = requests()?.into();
    let measure =
        async |subject: &_, store: &_| measure(subject, store, arguments, &requests).await;
    turns.take(FIGURES, measure).await
}

async fn measure(
    subject: &Subject,
    store: &Store,
    arguments: &IngestArguments,
    requests: &Arc<[String]>,
) -> anyhow::Result<[f64; 9]> {
    let redis = Redis::start(store).await?;
    let mut process = service::start(subject, Role::Ingestion, &redis)?;
    let address = service::address(&mut process).await?;
    let window = Window::after_warm_up(arguments.seconds, requests);
    let senders = send(address, arguments.connections, &window);
    let (spent, accepted) = watch(&window, process.pid(), redis.pid()).await?;
    let latencies = collect(senders, &window).await?;
    let peak = memory(process.pid(), Rss::Peak)?;
    verify(&redis, window.accepted.load(Ordering::Relaxed)).await?;
    process.end().await?;
    redis.end().await?;
    Ok(figures(&spent, accepted, &latencies, peak))
}

fn figures(spent: &Spent, accepted: u32, latencies: &[Duration], peak: f64) -> [f64; 9] {
    [
        spent.rate(accepted),
        micros_each(spent.service, accepted),
        micros_each(spent.redis, accepted),
        micros_each(spent.bench, accepted),
        spent.share(spent.redis),
        percentile(latencies, 50),
        percentile(latencies, 99),
        peak,
        spent.share(spent.others),
    ]
}

/// The requests that take turns, made beforehand so that the generator only sends.
fn requests() -> anyhow::Result<Vec<String>> {
    let load = Load::even(SITES)?;
    let request = |number| {
        let body = load.body(number)?;
        let head = "POST /readings HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json";
        Ok(format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len()))
    };
    (0..BODIES).map(request).collect()
}

/// When to measure, and what all senders share.
#[derive(Debug, Clone)]
struct Window {
    begin: Instant,
    end: Instant,
    requests: Arc<[String]>,
    /// Answers 201 so far.
    accepted: Arc<AtomicU32>,
}

impl Window {
    fn after_warm_up(length: Duration, requests: &Arc<[String]>) -> Self {
        let begin = Instant::now() + WARM_UP;
        let requests = Arc::clone(requests);
        Self { begin, end: begin + length, requests, accepted: Arc::default() }
    }
}

type Senders = JoinSet<anyhow::Result<Vec<Duration>>>;

fn send(address: SocketAddr, connections: NonZeroU32, window: &Window) -> Senders {
    (0..connections.get()).map(|number| sender(address, number, window.clone())).collect()
}

/// One request at a time until the window ends; gives the latencies of those sent within it.
async fn sender(address: SocketAddr, number: u32, window: Window) -> anyhow::Result<Vec<Duration>> {
    let mut connection = HttpStream::connect(address).await?;
    let mut latencies = Vec::new();
    // Each starts at another reading: no two connections send the same at the same time.
    let first = usize::try_from(number)? * 101 % window.requests.len();
    for request in window.requests.iter().cycle().skip(first) {
        let sent = Instant::now();
        if sent >= window.end {
            break;
        }
        let status = connection.exchange(request.as_bytes()).await?;
        ensure!(status == 201, "a reading was answered with {status}");
        window.accepted.fetch_add(1, Ordering::Relaxed);
        if sent >= window.begin {
            latencies.push(sent.elapsed());
        }
    }
    Ok(latencies)
}

/// What was spent within the window, and how many readings were accepted in it.
async fn watch(window: &Window, service: u32, redis: u32) -> anyhow::Result<(Spent, u32)> {
    let look = async |when: Instant| {
        sleep_until(when.into()).await;
        let accepted = window.accepted.load(Ordering::Relaxed);
        Usage::now(&[service], redis).map(|usage| (usage, accepted))
    };
    let (before, accepted_before) = look(window.begin).await?;
    let (after, accepted) = look(window.end).await?;
    let accepted = accepted - accepted_before;
    ensure!(accepted > 0, "no reading was accepted");
    Ok((after.since(&before), accepted))
}

/// The latencies of all senders, in order.
async fn collect(mut senders: Senders, window: &Window) -> anyhow::Result<Vec<Duration>> {
    let deadline = window.end + LAST_ANSWERS;
    let mut latencies = Vec::new();
    while let Some(sender) = timeout_at(deadline.into(), senders.join_next()).await.transpose() {
        latencies.extend(sender.context("the last answers are missing")???);
    }
    latencies.sort_unstable();
    Ok(latencies)
}

/// In milliseconds; of no latencies it is no number.
fn percentile(latencies: &[Duration], percent: usize) -> f64 {
    let index = latencies.len().saturating_sub(1) * percent / 100;
    latencies.get(index).map_or(f64::NAN, |latency| latency.as_secs_f64() * 1e3)
}

/// Makes sure that each 201 is in the stream, and nothing else.
async fn verify(redis: &Redis, accepted: u32) -> anyhow::Result<()> {
    let status = redis.stream()?.status().await?.context("the stream is gone")?;
    let found = status.length;
    ensure!(found == u64::from(accepted), "LOST: {accepted} answers 201, {found} stream entries");
    Ok(())
}
