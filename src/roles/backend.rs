//! What the services of one process share.

use std::time::Duration;

use api::operations::{Draining, RenderPrometheus};
use readings::store::server_report::Danger;
use readings::store::{Keys, RedisServer, SharedConnection};

use tokio::time::sleep;
use tracing::{error, info, warn};

use crate::config::RedisSettings;
use crate::telemetry;

/// How often Redis is asked to describe itself until it does.
const REPORT_PAUSE: Duration = Duration::from_secs(1);

/// Redis, the names in it, and the state of this process.
#[derive(Debug, Clone)]
pub struct Backend {
    pub server: RedisServer,
    pub keys: Keys,
    /// Appends only: no query delays one.
    pub ingestion: SharedConnection,
    /// Queries and health: no range delays an append or an acknowledgement.
    pub queries: SharedConnection,
    pub prometheus: RenderPrometheus,
    pub draining: Draining,
}

impl Backend {
    /// The backend that the settings name; it is connected to when it is first used.
    ///
    /// # Errors
    /// When metrics cannot be set up.
    pub fn new(settings: &RedisSettings, server: RedisServer) -> anyhow::Result<Self> {
        Ok(Self::with(server, settings.keys(), telemetry::start_metrics()?))
    }

    /// A backend to describe services with.
    pub fn unconnected(server: RedisServer) -> Self {
        Self::with(server, Keys::new("", ""), RenderPrometheus::new(String::new))
    }

    fn with(server: RedisServer, keys: Keys, prometheus: RenderPrometheus) -> Self {
        Self {
            ingestion: server.shared(),
            queries: server.shared(),
            server,
            keys,
            prometheus,
            draining: Draining::default(),
        }
    }

    /// The same for another thread, which must not wait for this one's answers from Redis.
    pub fn with_own_connections(&self) -> Self {
        let (ingestion, queries) = (self.server.shared(), self.server.shared());
        Self { ingestion, queries, ..self.clone() }
    }

    /// Says once, when Redis is there, what about it endangers readings.
    pub async fn tell_dangers(&self) {
        let report = loop {
            match self.queries.server_report().await {
                Ok(report) => break report,
                Err(_) => sleep(REPORT_PAUSE).await,
            }
        };
        for danger in report.dangers() {
            match danger {
                Danger::Evicts { .. } => error!("{danger}"),
                Danger::NoMemoryLimit => info!("{danger}"),
                _ => warn!("{danger}"),
            }
        }
    }
}
