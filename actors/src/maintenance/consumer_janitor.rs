//! `ConsumerJanitor`: shows that this consumer is alive, and removes those that are gone.
//!
//! Without it this consumer looks idle, but is not removed as long as it has entries pending; a consumer
//! that was removed is made again by its next read.

use std::sync::Arc;
use std::time::Duration;

use readings::store::StoreError;
use readings::store::lives::Life;
use tracing::{info, warn};

use crate::config::Shared;
use crate::maintenance::periodic_task::Chore;
use crate::metrics::METRICS;

/// How often a sign of life is given.
const HEARTBEAT_EVERY: Duration = Duration::from_secs(5);

/// A consumer without a sign of life for so long, and without pending entries, is removed. Too low
/// and a consumer that was cut off for a while is removed for nothing; too high and the list of
/// consumers holds names of the dead.
const GONE_AFTER: Duration = Duration::from_mins(5);

pub(crate) struct ConsumerJanitor {
    shared: Arc<Shared>,
    life: Life,
}

impl ConsumerJanitor {
    pub fn new(shared: Arc<Shared>) -> Self {
        let life = Life::of(&shared.config.consumer);
        Self { shared, life }
    }

    async fn look_for_namesakes(&self) -> Result<(), StoreError> {
        if self.shared.stream.has_namesake(&self.life).await? {
            METRICS.namesake_seen();
            let consumer = &self.shared.config.consumer;
            warn!(%consumer, "another process has this CONSUMER_NAME; each does the other's work again");
        }
        Ok(())
    }
}

impl Chore for ConsumerJanitor {
    const NAME: &'static str = "removing consumers that are gone";

    fn pause(&self) -> Option<Duration> {
        Some(HEARTBEAT_EVERY)
    }

    async fn work(&mut self) -> Result<(), StoreError> {
        let Shared { stream, config, .. } = self.shared.as_ref();
        stream.heartbeat(&config.consumer).await?;
        self.shared.set_clock().await?;
        let gone = stream.forget_idle_consumers(GONE_AFTER).await?;
        if !gone.is_empty() {
            info!(?gone, "removed consumers without a sign of life");
        }
        self.look_for_namesakes().await
    }
}
