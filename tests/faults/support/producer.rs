//! Producers: send readings in the background and record the responses.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use reqwest::{Client, Response};
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use super::ledger::{Attempt, Class, Ledger, now_ns};
use super::poisoning;
use super::rng::Rng;
use super::sent::{SentReading, Timestamps};
use crate::common::wait;

/// Bound on requests in flight: a producer without responses stops sending.
const UNDER_WAY: usize = 64;

/// Above the time after which the product responds that the outcome is unknown.
const TIMEOUT: Duration = Duration::from_secs(8);

/// The delay before a request with an unknown outcome is retried.
const RETRY_PAUSE: Duration = Duration::from_millis(100);

/// How long after the end requests are retried.
const LAST_RETRIES: Duration = Duration::from_secs(30);

/// No two producers of one process have the same number.
static NEXT_PRODUCER: AtomicU64 = AtomicU64::new(0);

/// A producer that has not started yet.
#[derive(Debug, Clone)]
pub struct Producer {
    urls: Vec<String>,
    sites: u64,
    per_second: u64,
    seed: u64,
    keyed: bool,
    poison: Option<(u16, u64)>,
    ledger: Option<Ledger>,
    times: Timestamps,
}

/// A running producer.
pub struct Producing {
    ledger: Ledger,
    stop: Arc<AtomicBool>,
    task: JoinHandle<()>,
}

impl Producer {
    /// Sends to these ingestion APIs in turn, 300 readings of 8 sites per second.
    pub fn to(urls: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let urls = urls.into_iter().map(Into::into).collect();
        let (keyed, poison, ledger, times) = (false, None, None, Timestamps::EACH_SECOND);
        Self { urls, sites: 8, per_second: 300, seed: 1, keyed, poison, ledger, times }
    }

    #[allow(dead_code, reason = "the soak uses it")]
    pub fn sites(self, sites: u64) -> Self {
        Self { sites, ..self }
    }

    pub fn per_second(self, per_second: u64) -> Self {
        Self { per_second, ..self }
    }

    /// Sends readings with these timestamps.
    pub fn timestamps(self, times: Timestamps) -> Self {
        Self { times, ..self }
    }

    pub fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// Sends an `Idempotency-Key` with each reading, and retries it while its outcome is unknown.
    pub fn keyed(self) -> Self {
        Self { keyed: true, ..self }
    }

    /// Adds a poison entry to the stream of the Redis at a port in place of one in `one_in`
    /// readings.
    pub fn poison(self, redis_port: u16, one_in: u64) -> Self {
        Self { poison: Some((redis_port, one_in)), ..self }
    }

    /// Records in a shared ledger.
    #[allow(dead_code, reason = "the soak uses it")]
    pub fn ledger(self, ledger: &Ledger) -> Self {
        Self { ledger: Some(ledger.clone()), ..self }
    }

    /// Starts sending.
    pub fn start(self) -> Producing {
        let ledger = self.ledger.clone().unwrap_or_else(Ledger::new);
        let stop = Arc::new(AtomicBool::new(false));
        let client = Client::builder().no_proxy().timeout(TIMEOUT).build().unwrap();
        let number = NEXT_PRODUCER.fetch_add(1, Ordering::Relaxed);
        let sender = Sender {
            client,
            ledger: ledger.clone(),
            urls: self.urls.clone(),
            stop: Arc::clone(&stop),
        };
        let task = tokio::spawn(self.send_all(number, Arc::new(sender)));
        Producing { ledger, stop, task }
    }

