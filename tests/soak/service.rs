//! A service that is broken and restarted.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use super::plan::PROCESSORS;
use crate::common::product::{Launch, Role, ingestion_api};
use crate::common::redis::{RedisServer, free_port};
use crate::support::proxy::Proxy;
use crate::support::system::consumer;

/// Retention of acknowledged entries. Short, so that much is trimmed during faults; longer than the
/// check of what Redis has lost takes.
const STREAM_RETENTION: &str = "30s";

/// One service, behind a proxy of its own.
pub struct Service {
    number: usize,
    port: u16,
    role: Option<Role>,
    frozen: bool,
    /// Whether it was terminated.
    ending: bool,
    pub network: Proxy,
    log: PathBuf,
    /// Number of its starts.
    instances: u32,
    /// Settings in addition.
    settings: Vec<(&'static str, String)>,
}

impl Service {
    /// Starts the n-th service with further settings; its logs are written to this directory when it exits.
    pub async fn start_with(
        number: usize,
        redis: &RedisServer,
        logs: &Path,
        settings: Vec<(&'static str, String)>,
    ) -> Self {
        let log = logs.join(format!("service-{number}.log"));
        File::create(&log).unwrap();
        let network = Proxy::to(redis.port()).await;
        let (port, role) = (free_port(), None);
        let (frozen, ending, instances) = (false, false, 0);
        let mut service =
            Self { number, port, role, frozen, ending, network, log, instances, settings };
        service.start_again(redis).await;
        service
    }

    fn is_ingestion(&self) -> bool {
        self.number >= PROCESSORS
    }

    fn launch(&self, redis: &RedisServer) -> Launch {
        if self.is_ingestion() {
            return ingestion_api(redis).env("INGESTION_PORT", self.port);
        }
        let launch = consumer(redis, self.number).env("STREAM_RETENTION", STREAM_RETENTION);
        match self.number {
            // One is slow: its entries are in flight for a long time.
            1 => launch.env("PROCESSING_DELAY_MS", 5),
            // One is like a pod: it has another name after each restart.
            2 => launch.env("CONSUMER_NAME", format!("consumer-2-{}", self.instances)),
            _ => launch,
        }
    }

    /// Starts it unless it runs.
    pub async fn start_again(&mut self, redis: &RedisServer) {
        if self.role.is_none() {
            self.instances += 1;
            (self.frozen, self.ending) = (false, false);
            let launch = self.launch(redis).env("REDIS_PORT", self.network.port());
            let set = |launch: Launch, (name, value): &(&str, String)| launch.env(name, value);
            let launch = self.settings.iter().fold(launch, set);
            self.role = Some(launch.start().await);
        }
    }

    /// The URL of an ingestion API, the same after each restart.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn kill(&mut self) {
        if let Some(mut role) = self.role.take() {
            role.kill9();
            self.keep_log(&role);
        }
    }

    /// Sends it `SIGTERM`.
    pub fn terminate(&mut self) {
        self.thaw();
        if let Some(role) = self.role.as_mut().filter(|_| !self.ending) {
            role.terminate();
            self.ending = true;
        }
    }

    /// Waits until it has exited, if it was terminated; returns the exit code.
    pub async fn ended(&mut self) -> Option<i32> {
        if !self.ending {
            return None;
        }
        self.thaw();
        let mut role = self.role.take()?;
        let code = role.exit_code().await;
        self.keep_log(&role);
        code
    }

    pub fn freeze(&mut self) {
        if let Some(role) = self.role.as_mut().filter(|_| !self.ending) {
            role.signal("STOP");
            self.frozen = true;
        }
    }

    pub fn thaw(&mut self) {
        if let Some(role) = self.role.as_mut().filter(|_| self.frozen) {
            role.signal("CONT");
        }
        self.frozen = false;
    }

    fn keep_log(&self, role: &Role) {
        let mut log = OpenOptions::new().append(true).open(&self.log).unwrap();
        writeln!(log, "{}\n--- end of instance {}", role.stderr(), self.instances).unwrap();
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if let Some(role) = self.role.take() {
            self.keep_log(&role);
        }
    }
}
