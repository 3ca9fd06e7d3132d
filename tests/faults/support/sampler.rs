//! The sampler: detects entries that are trimmed while unread or pending.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{self, AtomicBool, AtomicU64};
use std::time::Duration;

use redis::{FromRedisValue, Value, pipe};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::redis_at::RedisAt;
use crate::common::redis::{GROUP, STREAM};
use crate::common::wait;

const EVERY: Duration = Duration::from_millis(100);

/// Samples a stream every 100 ms; not while Redis is unavailable or the group is missing.
pub struct Sampler {
    stop: Arc<AtomicBool>,
    samples: Arc<AtomicU64>,
    task: JoinHandle<Vec<String>>,
}

impl Sampler {
    /// Samples the stream in the Redis at a port.
    pub fn of(redis_port: u16) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let samples = Arc::new(AtomicU64::new(0));
        let (stopped, looked) = (Arc::clone(&stop), Arc::clone(&samples));
        let task = tokio::spawn(async move {
            let (mut redis, mut watch) = (RedisAt::port(redis_port), Watch::default());
            while !stopped.load(atomic::Ordering::Relaxed) {
                if let Some(sample) = Sample::take(&mut redis).await {
                    watch.look_at(&sample);
                    looked.fetch_add(1, atomic::Ordering::Relaxed);
                }
                sleep(EVERY).await;
            }
            watch.found
        });
        Self { stop, samples, task }
    }

    /// Waits until the present state of the stream is sampled.
    pub async fn has_looked(&self) {
        let samples = || self.samples.load(atomic::Ordering::Relaxed);
        let before = samples();
        // The next sample may be in progress already, and have begun before.
        wait::until("the sampler has looked", async || samples() >= before + 2).await;
    }

    /// Stops it, and returns the violations, for [`super::checker::Checker::sampled`].
    pub async fn stop(self) -> Vec<String> {
        self.stop.store(true, atomic::Ordering::Relaxed);
        self.task.await.unwrap()
    }
}

/// The numbers of a stream id.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Id(u64, u64);

impl Id {
    fn of(text: &str) -> Self {
        let (ms, seq) = text.split_once('-').unwrap_or((text, "0"));
        Self(ms.parse().unwrap(), seq.parse().unwrap())
    }
}

impl PartialOrd for Id {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some((self.0, self.1).cmp(&(other.0, other.1)))
    }
}

type Fields = HashMap<String, Value>;

/// Stream and group at one moment.
#[derive(Debug)]
struct Sample {
    added: u64,
    length: u64,
    last_generated: Id,
    first: Option<Id>,
    last_delivered: Id,
    first_pending: Option<Id>,
}

impl Sample {
    async fn take(redis: &mut RedisAt) -> Option<Self> {
        let mut pipe = pipe();
        pipe.atomic();
        pipe.cmd("XINFO").arg("STREAM").arg(STREAM);
        pipe.cmd("XINFO").arg("GROUPS").arg(STREAM);
        pipe.cmd("XPENDING").arg(STREAM).arg(GROUP);
        let mut connection = redis.connection().await.ok()?;
        let sampled = pipe.query_async::<(Fields, Vec<Fields>, Vec<Value>)>(&mut connection).await;
        let (stream, groups, pending) = match sampled {
            Ok(sampled) => sampled,
            Err(error) => {
                redis.forget_if_broken(&error);
                return None;
            }
        };
        let group = groups.iter().find(|g| text(&g["name"]).as_deref() == Some(GROUP))?;
        let first_entry: Option<(String, Value)> =
            FromRedisValue::from_redis_value_ref(&stream["first-entry"]).ok();
        Some(Self {
            added: u64::from_redis_value_ref(&stream["entries-added"]).ok()?,
            length: u64::from_redis_value_ref(&stream["length"]).ok()?,
            last_generated: Id::of(&text(&stream["last-generated-id"])?),
            first: first_entry.map(|(id, _)| Id::of(&id)),
            last_delivered: Id::of(&text(&group["last-delivered-id"])?),
            first_pending: text(pending.get(1)?).map(|id| Id::of(&id)),
        })
    }
}

fn text(value: &Value) -> Option<String> {
    if matches!(value, Value::Nil) { None } else { String::from_redis_value_ref(value).ok() }
}

/// The state of the samples so far.
#[derive(Debug, Default)]
struct Watch {
    last_generated: Id,
    /// Up to this id every entry was delivered and acknowledged in some sample.
    done: Id,
    found: Vec<String>,
}

impl Watch {
    fn look_at(&mut self, sample: &Sample) {
        if sample.last_generated < self.last_generated {
            self.done = Id::default(); // another stream, or Redis has lost the end of it
        }
        self.last_generated = sample.last_generated;
        let done_now = sample.first_pending.unwrap_or(sample.last_delivered);
        if done_now > self.done {
            self.done = done_now;
        }
        // Nothing was trimmed, or acknowledged entries only.
        let all_gone = Id(u64::MAX, u64::MAX);
        let first = sample.first.unwrap_or(all_gone);
        let trimmed = sample.added > sample.length;
        let unread_is_gone = trimmed && first > self.done && sample.last_generated > self.done;
        let pending_is_gone = sample.first_pending.is_some_and(|pending| pending < first);
        if unread_is_gone || pending_is_gone {
            self.found.push(format!("trimmed too early: {sample:?}, done {:?}", self.done));
        }
    }
}
