//! Processing by hand, so that a test can do it wrong.

use redis::{RedisResult, Value, cmd};
use serde_json::json;

use super::checker::Checker;
use super::ledger::{Attempt, Class, Ledger, now_ns};
use super::redis_at::RedisAt;
use super::rng::Rng;
use super::sent::SentReading;
use crate::common::redis::{DEAD_LETTERS, GROUP, RedisServer, STREAM};

/// A Redis without services: the steps of their work are taken by hand.
pub struct ManualPipeline {
    pub server: RedisServer,
    pub redis: RedisAt,
    pub ledger: Ledger,
    sent: u64,
    rng: Rng,
}

/// A reading that was accepted.
#[derive(Debug, Clone)]
pub struct AcceptedReading {
    pub id: String,
    pub sent: SentReading,
}

impl ManualPipeline {
    pub async fn new() -> Self {
        let server = RedisServer::start().await;
        let mut redis = RedisAt::port(server.port());
        redis.run::<()>(&format!("XGROUP CREATE {STREAM} {GROUP} 0 MKSTREAM")).await;
        Self { server, redis, ledger: Ledger::new(), sent: 0, rng: Rng::seeded(1) }
    }

    /// Accepts this number of readings.
    pub async fn accept(&mut self, count: usize) -> Vec<AcceptedReading> {
        self.accept_with("XADD energy_readings *", count).await
    }

    /// Accepts this number of readings with a command that begins with `xadd`.
    pub async fn accept_with(&mut self, xadd: &str, count: usize) -> Vec<AcceptedReading> {
        let mut taken = Vec::new();
        for _ in 0..count {
            let sent = self.next_reading();
            let added = format!("{xadd} site_id {} device_id {}", sent.site, sent.device);
            let id: String = self.redis.run(&added).await;
            self.note(&sent, Class::Accepted, Some(&id));
            taken.push(AcceptedReading { id, sent });
        }
        taken
    }

    /// A new reading.
    pub fn next_reading(&mut self) -> SentReading {
        self.sent += 1;
        SentReading::nth(0, self.sent, 3, &mut self.rng)
    }

    /// Records the response to the sender of a reading.
    pub fn note(&self, sent: &SentReading, class: Class, id: Option<&str>) {
        let now = now_ns();
        let attempt = Attempt {
            class,
            status: None,
            stream_id: id.map(str::to_owned),
            said: String::new(),
            sent_ns: now,
            received_ns: now,
        };
        self.ledger.note(sent, None, &attempt);
    }

    /// Delivers up to this number of entries to a consumer.
    pub async fn deliver(&mut self, consumer: &str, count: usize) {
        let read = format!("XREADGROUP GROUP {GROUP} {consumer} COUNT {count} STREAMS {STREAM} >");
        let _: Value = self.redis.run(&read).await;
    }

    /// Stores accepted readings correctly.
    pub async fn store(&mut self, taken: &[AcceptedReading]) {
        for taken in taken {
            self.try_store(&taken.sent.site, taken.sent.score(), &member(taken)).await.unwrap();
        }
    }

    pub async fn try_store(&mut self, site: &str, score: f64, member: &str) -> RedisResult<()> {
        let mut zadd = cmd("ZADD");
        zadd.arg(format!("site:{site}:readings")).arg(score).arg(member);
        self.redis.query(&zadd).await
    }

    pub async fn acknowledge(&mut self, taken: &[AcceptedReading]) {
        for taken in taken {
            self.redis.run::<()>(&format!("XACK {STREAM} {GROUP} {}", taken.id)).await;
        }
    }

    /// Appends a dead letter, and leaves the entry in the stream.
    pub async fn dead_letter(&mut self, taken: &AcceptedReading) {
        let (id, device) = (&taken.id, &taken.sent.device);
        let dead_letter =
            format!("XADD {DEAD_LETTERS} * original_id {id} reason none field:device_id {device}");
        self.redis.run::<()>(&dead_letter).await;
    }

    /// Delivers, stores and acknowledges this number of readings correctly.
    pub async fn process_well(&mut self, count: usize) -> Vec<AcceptedReading> {
        let taken = self.accept(count).await;
        self.deliver("consumer-1", count).await;
        self.store(&taken).await;
        self.acknowledge(&taken).await;
        taken
    }

    pub fn checker(&self) -> Checker {
        Checker::of(self.server.port())
    }
}

/// The member to be stored.
pub fn member(AcceptedReading { id, sent }: &AcceptedReading) -> String {
    let SentReading { site, device, timestamp, value } = sent;
    json!({
        "stream_id": id, "site_id": site, "device_id": device, "power_reading": value,
        "timestamp": timestamp, "ingested_at": "2024-01-15T10:30:00.123456",
    })
    .to_string()
}
