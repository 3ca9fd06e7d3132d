//! The load generator: keep-alive connections, each with one request in flight.
//!
//! Closed loop: a connection sends its next request after the response; the server determines the rate. Open loop:
//! requests are due at a fixed rate, independent of responses, and a latency starts when its request is due.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{anyhow, ensure};
use tokio::runtime;
use tokio::task::JoinSet;
use tokio::time::{sleep, sleep_until};

use crate::cli::GeneratorArguments;
use crate::histogram::Latencies;
use crate::http::HttpStream;
use crate::open_loop::OpenLoop;
use crate::requests::Requests;
use crate::usage::{Spent, Usage};

/// Load before the measurement, to open connections and warm caches.
const WARM_UP: Duration = Duration::from_millis(500);

/// Timeout of the last responses. An open loop that is further behind at its end was faster than the server.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

/// How often they are polled.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// A running generator.
#[derive(Debug)]
pub struct Generator {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<anyhow::Result<Latencies>>>,
}

/// The responses.
#[derive(Debug)]
pub struct Responses {
    /// Of requests that were due (open loop) or sent (closed loop) within the measured time.
    pub latencies: Latencies,
    /// Responses 2xx, warm-up included.
    pub accepted: u32,
    /// All others, by status.
    pub refused: BTreeMap<u16, u32>,
}

#[derive(Debug)]
struct Shared {
    address: SocketAddr,
    requests: Requests,
    /// `None` in a closed loop.
    open_loop: Option<OpenLoop>,
    begin: Instant,
    end: Instant,
    accepted: AtomicU32,
    refused: Mutex<BTreeMap<u16, u32>>,
}

impl Generator {
    /// Starts to send; measures from [`Generator::begin`] to [`Generator::end`].
    pub fn start(address: SocketAddr, arguments: &GeneratorArguments, requests: Requests) -> Self {
        let begin = Instant::now() + WARM_UP;
        let shared = Arc::new(Shared {
            address,
            requests,
            open_loop: arguments.rate.map(OpenLoop::start),
            begin,
            end: begin + arguments.seconds,
            accepted: AtomicU32::new(0),
            refused: Mutex::default(),
        });
        let (threads, connections) = (arguments.threads.get(), arguments.connections.get());
        let thread = |thread: u32| {
            let (shared, numbers) = (Arc::clone(&shared), thread..connections);
            thread::spawn(move || shared.send(numbers.step_by(threads as usize)))
        };
        Self { threads: (0..threads).map(thread).collect(), shared }
    }

    /// Start of the measured time.
    pub fn begin(&self) -> Instant {
        self.shared.begin
    }

    /// End of the measured time.
    pub fn end(&self) -> Instant {
        self.shared.end
    }

    /// Responses 2xx so far.
    fn accepted(&self) -> u32 {
        self.shared.accepted.load(Ordering::Relaxed)
    }

    /// The resources used and the requests accepted within the measured time.
    ///
    /// # Errors
    /// When a process has ended.
    pub async fn watch(&self, services: &[u32], redis: &[u32]) -> anyhow::Result<(Spent, u32)> {
        sleep_until(self.begin().into()).await;
        let (before, accepted_before) = (Usage::now(services, redis)?, self.accepted());
        sleep_until(self.end().into()).await;
        let (after, accepted) = (Usage::now(services, redis)?, self.accepted());
        Ok((after.since(&before), accepted - accepted_before))
    }

    /// Waits for the last responses.
    ///
    /// # Errors
    /// When they do not arrive in time, or a connection failed.
    pub async fn finish(self) -> anyhow::Result<Responses> {
        let deadline = self.shared.end + DRAIN_TIMEOUT;
        while !self.threads.iter().all(JoinHandle::is_finished) {
            ensure!(Instant::now() < deadline, "no response in time: is the rate too high?");
            sleep(POLL_INTERVAL).await;
        }
        let mut latencies = Latencies::new()?;
        for thread in self.threads {
            latencies.merge(&thread.join().map_err(|_| anyhow!("the generator panicked"))??)?;
        }
        let accepted = self.shared.accepted.load(Ordering::Relaxed);
        let refused = self.shared.refused.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Ok(Responses { latencies, accepted, refused })
    }
}

impl Shared {
    /// One thread, with some of the connections.
    fn send(self: Arc<Self>, numbers: impl Iterator<Item = u32>) -> anyhow::Result<Latencies> {
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let mut connections: JoinSet<_> =
                numbers.map(|number| Arc::clone(&self).connection(number)).collect();
            let mut latencies = Latencies::new()?;
            while let Some(of_one) = connections.join_next().await {
                latencies.merge(&of_one??)?;
            }
            Ok(latencies)
        })
    }

    async fn connection(self: Arc<Self>, number: u32) -> anyhow::Result<Latencies> {
        let mut connection = HttpStream::connect(self.address).await?;
        let mut latencies = Latencies::new()?;
        // Each connection starts at another request, so that they do not send the same simultaneously.
        let first = usize::try_from(number)? * 101 % self.requests.all.len();
        for request in self.requests.all.iter().cycle().skip(first) {
            let start = self.next().await?;
            if start >= self.end {
                break;
            }
            self.count(connection.request(request.as_bytes()).await?);
            if start >= self.begin {
                latencies.add(start.elapsed())?;
            }
        }
        Ok(latencies)
    }

    /// The start of the next request's latency, when it is due.
    async fn next(&self) -> anyhow::Result<Instant> {
        match &self.open_loop {
            None => Ok(Instant::now()),
            Some(open_loop) => Ok(open_loop.next().await?),
        }
    }

    fn count(&self, status: u16) {
        if (200..300).contains(&status) {
            self.accepted.fetch_add(1, Ordering::Relaxed);
        } else {
            let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
            *refused.entry(status).or_default() += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use tokio::net::TcpListener;

    use super::*;

    const BUSY: Duration = Duration::from_millis(200);

    /// Responds to each request immediately, but to one after a pause.
    async fn server_that_hangs_once(listener: TcpListener) -> anyhow::Result<()> {
        let mut stream = HttpStream::new(listener.accept().await?.0)?;
        let mut begin = Some(Instant::now() + WARM_UP);
        while stream.next_request().await?.is_some() {
            if begin.is_some_and(|begin| Instant::now() > begin) {
                begin = None;
                sleep(BUSY).await;
            }
            stream.respond(b"HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n").await?;
        }
        Ok(())
    }

    async fn p50_of(rate: Option<u32>) -> f64 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(server_that_hangs_once(listener));
        let one = NonZeroU32::MIN;
        let arguments = GeneratorArguments {
            connections: one,
            threads: one,
            rate: rate.and_then(NonZeroU32::new),
            seconds: BUSY,
            batch: None,
        };
        let requests = Requests::new("localhost", None).unwrap();
        let responses = Generator::start(address, &arguments, requests).finish().await.unwrap();
        assert!(responses.refused.is_empty());
        responses.latencies.percentile(50.0)
    }

    #[tokio::test]
    async fn an_open_loop_counts_the_requests_that_a_slow_answer_held_back() {
        // All that was due meanwhile waited 100 ms on average.
        assert!(p50_of(Some(100)).await > 20.0);
    }
}
