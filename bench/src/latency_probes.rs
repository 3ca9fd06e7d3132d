//! Readings whose time until they are in their site's sorted set is measured.
//!
//! Redis reports changes of the probes' sets (`CLIENT TRACKING` in broadcasting mode): nothing is polled, and a few
//! hundred probes a second cost Redis little.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use readings::SiteId;
use readings::store::keys::series;
use redis::aio::{MultiplexedConnection, SendError};
use redis::{AsyncConnectionConfig, PushInfo, PushKind, Value, cmd};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{sleep_until, timeout};

use crate::histogram::Latencies;
use crate::http::HttpStream;
use crate::load;
use crate::open_loop::OpenLoop;
use crate::redis_server::{HOST, Redis};
use crate::requests::{SINGLE, post};

/// Probes a second. Too low: a p99 of few samples. Too high: probes are a load of their own.
const RATE: NonZeroU32 = NonZeroU32::MIN.saturating_add(199);

/// Probes in flight, each of a site of its own. Too low: a slow probe delays others, which counts in their latencies.
const SITES: u32 = 32;

/// Prefix of the probes' site ids, which no other site has.
const PREFIX: &str = "probe-";

/// Timeout of a probe.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The latencies of all probes.
#[derive(Debug)]
pub struct ProbeResults {
    /// From when the request was due until the reading was readable.
    pub from_request: Latencies,
    /// From the response; 0 if the reading was readable before.
    pub from_answer: Latencies,
    /// Number of probes.
    pub probes: u32,
}

/// Waiting probes, by the key of their set.
type Waiting = Arc<Mutex<HashMap<Vec<u8>, oneshot::Sender<Instant>>>>;

/// Sends probes beside the load, during `when`.
///
/// # Errors
/// When a probe is not accepted, or not readable in time.
pub async fn observe(
    redis: &Redis,
    address: SocketAddr,
    when: Range<Instant>,
) -> anyhow::Result<ProbeResults> {
    let waiting = Waiting::default();
    // Tracking ends with its connection.
    let _tracking = track(redis, Arc::clone(&waiting)).await?;
    sleep_until(when.start.into()).await;
    let open_loop = OpenLoop::start(RATE);
    let probe = |site| probe(site, address, open_loop.clone(), when.end, Arc::clone(&waiting));
    let mut running: JoinSet<_> = (0..SITES).map(probe).collect();
    let mut all = ProbeResults::nothing()?;
    while let Some(seen) = running.join_next().await {
        all.merge(&seen??)?;
    }
    Ok(all)
}

impl ProbeResults {
    fn nothing() -> anyhow::Result<Self> {
        let (from_request, from_answer) = (Latencies::new()?, Latencies::new()?);
        Ok(Self { from_request, from_answer, probes: 0 })
    }

    fn merge(&mut self, other: &Self) -> anyhow::Result<()> {
        self.from_request.merge(&other.from_request)?;
        self.from_answer.merge(&other.from_answer)?;
        self.probes += other.probes;
        Ok(())
    }
}

/// Notifies waiting probes of changes of their sets.
async fn track(redis: &Redis, waiting: Waiting) -> anyhow::Result<MultiplexedConnection> {
    let client = redis::Client::open(format!("redis://{HOST}:{}/?protocol=resp3", redis.port()))?;
    let announced = move |push: PushInfo| {
        notify(&push, &waiting);
        Ok::<_, SendError>(())
    };
    let config = AsyncConnectionConfig::new().set_push_sender(announced);
    let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
    let mut tracking = cmd("CLIENT");
    tracking.arg("TRACKING").arg("ON").arg("BCAST").arg("PREFIX").arg(format!("site:{PREFIX}"));
    tracking.query_async::<()>(&mut connection).await?;
    Ok(connection)
}

fn notify(push: &PushInfo, waiting: &Waiting) {
    let now = Instant::now();
    let (PushKind::Invalidate, [Value::Array(keys)]) = (&push.kind, push.data.as_slice()) else {
        return;
    };
    let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
    for key in keys {
        if let Value::BulkString(key) = key
            && let Some(waiter) = waiting.remove(key)
        {
            // Err means that the probe has timed out.
            let _ = waiter.send(now);
        }
    }
}

/// Sends readings of one site until the end, one at a time.
async fn probe(
    number: u32,
    address: SocketAddr,
    open_loop: OpenLoop,
    end: Instant,
    waiting: Waiting,
) -> anyhow::Result<ProbeResults> {
    let site = format!("{PREFIX}{number:02}");
    let key = series(&SiteId::new(site.as_str()).context("the bench creates invalid sites")?)
        .into_bytes();
    let (mut connection, mut seen) =
        (HttpStream::connect(address).await?, ProbeResults::nothing()?);
    loop {
        let due = open_loop.next().await?;
        if due >= end {
            return Ok(seen);
        }
        let request = post("localhost", SINGLE, &load::reading(&site, seen.probes)?);
        let (announced, readable) = oneshot::channel();
        waiting.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone(), announced);
        let status = connection.request(request.as_bytes()).await?;
        let responded = Instant::now();
        ensure!(status == 201, "the response to a reading is {status}");
        let readable = timeout(TIMEOUT, readable).await;
        let readable =
            readable.with_context(|| format!("a reading is not readable in {TIMEOUT:?}"))??;
        seen.probes += 1;
        seen.from_request.add(readable.saturating_duration_since(due))?;
        seen.from_answer.add(readable.saturating_duration_since(responded))?;
    }
}
