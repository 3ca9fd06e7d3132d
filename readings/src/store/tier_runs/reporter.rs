//! Reports the runs of this process.

use std::time::{Duration, Instant};

use redis::{Value, cmd};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tracing::{debug, warn};

use super::run::{ArchivingProgress, PackingProgress, TierRun, is_older, now_ms};
use crate::store::connection::{SharedConnection, reply};
use crate::store::error::{StoreError, StoreResult};
use crate::store::error_class::ErrorClass;
use crate::store::keys::{self, Keys};

/// The pause between two reports of a run. Too low: Redis does useless work. Too high: its progress is shown late.
const INTERVAL: Duration = Duration::from_secs(5);

/// The age at which the runs of a consumer are forgotten. Too low: a page does not show when it last packed. Too high: the
/// hash keeps consumers that do not exist any more.
pub(super) const PACKING_TTL: Duration = Duration::from_hours(24);

/// Reports runs, one after another. A report that fails changes nothing but that others see an old one.
#[derive(Debug)]
pub struct TierRunReporter<P> {
    key: String,
    field: String,
    connection: SharedConnection,
    run: TierRun<P>,
    sent_at: Instant,
    /// Whether the run of before is known.
    is_loaded: bool,
    /// Whether the server denies the hash: it is asked no more.
    is_denied: bool,
}

impl TierRunReporter<PackingProgress> {
    /// Reports the runs of packing of a consumer.
    #[must_use]
    pub fn of_packing(keys: &Keys, connection: SharedConnection, consumer: &str) -> Self {
        Self::new(keys, connection, keys::packing_run(consumer))
    }
}

impl TierRunReporter<ArchivingProgress> {
    /// Reports a run of archiving, of which there is one at a time.
    #[must_use]
    pub fn of_archiving(keys: &Keys, connection: SharedConnection) -> Self {
        Self::new(keys, connection, keys::ARCHIVING_RUN.to_owned())
    }
}

impl<P: Default + Serialize + DeserializeOwned> TierRunReporter<P> {
    fn new(keys: &Keys, connection: SharedConnection, field: String) -> Self {
        Self {
            key: keys.tier_runs(),
            field,
            connection,
            run: TierRun::default(),
            sent_at: Instant::now(),
            is_loaded: false,
            is_denied: false,
        }
    }

    /// Begins a run, with what it has of the progress of the one before it.
    pub async fn begin(&mut self, kept: impl FnOnce(&P) -> P) {
        if !self.is_loaded && !self.is_denied {
            match self.load().await {
                Ok(before) => (self.is_loaded, self.run) = (true, before),
                Err(error) => self.is_denied = is_denied(&error),
            }
        }
        let progress = kept(&self.run.progress);
        self.run = std::mem::take(&mut self.run).following(progress);
        self.send().await;
    }

    /// What the run has done so far.
    pub const fn progress(&mut self) -> &mut P {
        &mut self.run.progress
    }

    /// Notes an error that does not end the run, as the last one.
    pub fn note(&mut self, error: &str) {
        self.run.note(error);
    }

    /// Reports the progress, if that was not done for some seconds.
    pub async fn report(&mut self) {
        if self.sent_at.elapsed() >= INTERVAL {
            self.send().await;
        }
    }

    /// Ends the run, with the error that has ended it, if one has.
    pub async fn end(&mut self, error: Option<&str>) {
        self.run.end(error);
        self.send().await;
    }

    async fn send(&mut self) {
        self.run.reported_ms = now_ms();
        self.sent_at = Instant::now();
        if !self.is_denied {
            self.is_denied = self.store().await.is_err_and(|error| is_denied(&error));
        }
    }

    async fn store(&self) -> StoreResult<()> {
        const HSET: &str = "HSET";
        // Err: numbers and texts are always valid JSON.
        let json = serde_json::to_string(&self.run).unwrap_or_default();
        let mut command = cmd(HSET);
        command.arg(&self.key).arg(&self.field).arg(json);
        self.connection.send(HSET, &command).await.map(drop)
    }

    /// The run before; forgets those of consumers that have not reported for long.
    async fn load(&self) -> StoreResult<TierRun<P>> {
        const HGETALL: &str = "HGETALL";
        const HDEL: &str = "HDEL";
        let mut command = cmd(HGETALL);
        command.arg(&self.key);
        let fields = reply::map(self.connection.send(HGETALL, &command).await?);
        let fields = fields.ok_or_else(|| self.connection.unexpected_reply(HGETALL))?;
        let (mut before, mut removal) = (TierRun::default(), cmd(HDEL));
        removal.arg(&self.key);
        let mut has_expired = false;
        for (field, run) in fields.into_iter().filter_map(texts) {
            if field == self.field {
                before = serde_json::from_str(&run).unwrap_or_default();
            } else if is_expired(&field, &run) {
                removal.arg(field);
                has_expired = true;
            }
        }
        if has_expired {
            self.connection.send(HDEL, &removal).await?;
        }
        Ok(before)
    }
}

fn texts((field, run): (Value, Value)) -> Option<(String, String)> {
    reply::text(field).zip(reply::text(run))
}

/// Whether a field is a run of packing whose consumer has not reported for long.
fn is_expired(field: &str, run: &str) -> bool {
    let run: TierRun<PackingProgress> = serde_json::from_str(run).unwrap_or_default();
    keys::consumer_of_packing_run(field).is_some()
        && is_older(run.reported_ms, PACKING_TTL, now_ms())
}

fn is_denied(error: &StoreError) -> bool {
    let is_denied = error.class == ErrorClass::Denied;
    if is_denied {
        warn!(%error, "runs of packing and archiving are not reported until this process is started again");
    } else {
        debug!(%error, "a run is reported later");
    }
    is_denied
}
