//! Time until a service is ready, and its memory then.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::ensure;
use tokio::time::sleep;

use crate::cli::StartupArguments;
use crate::http::HttpStream;
use crate::interleave::{InterleavedRuns, Outcome};
use crate::redis_server::{Redis, Store};
use crate::report::Figure;
use crate::service::{self, Role, Subject};
use crate::usage::{Rss, memory};

/// How often a service is polled: its readiness is detected at most this late.
const POLL_INTERVAL: Duration = Duration::from_millis(1);

/// Timeout of readiness.
const TIMEOUT: Duration = Duration::from_secs(10);

/// How long after readiness its memory is measured.
const IDLE: Duration = Duration::from_millis(500);

const FIGURES: [Figure; 2] = [Figure::new("start to ready, ms", 1), Figure::new("idle RSS, MB", 1)];

/// Measures both services.
///
/// # Errors
/// When a service ends, or is not ready in time.
pub async fn run(arguments: &StartupArguments) -> anyhow::Result<Vec<Outcome>> {
    service::check(&arguments.programs)?;
    let subjects: Vec<_> = Subject::all(&arguments.programs).collect();
    let mut outcomes = Vec::new();
    for role in [Role::Processing, Role::Ingestion] {
        let scenario = format!("startup of {}", role.name());
        let runs = InterleavedRuns { scenario, subjects: &subjects, run: &arguments.run };
        let measure = async |subject: &_, store: &_| measure(subject, role, store).await;
        outcomes.push(runs.measure(FIGURES, measure).await?);
    }
    Ok(outcomes)
}

async fn measure(subject: &Subject, role: Role, store: &Store) -> anyhow::Result<[f64; 2]> {
    let redis = Redis::start(store).await?;
    let spawned = Instant::now();
    let mut service = service::start(subject, role, &redis)?;
    let address = service.address().await?;
    wait_until_ready(address, subject, spawned).await?;
    let ready = spawned.elapsed();
    sleep(IDLE).await;
    let idle = memory(&service.pids(), Rss::Now)?;
    service.end().await?;
    redis.end().await?;
    Ok([ready.as_secs_f64() * 1e3, idle])
}

/// The original has no `/readyz`, but responds to `/health` when it is ready.
const fn path(subject: &Subject) -> &'static str {
    match subject {
        Subject::Original(_) => "/health",
        Subject::Program { .. } | Subject::Plain(_) => "/readyz",
    }
}

/// Waits until a service is ready.
///
/// # Errors
/// When it is not ready in time.
pub async fn wait_until_ready(
    address: SocketAddr,
    subject: &Subject,
    spawned: Instant,
) -> anyhow::Result<()> {
    let mut connection = HttpStream::connect(address).await?;
    let path = path(subject);
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n");
    while connection.request(request.as_bytes()).await? != 200 {
        ensure!(spawned.elapsed() < TIMEOUT, "the service is not ready within {TIMEOUT:?}");
        sleep(POLL_INTERVAL).await;
    }
    Ok(())
}
