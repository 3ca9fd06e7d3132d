//! Readings that are watched on their way into their sites' sorted sets.
//!
//! Redis says itself when the sets of the probes' sites change (`CLIENT TRACKING` in broadcasting
//! mode): nothing is polled, and a few hundred probes a second cost Redis little.

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
use crate::open_loop::Pace;
use crate::redis_server::{HOST, Redis};
use crate::requests::{SINGLE, post};

/// Probes a second. Too low and a p99 is of few; too high and they are a load of their own.
const RATE: NonZeroU32 = NonZeroU32::MIN.saturating_add(199);

/// Probes that may be on their way at a time, each of a site of its own. Too low and slow ones delay
/// others, which counts as theirs.
const SITES: u32 = 32;

/// What the probes' sites begin with; no other site of the bench does.
const PREFIX: &str = "probe-";

/// How long a probe may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What the probes saw.
#[derive(Debug)]
pub struct Seen {
    /// From when its request was due until a reading was readable.
    pub from_request: Latencies,
    /// From its answer; 0 when it was readable before.
    pub from_answer: Latencies,
    /// How many readings were sent.
    pub probes: u32,
}

/// Those who wait, by the key of their set.
type Waiting = Arc<Mutex<HashMap<Vec<u8>, oneshot::Sender<Instant>>>>;

/// Sends probes for a while, beside other load.
///
/// # Errors
/// When one is refused, or not readable in time.
pub async fn observe(
    redis: &Redis,
    address: SocketAddr,
    when: Range<Instant>,
) -> anyhow::Result<Seen> {
    let waiting = Waiting::default();
    // Tracking ends with its connection.
    let _tracking = track(redis, Arc::clone(&waiting)).await?;
    sleep_until(when.start.into()).await;
    let pace = Pace::start(RATE);
    let probe = |site| probe(site, address, pace.clone(), when.end, Arc::clone(&waiting));
    let mut running: JoinSet<_> = (0..SITES).map(probe).collect();
    let mut all = Seen::nothing()?;
    while let Some(seen) = running.join_next().await {
        all.merge(&seen??)?;
    }
    Ok(all)
}

impl Seen {
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

/// Tells those who wait when Redis says that their set has changed.
async fn track(redis: &Redis, waiting: Waiting) -> anyhow::Result<MultiplexedConnection> {
    let client = redis::Client::open(format!("redis://{HOST}:{}/?protocol=resp3", redis.port()))?;
    let told = move |push: PushInfo| {
        tell(&push, &waiting);
        Ok::<_, SendError>(())
    };
    let config = AsyncConnectionConfig::new().set_push_sender(told);
    let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
    let mut tracking = cmd("CLIENT");
    tracking.arg("TRACKING").arg("ON").arg("BCAST").arg("PREFIX").arg(format!("site:{PREFIX}"));
    tracking.query_async::<()>(&mut connection).await?;
    Ok(connection)
}

fn tell(push: &PushInfo, waiting: &Waiting) {
    let now = Instant::now();
    let (PushKind::Invalidate, [Value::Array(keys)]) = (&push.kind, push.data.as_slice()) else {
        return;
    };
    let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
    for key in keys {
        if let Value::BulkString(key) = key
            && let Some(waiter) = waiting.remove(key)
        {
            // Who waits no longer has failed already.
            let _ = waiter.send(now);
        }
    }
}

/// One reading after the other of a site, until the end.
async fn probe(
    number: u32,
    address: SocketAddr,
    pace: Pace,
    end: Instant,
    waiting: Waiting,
) -> anyhow::Result<Seen> {
    let site = format!("{PREFIX}{number:02}");
    let key =
        series(&SiteId::new(site.as_str()).context("the bench makes bad sites")?).into_bytes();
    let (mut connection, mut seen) = (HttpStream::connect(address).await?, Seen::nothing()?);
    loop {
        let due = pace.next().await?;
        if due >= end {
            return Ok(seen);
        }
        let request = post("localhost", SINGLE, &load::reading(&site, seen.probes)?);
        let (told, readable) = oneshot::channel();
        waiting.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone(), told);
        let status = connection.exchange(request.as_bytes()).await?;
        let answered = Instant::now();
        ensure!(status == 201, "a reading was answered with {status}");
        let readable = timeout(TIMEOUT, readable).await;
        let readable =
            readable.with_context(|| format!("a reading is not readable in {TIMEOUT:?}"))??;
        seen.probes += 1;
        seen.from_request.add(readable.saturating_duration_since(due))?;
        seen.from_answer.add(readable.saturating_duration_since(answered))?;
    }
}
