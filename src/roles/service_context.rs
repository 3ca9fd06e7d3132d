//! What the services of one process share.

use std::time::Duration;

use api::operations::{Draining, PipelineWatch, RenderPrometheus};
use readings::store::Misconfiguration;
use readings::store::stream::ReadingStream;
use readings::store::{Keys, RedisServer, Requirements, SharedConnection, StoreError};

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
    /// The stream as queries and gauges look at it.
    pub stream: ReadingStream,
    pub prometheus: RenderPrometheus,
    pub draining: Draining,
    /// What was seen of the stream lately.
    pub watch: PipelineWatch,
    /// Entries that may wait to be processed, where that is known.
    pub max_backlog: Option<u64>,
    /// Whether it is the private Redis of this process, whose configuration is ours.
    is_private: bool,
}

impl Backend {
    /// The backend that the settings name, of which so much is needed; it is connected to when it is
    /// first used.
    pub fn new(
        settings: &RedisSettings,
        server: RedisServer,
        needs: impl FnOnce(&Keys) -> Requirements,
    ) -> Self {
        let keys = settings.keys();
        info!(server = server.name(), "connects to Redis");
        Self::with(server.requiring(needs(&keys)), keys, telemetry::renderer())
    }

    /// A backend to describe services with.
    pub fn unconnected(server: RedisServer) -> Self {
        Self::with(server, Keys::new("", ""), RenderPrometheus::new(String::new))
    }

    fn with(server: RedisServer, keys: Keys, prometheus: RenderPrometheus) -> Self {
        let queries = server.shared();
        Self {
            ingestion: server.shared(),
            stream: ReadingStream::new(keys.clone(), queries.clone()),
            queries,
            server,
            keys,
            prometheus,
            draining: Draining::default(),
            watch: PipelineWatch::default(),
            max_backlog: None,
            is_private: false,
        }
    }

    /// The same for another thread, which must not wait for this one's answers from Redis.
    pub fn with_own_connections(&self) -> Self {
        let (ingestion, queries) = (self.server.shared(), self.server.shared());
        let stream = ReadingStream::new(self.keys.clone(), queries.clone());
        Self { ingestion, queries, stream, ..self.clone() }
    }

    /// What goes on beside a service that may ask for anything, until the process ends: the stream is
    /// watched, and what endangers readings is told.
    pub fn attend(&self) {
        self.attend_to(true);
    }

    /// As [`Backend::attend`], beside a service that may not ask for what is pending.
    pub fn attend_without_ages(&self) {
        self.attend_to(false);
    }

    fn attend_to(&self, with_ages: bool) {
        let backend = self.clone();
        tokio::spawn(async move {
            let looking = backend.watch.clone().look(backend.stream.clone(), with_ages);
            tokio::join!(looking, backend.tell_dangers());
        });
    }

    /// The same where so many entries may wait to be processed.
    pub fn with_max_backlog(self, max_backlog: Option<u64>) -> Self {
        Self { max_backlog, ..self }
    }

    /// The same with a Redis that this process has started.
    pub fn with_private_redis(self) -> Self {
        Self { is_private: true, ..self }
    }

    /// Says once, when Redis is there, what about it endangers readings.
    async fn tell_dangers(&self) {
        let dangers = loop {
            match self.dangers().await {
                Ok(dangers) => break dangers,
                Err(_) => sleep(REPORT_PAUSE).await,
            }
        };
        for danger in dangers {
            match danger {
                // Its configuration is not the user's to change.
                Misconfiguration::NoMemoryLimit if self.is_private => {}
                Misconfiguration::NoMemoryLimit => info!("{danger}"),
                danger if danger.fails_readiness() => error!("{danger}"),
                danger => warn!("{danger}"),
            }
        }
    }

    async fn dangers(&self) -> Result<Vec<Misconfiguration>, StoreError> {
        let mut dangers = self.queries.server_check().await?.misconfigurations();
        // What Redis says of itself may be a part of what is denied.
        if !dangers.iter().any(Misconfiguration::fails_readiness) {
            dangers.extend(self.queries.server_info().await?.check());
        }
        Ok(dangers)
    }
}