    async fn send_all(self, number: u64, sender: Arc<Sender>) {
        let mut rng = Rng::seeded(self.seed);
        let mut ticks = interval(Duration::from_secs(1) / u32::try_from(self.per_second).unwrap());
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let room = Arc::new(Semaphore::new(UNDER_WAY));
        let mut requests = JoinSet::new();
        for n in 0.. {
            ticks.tick().await;
            let permit = Arc::clone(&room).acquire_owned().await.unwrap();
            if sender.stop.load(Ordering::Relaxed) {
                break;
            }
            let sent = SentReading::at(self.times, number, n, self.sites, &mut rng);
            let sender = Arc::clone(&sender);
            let poison = self.poison.filter(|&(_, one_in)| rng.one_in(one_in));
            let key = self.keyed.then(|| format!("{:016x}-{}", rng.next(), sent.device));
            requests.spawn(async move {
                match poison {
                    Some((port, _)) => poisoning::add(port, &sender.ledger, sent, n).await,
                    None => sender.send(&sent, key.as_deref(), n).await,
                }
                drop(permit);
            });
            while requests.try_join_next().is_some() {}
        }
        while let Some(ended) = requests.join_next().await {
            ended.unwrap();
        }
    }
}

impl Producing {
    /// Stops sending, waits for the responses, and returns the ledger.
    pub async fn stop(self) -> Ledger {
        self.stop.store(true, Ordering::Relaxed);
        self.task.await.unwrap();
        self.ledger
    }

    /// Waits until this number of further readings is accepted.
    pub async fn wait_for_more(&self, readings: usize) {
        let enough = self.count(Class::Accepted) + readings;
        let what = format!("{enough} readings are accepted");
        wait::until(&what, async || self.count(Class::Accepted) >= enough).await;
    }
}

/// The ledger of a running producer.
impl Deref for Producing {
    type Target = Ledger;

    fn deref(&self) -> &Ledger {
        &self.ledger
    }
}

struct Sender {
    client: Client,
    ledger: Ledger,
    urls: Vec<String>,
    stop: Arc<AtomicBool>,
}

impl Sender {
    /// Sends a reading, with a key until its outcome is known; each time to the next server.
    async fn send(&self, sent: &SentReading, key: Option<&str>, n: u64) {
        let mut given_up = None;
        for turn in usize::try_from(n).unwrap().. {
            let attempt = self.attempt(sent, key, &self.urls[turn % self.urls.len()]).await;
            self.ledger.note(sent, key, &attempt);
            if self.stop.load(Ordering::Relaxed) {
                given_up.get_or_insert_with(|| Instant::now() + LAST_RETRIES);
            }
            // Once unknown it stays so until there is an id: a later rejection concerns that
            // attempt alone.
            let unknown = self.ledger.class_of(sent) == Some(Class::Unknown);
            if key.is_none() || !unknown || given_up.is_some_and(|end| Instant::now() > end) {
                return;
            }
            sleep(RETRY_PAUSE).await;
        }
    }

    async fn attempt(&self, sent: &SentReading, key: Option<&str>, url: &str) -> Attempt {
        let request = self.client.post(format!("{url}/readings")).body(sent.body());
        let request = request.header("content-type", "application/json");
        let request = match key {
            Some(key) => request.header("idempotency-key", key),
            None => request,
        };
        let sent_ns = now_ns();
        let answer = match request.send().await {
            Ok(response) => answered(response).await,
            Err(error) => Err(error),
        };
        let (class, status, stream_id, said) = answer.unwrap_or_else(|error| {
            let class = if error.is_connect() { Class::Refused } else { Class::Unknown };
            (class, None, None, format!("{error:?}"))
        });
        Attempt { class, status, stream_id, said, sent_ns, received_ns: now_ns() }
    }
}

async fn answered(
    response: Response,
) -> reqwest::Result<(Class, Option<u16>, Option<String>, String)> {
    let status = response.status().as_u16();
    let said = response.text().await?;
    let body: Value = serde_json::from_str(&said).unwrap_or_default();
    let stream_id = body["stream_id"].as_str().filter(|_| status == 201).map(str::to_owned);
    let class = match status {
        201 => Class::Accepted,
        400..500 => Class::Refused,
        503 if body["code"] != "outcome_unknown" => Class::Refused,
        _ => Class::Unknown,
    };
    Ok((class, Some(status), stream_id, said))
}
