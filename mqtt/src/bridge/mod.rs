//! The loop of a bridge: receive, append, acknowledge; connect again when a connection has ended.
//!
//! | file | what it owns |
//! |---|---|
//! | `batch` | messages that are appended together |
//! | `identity` | by what a reading is recognised when its message is delivered again |
//! | `appender` | appending until Redis confirms |
//! | `backlog_gate` | whether the backlog is at its limit |

mod appender;
mod backlog_gate;
mod batch;
mod identity;

use std::time::Duration;

use chrono::{SubsecRound, Utc};
use readings::store::append_batch::CHUNK_ROWS;
use readings::store::stream::StreamPartitions;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use self::appender::{Appender, backoff};
pub use self::backlog_gate::BacklogGate;
use self::batch::Batch;
use crate::config::BridgeConfig;
use crate::mapping::Mappings;
use crate::metrics::METRICS;
use crate::session::{Session, SessionError};
use crate::status::BridgeStatus;

/// The longest pause before the next connection. Too low: a broker that restarts is flooded by all its clients. Too high:
/// messages wait that long after it is back.
const MAX_RECONNECT_PAUSE: Duration = Duration::from_secs(10);

/// A connection that lasted this long ends the back-off. Too low: one that is closed at once, again and again, is opened
/// without a pause. Too high: the first loss after a while costs a long pause.
const STABLE_AFTER: Duration = Duration::from_secs(5);

/// Subscribes to a broker and appends the readings of its messages.
#[derive(Debug)]
pub struct Bridge {
    config: BridgeConfig,
    mappings: Mappings,
    appender: Appender,
    status: BridgeStatus,
}

impl Bridge {
    /// A bridge to these partitions. It connects when it runs.
    #[must_use]
    pub fn new(
        config: BridgeConfig,
        mappings: Mappings,
        partitions: StreamPartitions,
        backlog: BacklogGate,
    ) -> Self {
        let idempotency_ttl = config.idempotency_ttl;
        let appender = Appender { partitions, idempotency_ttl, backlog };
        Self { config, mappings, appender, status: BridgeStatus::default() }
    }

    /// Whether it is connected.
    #[must_use]
    pub fn status(&self) -> BridgeStatus {
        self.status.clone()
    }

    /// Runs until `stop` is cancelled. Then the messages that are being appended are completed and acknowledged.
    pub async fn run(&self, stop: &CancellationToken) {
        let mut pauses = backoff(MAX_RECONNECT_PAUSE);
        let topics = self.topics();
        while !stop.is_cancelled() {
            let begin = Instant::now();
            let result = Box::pin(self.connect_and_serve(&topics, stop)).await;
            let Err(error) = result else { return };
            METRICS.connection_ended(&error);
            self.status.disconnected(error.to_string());
            if begin.elapsed() > STABLE_AFTER {
                pauses = backoff(MAX_RECONNECT_PAUSE);
            }
            let pause = pauses.next().unwrap_or(MAX_RECONNECT_PAUSE);
            let broker = &self.config.address;
            warn!(%broker, %error, ?pause, "not connected to the MQTT broker; it is tried again");
            stop.run_until_cancelled(sleep(pause)).await;
        }
    }

    /// The topic filters, of the shared group if there is one.
    fn topics(&self) -> Vec<String> {
        let own = &self.config.topics;
        let topics = if own.is_empty() { self.mappings.filters() } else { own.clone() };
        match &self.config.shared_group {
            Some(group) => topics.iter().map(|topic| format!("$share/{group}/{topic}")).collect(),
            None => topics,
        }
    }

    async fn connect_and_serve(
        &self,
        topics: &[String],
        stop: &CancellationToken,
    ) -> Result<(), SessionError> {
        let opening = Box::pin(Session::open(&self.config, topics));
        let Some(opened) = stop.run_until_cancelled(opening).await else { return Ok(()) };
        let mut session = opened?;
        self.announce(&session, topics);
        loop {
            let received = session.receive(CHUNK_ROWS);
            let Some(messages) = stop.run_until_cancelled(received).await else { break };
            // Devices know no finer time.
            let arrival = Utc::now().trunc_subsecs(3);
            let batch = Batch::of(&messages?, &self.mappings, &self.config.client_id, arrival);
            if !self.append(&mut session, &batch, stop).await? {
                break;
            }
            session.acknowledge(batch.packet_ids)?;
        }
        session.close().await;
        Ok(())
    }

    fn announce(&self, session: &Session, topics: &[String]) {
        METRICS.connected();
        self.status.subscribed();
        let (broker, client_id) = (&self.config.address, &*self.config.client_id);
        let (topics, session_kept) = (topics.join(", "), session.is_session_present());
        info!(%broker, client_id, topics, session_kept, "subscribed to the MQTT broker");
    }

    /// Appends a batch while the connection is attended to; false when the process stops before Redis has confirmed.
    async fn append(
        &self,
        session: &mut Session,
        batch: &Batch,
        stop: &CancellationToken,
    ) -> Result<bool, SessionError> {
        METRICS.batch_begins(batch.packet_ids.len());
        let cancelled = stop.child_token();
        let appending = self.appender.append(batch, &cancelled);
        tokio::pin!(appending);
        let appended = tokio::select! {
            appended = &mut appending => Ok(appended),
            error = session.attend() => {
                // Without the connection nothing can be acknowledged: the messages will be delivered again.
                cancelled.cancel();
                appending.await;
                Err(error)
            }
        };
        METRICS.batch_ends();
        appended
    }
}
