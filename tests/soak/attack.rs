//! Malformed requests in a crowd: what they cost the services, and what a probe sees meanwhile.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;

use crate::common::http::Http;
use crate::common::product::{Role, ingestion_api, processing_service};
use crate::common::readings::reading;
use crate::common::redis::{RedisServer, STREAM};
use crate::support::malformed::Malformed;

/// Connections at once. Higher: the test's own work delays the probe on a small machine.
const CONNECTIONS: usize = 4;

/// Requests before the memory is measured: buffers and caches reach their size.
const WARM_UP: u64 = 5_000;

/// Bound on the growth of the peak memory. Lower: the allocator's own fluctuation fails; higher: a leak of 200 bytes
/// a request remains unseen.
const MOST_GROWTH_KB: u64 = 16_384;

/// Bound on the 99th percentile of the probe's time.
const MOST_HEALTH: Duration = Duration::from_millis(20);

/// Valid requests afterwards.
const VALID: usize = 100;

/// The result.
#[derive(Debug, Default)]
pub struct Attack {
    requests: u64,
    took: Duration,
    /// The number of responses by status; 0: the connection was closed without one.
    statuses: BTreeMap<u16, u64>,
    /// Peak memory of each service after the warm-up and at the end, in kB.
    peaks: Vec<(&'static str, u64, u64)>,
    /// Times of the probe, sorted.
    health: Vec<Duration>,
    failures: Vec<String>,
}

impl Attack {
    /// Sends this number of requests, drawn from a seed, half of them to each service.
    pub async fn of(requests: u64, seed: u64) -> Self {
        let redis = RedisServer::start().await;
        let services =
            [ingestion_api(&redis).start().await, processing_service(&redis).start().await];
        let mut attack = Self { requests, ..Self::default() };
        attack.crowd(&services, seed, 0..WARM_UP).await;
        let peaks = services.each_ref().map(|service| service.memory_kb("VmHWM"));
        let (started, is_over) = (Instant::now(), AtomicBool::new(false));
        let crowd = async {
            attack.crowd(&services, seed, WARM_UP..WARM_UP + requests).await;
            is_over.store(true, Ordering::Relaxed);
        };
        let ((), health) = tokio::join!(crowd, probe(&services[0], &is_over));
        (attack.took, attack.health) = (started.elapsed(), health);
        let names = ["ingestion-api", "processing-service"];
        for ((name, before), service) in names.into_iter().zip(peaks).zip(&services) {
            attack.peaks.push((name, before, service.memory_kb("VmHWM")));
        }
        attack.check(&redis, &services[0]).await;
        attack
    }

    async fn crowd(&mut self, services: &[Role; 2], seed: u64, numbers: std::ops::Range<u64>) {
        let connection = async |first: usize| {
            let mut responses = Vec::new();
            for n in numbers.clone().skip(first).step_by(CONNECTIONS) {
                let request =
                    if n % 2 == 0 { Malformed::write(seed, n) } else { Malformed::read(seed, n) };
                let statuses = request.send(&services[usize::from(n % 2 == 1)]).await;
                if statuses.iter().any(|status| *status >= 500 || *status == 201) {
                    responses.push((0, Some(format!("{statuses:?} for {request}"))));
                }
                responses.extend(statuses.first().map_or([(0, None)], |status| [(*status, None)]));
            }
            responses
        };
        for (status, failure) in
            join_all((0..CONNECTIONS).map(connection)).await.into_iter().flatten()
        {
            match failure {
                Some(failure) => self.failures.push(failure),
                None => *self.statuses.entry(status).or_default() += 1,
            }
        }
    }

    async fn check(&mut self, redis: &RedisServer, ingestion: &Http) {
        let appended: u64 = redis.run(&["XLEN", STREAM]).await;
        if appended > 0 {
            self.failures.push(format!("{appended} entries were appended"));
        }
        for &(name, before, after) in &self.peaks {
            if after > before + MOST_GROWTH_KB {
                self.failures
                    .push(format!("the peak memory of {name} grew from {before} to {after} kB"));
            }
        }
        if self.percentile(99) > MOST_HEALTH {
            self.failures.push(format!("/health took {:?} at p99", self.percentile(99)));
        }
        for n in 0..VALID {
            let status =
                ingestion.post("/readings", reading(&format!("site-{n}")).to_string()).await.status;
            if status != 201 {
                self.failures.push(format!("a valid request got {status} afterwards"));
            }
        }
    }

    fn percentile(&self, percent: usize) -> Duration {
        let last = self.health.len().saturating_sub(1);
        self.health.get(last * percent / 100).copied().unwrap_or_default()
    }

    /// Whether every bound held.
    pub fn is_success(&self) -> bool {
        self.failures.is_empty()
    }
}

/// The times of `/health` until the attack is over, sorted.
async fn probe(service: &Http, is_over: &AtomicBool) -> Vec<Duration> {
    let mut times = Vec::new();
    while !is_over.load(Ordering::Relaxed) {
        let sent = Instant::now();
        assert_eq!(service.get("/health").await.status, 200);
        times.push(sent.elapsed());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    times.sort_unstable();
    times
}

impl fmt::Display for Attack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { requests, took, statuses, peaks, health, failures } = self;
        let (median, p99, most) = (self.percentile(50), self.percentile(99), self.percentile(100));
        writeln!(f, "{requests} malformed requests in {took:.1?}; first statuses {statuses:?}")?;
        for (name, before, after) in peaks {
            writeln!(f, "{name}: peak memory {before} kB, later {after} kB")?;
        }
        write!(
            f,
            "/health, {} times: median {median:.1?}, p99 {p99:.1?}, most {most:.1?}",
            health.len()
        )?;
        failures.iter().take(20).try_for_each(|failure| write!(f, "\nFAILURE {failure}"))
    }
}
