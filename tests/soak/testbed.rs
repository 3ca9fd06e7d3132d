//! Everything that can be broken, and how it is broken and healed.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use super::plan::{Action, INGESTIONS, Kind, PROCESSORS, Step};
use super::service::Service;
use super::tiers::Tiers;
use crate::common::redis::{GROUP, RedisServer, STREAM};
use crate::support::disk::Disk;
use crate::support::ledger::{Ledger, now_ns};
use crate::support::poisoning;
use crate::support::proxy::Mode;
use crate::support::redis_at::RedisAt;
use crate::support::rng::Rng;
use crate::support::sent::SentReading;
use crate::support::system::missing;

/// An entry accepted within this time before Redis is restarted has not been trimmed (the retention
/// is longer): if it is not in the stream then, Redis has lost it. Redis loses nothing older.
const SURELY_IN_THE_STREAM_NS: u64 = 25_000_000_000;

/// Not the number of any producer.
const POISONER: u64 = 999;

/// Redis, the services and the ledger.
pub struct Testbed {
    pub redis: RedisServer,
    redis_runs: bool,
    services: Vec<Service>,
    pub ledger: Ledger,
    /// Entries that Redis had accepted and that were missing after its restart.
    pub lost_by_redis: Vec<String>,
    /// Services that exited with an error.
    pub failures: Vec<String>,
    disk: Disk,
    directory: PathBuf,
    poisoned: u64,
    rng: Rng,
    pub tiers: Tiers,
}

impl Testbed {
    /// Starts everything.
    pub async fn set(seed: u64) -> Self {
        let prefix = format!("soak-{seed}-");
        let directory =
            TempDir::with_prefix_in(prefix, env!("CARGO_TARGET_TMPDIR")).unwrap().keep();
        let redis = RedisServer::start().await;
        let disk = Disk::of(redis.port()).await;
        let mut services = Vec::new();
        let address =
            [("REDIS_HOST", "127.0.0.1".to_owned()), ("REDIS_PORT", redis.port().to_string())];
        let tiers = Tiers::of(&address, vec![redis.port()], &directory);
        for number in 0..PROCESSORS + INGESTIONS {
            let start = Service::start_with(number, &redis, &directory, tiers.settings());
            services.push(start.await);
        }
        Self {
            redis,
            redis_runs: true,
            services,
            ledger: Ledger::at(directory.join("ledger.ndjson")),
            lost_by_redis: Vec::new(),
            failures: Vec::new(),
            disk,
            directory,
            poisoned: 0,
            rng: Rng::seeded(seed),
            tiers,
        }
    }

    /// The directory of logs and ledger.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The URLs that readings are sent to.
    pub fn ingestion_urls(&self) -> Vec<String> {
        self.services[PROCESSORS..].iter().map(Service::url).collect()
    }

    /// Breaks something, or heals it.
    pub async fn perform(&mut self, step: Step) {
        match step.kind {
            Kind::Begin => self.begin(step).await,
            Kind::End => self.end(step.action).await,
        }
    }

    async fn begin(&mut self, Step { action, lasts, .. }: Step) {
        match action {
            Action::Kill(service) => self.services[service].kill(),
            Action::Terminate(service) => self.services[service].terminate(),
            Action::Freeze(service) => self.services[service].freeze(),
            Action::BlackHole(service) => self.services[service].network.set(Mode::BlackHole),
            Action::CutReplies(service, cut) => {
                self.services[service].network.set(Mode::Cut(cut, 5));
            }
            Action::Slow(service) => {
                self.services[service].network.set(Mode::Delay(Duration::from_millis(300)));
            }
            Action::KillRedis => self.kill_redis(),
            Action::LosePower(bytes) => {
                self.kill_redis();
                self.lost_by_redis.extend(self.disk.truncate_aof(bytes));
            }
            Action::KillConnections => self.command("CLIENT KILL TYPE normal SKIPME yes").await,
            Action::PauseRedis => {
                self.command(&format!("CLIENT PAUSE {} ALL", lasts.as_millis())).await;
            }
            Action::DestroyGroup => self.command(&format!("XGROUP DESTROY {STREAM} {GROUP}")).await,
            Action::FillMemory => self.command("CONFIG SET maxmemory 1").await,
            Action::Poison(entries) => self.poison(entries).await,
        }
    }

    async fn end(&mut self, action: Action) {
        match action {
            Action::Kill(service) => self.services[service].start_again(&self.redis).await,
            Action::Terminate(service) => self.replace(service).await,
            Action::Freeze(service) => self.services[service].thaw(),
            Action::BlackHole(service) | Action::CutReplies(service, _) | Action::Slow(service) => {
                self.services[service].network.set(Mode::Forward);
            }
            Action::KillRedis | Action::LosePower(_) => self.restart_redis().await,
            Action::FillMemory => self.command("CONFIG SET maxmemory 0").await,
            _ => {}
        }
    }

    /// Heals everything.
    pub async fn heal(&mut self) {
        self.restart_redis().await;
        self.command("CLIENT UNPAUSE").await;
        self.command("CONFIG SET maxmemory 0").await;
        for service in &mut self.services {
            service.thaw();
            service.network.set(Mode::Forward);
            service.start_again(&self.redis).await;
        }
    }

    /// Waits until a terminated service has exited, and starts another in its place.
    async fn replace(&mut self, service: usize) {
        if let Some(code) = self.services[service].ended().await.filter(|code| *code != 0) {
            self.failures.push(format!("service {service}, asked to end, ended with {code}"));
        }
        self.services[service].start_again(&self.redis).await;
    }

    fn kill_redis(&mut self) {
        if std::mem::replace(&mut self.redis_runs, false) {
            self.redis.kill9();
        }
    }

    async fn restart_redis(&mut self) {
        if std::mem::replace(&mut self.redis_runs, true) {
            return;
        }
        let died = now_ns();
        self.redis.restart().await;
        let recent = self.ledger.accepted_since(died - SURELY_IN_THE_STREAM_NS);
        let lost = missing(self.redis.port(), &recent).await;
        if !lost.is_empty() {
            println!("         Redis has lost {} entries", lost.len());
        }
        self.lost_by_redis.extend(lost);
    }

    async fn poison(&mut self, entries: u64) {
        for _ in 0..if self.redis_runs { entries } else { 0 } {
            let instead_of = SentReading::nth(POISONER, self.poisoned, 20, &mut self.rng);
            poisoning::add(self.redis.port(), &self.ledger, instead_of, self.poisoned).await;
            self.poisoned += 1;
        }
    }

    /// Sends a command to Redis; it may fail.
    async fn command(&self, command: &str) {
        let _: redis::RedisResult<redis::Value> =
            RedisAt::port(self.redis.port()).try_run(command).await;
    }

    /// Copies the files of Redis to the logs, for debugging.
    pub fn keep_disk(&self) {
        self.disk.copy_to(&self.directory);
    }
}
