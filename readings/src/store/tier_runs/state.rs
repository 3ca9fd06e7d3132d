//! The last runs of all processes.

use redis::cmd;

use super::reporter::PACKING_TTL;
use super::run::{ArchivingProgress, PackingProgress, TierRun, is_older, now_ms};
use crate::store::connection::{SharedConnection, reply};
use crate::store::error::StoreResult;
use crate::store::keys::{self, Keys};

/// Reads the last runs.
#[derive(Debug, Clone)]
pub struct TierRuns {
    key: String,
    connection: SharedConnection,
}

/// The last runs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TierRunStates {
    /// That of packing in each process by its consumer, in the order of their names; without those that have not reported
    /// for a day.
    pub packing: Vec<(String, TierRun<PackingProgress>)>,
    /// That of archiving.
    pub archiving: Option<TierRun<ArchivingProgress>>,
}

impl TierRuns {
    /// The runs over a connection that others may share.
    #[must_use]
    pub fn new(keys: &Keys, connection: SharedConnection) -> Self {
        Self { key: keys.tier_runs(), connection }
    }

    /// The last runs. What is not in the form of a run is left out: the next report replaces it.
    ///
    /// # Errors
    /// When the server replied with an error or not at all.
    pub async fn read(&self) -> StoreResult<TierRunStates> {
        const HGETALL: &str = "HGETALL";
        let mut command = cmd(HGETALL);
        command.arg(&self.key);
        let fields = reply::map(self.connection.send(HGETALL, &command).await?);
        let fields = fields.ok_or_else(|| self.connection.unexpected_reply(HGETALL))?;
        let mut states = TierRunStates::default();
        for (field, run) in fields {
            if let (Some(field), Some(run)) = (reply::text(field), reply::text(run)) {
                states.add(&field, &run);
            }
        }
        states.packing.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        Ok(states)
    }
}

impl TierRunStates {
    fn add(&mut self, field: &str, run: &str) {
        if field == keys::ARCHIVING_RUN {
            self.archiving = serde_json::from_str(run).ok();
        } else if let Some(consumer) = keys::consumer_of_packing_run(field)
            && let Ok(run) = serde_json::from_str::<TierRun<_>>(run)
            && !is_older(run.reported_ms, PACKING_TTL, now_ms())
        {
            self.packing.push((consumer.to_owned(), run));
        }
    }
}
