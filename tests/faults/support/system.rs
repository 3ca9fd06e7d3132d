//! The system under test: a Redis, its services, and a producer of readings.

use std::collections::BTreeSet;

use super::checker::Checker;
use super::ledger::{Ledger, now_ns};
use super::producer::Producer;
use super::redis_at::RedisAt;
use crate::common::product::{Launch, Role, ingestion_api, processing_service};
use crate::common::redis::{RedisServer, STREAM};
use crate::common::wait;

/// An entry may be claimed from its consumer after this time.
pub const CLAIM_MIN_IDLE_MS: u64 = 1_000;

/// An entry accepted longer than this before Redis was killed is on disk: `everysec` delays a write
/// by two seconds at most.
const ON_DISK_AFTER_NS: u64 = 5_000_000_000;

/// An ingestion API and some processing services over one Redis.
pub struct System {
    pub redis: RedisServer,
    pub ingestion: Role,
    pub processing: Vec<Role>,
    lost_by_redis: Vec<String>,
}

/// The n-th processing service, as `consumer-<n>`, before it is started.
pub fn consumer(redis: &RedisServer, n: usize) -> Launch {
    processing_service(redis)
        .env("CONSUMER_NAME", format!("consumer-{n}"))
        .env("CLAIM_MIN_IDLE_MS", CLAIM_MIN_IDLE_MS)
}

impl System {
    /// Over a Redis with an append-only file (`everysec`).
    pub async fn start(consumers: usize) -> Self {
        Self::over(RedisServer::start().await, consumers).await
    }

    /// Over this Redis.
    pub async fn over(redis: RedisServer, consumers: usize) -> Self {
        let port = redis.port();
        Self::through(redis, port, consumers).await
    }

    /// Over this Redis, which all services reach through the port of a [`super::proxy::Proxy`].
    pub async fn through(redis: RedisServer, port: u16, consumers: usize) -> Self {
        let ingestion = ingestion_api(&redis).env("REDIS_PORT", port).start().await;
        let mut processing = Vec::new();
        for n in 1..=consumers {
            processing.push(consumer(&redis, n).env("REDIS_PORT", port).start().await);
        }
        let system = Self::of(redis, ingestion, processing);
        for role in system.roles() {
            wait::until("it is ready", async || role.get("/readyz").await.status == 200).await;
        }
        system
    }

    /// Of these roles, in whatever state.
    pub const fn of(redis: RedisServer, ingestion: Role, processing: Vec<Role>) -> Self {
        Self { redis, ingestion, processing, lost_by_redis: Vec::new() }
    }

    /// A producer that sends to the ingestion API.
    pub fn producer(&self) -> Producer {
        Producer::to([self.ingestion.base()])
    }

    /// A checker of its Redis that expects the processing services as consumers of the group.
    pub fn checker(&self) -> Checker {
        let consumers = (1..=self.processing.len()).map(|n| format!("consumer-{n}"));
        Checker::of(self.redis.port()).live(consumers).excusing(self.lost_by_redis.clone())
    }

    /// All services.
    pub fn roles(&self) -> impl Iterator<Item = &Role> {
        std::iter::once(&self.ingestion).chain(&self.processing)
    }

    /// Kills Redis and restarts it over its files, and records what it lost: with `everysec` it
    /// replies before it writes while the disk is slow.
    pub async fn kill_and_restart_redis(&mut self, ledger: &Ledger) {
        self.redis.kill9();
        let died = now_ns();
        self.redis.restart().await;
        // Not before: some responses to readings accepted just before the kill arrive later.
        let recent = ledger.accepted_since(died - ON_DISK_AFTER_NS);
        self.lost_by_redis.extend(missing(self.redis.port(), &recent).await);
    }
}

/// Those of these entries that are not in the stream. To be called right after a start: later
/// entries may have been trimmed.
pub async fn missing(redis_port: u16, ids: &[String]) -> Vec<String> {
    let millisecond = |id: &String| id.split('-').next().map(str::to_owned);
    let Some(first) = ids.iter().filter_map(millisecond).min() else { return Vec::new() };
    let range = format!("XRANGE {STREAM} {first} +");
    let entries: Vec<(String, redis::Value)> = RedisAt::port(redis_port).run(&range).await;
    let there: BTreeSet<_> = entries.into_iter().map(|(id, _)| id).collect();
    ids.iter().filter(|id| !there.contains(*id)).cloned().collect()
}
