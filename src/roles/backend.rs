//! What the services of one process share.

use api::operations::{Draining, RenderPrometheus};
use readings::store::{Keys, RedisServer, SharedConnection};

use crate::config::RedisSettings;
use crate::telemetry;

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
    /// When the settings name no server, or metrics cannot be set up.
    pub fn new(settings: &RedisSettings, server: RedisServer) -> anyhow::Result<Self> {
        let prometheus = telemetry::start_metrics()?;
        Self::with(server, settings.keys(), prometheus)
    }

    /// A backend to describe services with.
    ///
    /// # Errors
    /// When the client library refuses its settings.
    pub fn unconnected(server: RedisServer) -> anyhow::Result<Self> {
        Self::with(server, Keys::new("", ""), RenderPrometheus::new(String::new))
    }

    fn with(server: RedisServer, keys: Keys, prometheus: RenderPrometheus) -> anyhow::Result<Self> {
        Ok(Self {
            ingestion: server.shared()?,
            queries: server.shared()?,
            server,
            keys,
            prometheus,
            draining: Draining::default(),
        })
    }
}
