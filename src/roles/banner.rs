//! What `up` says once it is up.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use api::frontend;
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep};
use tracing::warn;

use super::up::Listeners;
use crate::commands::healthcheck::{Asker, Unready, reachable};
use crate::config::program;
use crate::console;

/// How often the services are asked whether they are ready. Too low: Redis has work for nothing. Too high:
/// the greeting is late by that.
const ASK_EVERY: Duration = Duration::from_millis(50);

/// A start that takes longer than this is told about.
const SLOW_START: Duration = Duration::from_secs(1);

/// Where everything is.
pub struct Greeting {
    ingestion: SocketAddr,
    processing: SocketAddr,
    frontend: SocketAddr,
    redis: String,
}

impl Greeting {
    /// About what listens there and works on this Redis.
    ///
    /// # Errors
    /// When a listener has no address.
    pub fn new(listeners: &Listeners, redis: &str) -> anyhow::Result<Self> {
        let address = |listener: &TcpListener| {
            listener.local_addr().map(reachable).context("a listener has no address")
        };
        Ok(Self {
            ingestion: address(&listeners.ingestion)?,
            processing: address(&listeners.processing)?,
            frontend: address(&listeners.frontend)?,
            redis: redis.to_owned(),
        })
    }

    /// Says it when both services are ready; that they are not yet is said, too, if it takes a while.
    pub async fn say_when_ready(self) {
        let Ok(asker) = Asker::new().inspect_err(|error| warn!(%error, "cannot ask services"))
        else {
            return;
        };
        let (started, mut told) = (Instant::now(), false);
        while let Err(Unready::Silent(reason) | Unready::Says(reason)) = self.ask(&asker).await {
            if started.elapsed() > SLOW_START && !told {
                let redis = &self.redis;
                console::say(format_args!(
                    "energy-pipeline listens, but is not ready. It waits for Redis at {redis}: {reason}"
                ));
                told = true;
            }
            sleep(ASK_EVERY).await;
        }
        self.say();
    }

    async fn ask(&self, asker: &Asker) -> Result<(), Unready> {
        asker.ask(self.ingestion).await?;
        asker.ask(self.processing).await
    }

    fn say(&self) {
        if !frontend::is_built_in() {
            warn!("this program was built without the web page; `make build` builds it with");
        }
        for line in self.lines() {
            console::say(line);
        }
    }

    fn lines(&self) -> Vec<String> {
        let Self { ingestion, processing, frontend, redis } = self;
        let reading = r#"{"site_id": "house-01", "device_id": "main-meter", "power_reading": 1500.5, "timestamp": "2024-01-15T10:30:00Z"}"#;
        let program = program();
        vec![
            "energy-pipeline is up.".to_owned(),
            String::new(),
            format!("  page            http://{frontend}/"),
            format!("  ingestion API   http://{ingestion}/docs"),
            format!("  processing      http://{processing}/docs"),
            format!("  Redis           {redis}"),
            String::new(),
            "Send a reading, and read it back:".to_owned(),
            String::new(),
            format!(
                "  curl -X POST http://{ingestion}/readings -H 'Content-Type: application/json' -d '{reading}'"
            ),
            format!("  curl http://{processing}/sites/house-01/readings"),
            String::new(),
            format!("Other commands, such as dead-letters: {program} --help"),
            "Ctrl-C ends it; the data stay.".to_owned(),
        ]
    }
}
