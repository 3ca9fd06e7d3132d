//! Waits until replicas have what a connection has written (`WAIT`), for `REDIS_WAIT_REPLICAS`.
//!
//! `WAIT` counts the replicas that have the connection's own last write. Redis 8 and Valkey do not count a command that
//! has changed nothing, such as a `ZADD` that is repeated over another connection: they reply at once that all replicas
//! have it. So a key is set before, which always is a change; a replica that has it has all that was written before it,
//! as replication is in order.

use redis::pipe;

use super::address::shown;
use super::cluster::Slot;
use super::generation::Generation;
use super::replica_wait::{ReplicaWait, ReplicaWaits, Waited};
use super::reply;
use super::shared::SharedConnection;
use crate::store::error::{StoreError, StoreResult};
use crate::store::error_class::ErrorClass;
use crate::store::metrics::METRICS;

/// Seconds until the key that is set before a `WAIT` expires. Too low: replicas are sent its expiry more often. Too
/// high: it stays after the setting was removed.
const MARK_SECONDS: u64 = 60;

/// Keys that are tried to find one for each master. Too few and a master that has few slots is not waited for; too many
/// and a slot map without a master's slots costs time.
const MAX_MARKS: u32 = 100_000;

const WAIT: &str = "WAIT";

const TOO_FEW: &str = "fewer replicas than REDIS_WAIT_REPLICAS have the write; it is on the master, and a failover may \
                       lose it";

const CONNECTION_LOST: &str = "the connection was lost before replicas had the write";

impl SharedConnection {
    /// Waits until the replicas that the setting asks for have everything that was written over this connection in a
    /// generation, and was replied to; in a Redis Cluster the replicas of each master. Without the setting it returns at
    /// once.
    ///
    /// # Errors
    /// [`ErrorClass::Full`] when too few replicas have it in time; another one when the generation has ended, or a server
    /// did not reply. The write itself stays, so it must be repeatable.
    pub async fn wait_replicas(&self, written: Generation) -> StoreResult<()> {
        match self.replica_waits() {
            None => Ok(()),
            // On the heap: futures of writes have no room for it where the setting is absent.
            Some(waits) => Box::pin(self.wait_for(waits, written)).await,
        }
    }

    /// The generation of the writes that follow, for [`SharedConnection::confirm`]; `None` without the setting.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub(crate) async fn begin_confirmed(&self) -> StoreResult<Option<Generation>> {
        match self.replica_waits() {
            None => Ok(None),
            Some(_) => Box::pin(self.connected()).await.map(Some),
        }
    }

    /// Waits for replicas to have what was written since [`SharedConnection::begin_confirmed`].
    ///
    /// # Errors
    /// As of [`SharedConnection::wait_replicas`]; what was written is on the primary.
    pub(crate) async fn confirm(&self, begun: Option<Generation>) -> StoreResult<()> {
        match begun {
            None => Ok(()),
            Some(written) => {
                self.wait_replicas(written).await.map_err(StoreError::with_unknown_outcome)
            }
        }
    }

    async fn wait_for(&self, waits: &ReplicaWaits, written: Generation) -> StoreResult<()> {
        let wait = &waits.wait;
        let Waited { generation, replicas } = waits.rounds.share(|| self.wait_once(wait)).await?;
        if generation != written {
            return Err(self.not_replicated(ErrorClass::Disconnected, CONNECTION_LOST));
        }
        if replicas < u64::from(wait.replicas.get()) {
            METRICS.replicas_missing();
            return Err(self.not_replicated(ErrorClass::Full, TOO_FEW));
        }
        Ok(())
    }

    /// In a Redis Cluster the `WAIT`, which has no key, goes to each node that a key goes to, and the lowest number
    /// counts.
    async fn wait_once(&self, wait: &ReplicaWait) -> StoreResult<Waited> {
        let milliseconds = u64::try_from(wait.timeout.as_millis()).unwrap_or(u64::MAX);
        let mut commands = pipe();
        for mark in self.marks(&wait.mark).await? {
            commands.cmd("SET").arg(mark).arg("").arg("EX").arg(MARK_SECONDS);
        }
        commands.cmd(WAIT).arg(wait.replicas.get()).arg(milliseconds);
        let (replies, generation) = self.send_all(WAIT, &commands).await?;
        let replies = replies.into_iter().collect::<StoreResult<Vec<_>>>()?;
        let replicas = replies.last().and_then(reply::integer);
        let replicas = replicas.ok_or_else(|| self.unexpected_reply(WAIT))?;
        Ok(Waited { generation, replicas })
    }

    /// Keys that are set before: one for each master.
    async fn marks(&self, mark: &str) -> StoreResult<Vec<String>> {
        let Some(map) = self.slot_map().await? else { return Ok(vec![mark.to_owned()]) };
        let mut missing: Vec<_> = map.masters().iter().map(|it| shown(&it.address)).collect();
        let mut marks = Vec::with_capacity(missing.len());
        for number in 0..MAX_MARKS {
            let key = format!("{mark}:{number}");
            let master = map.master_of(Slot::of(key.as_bytes())).map(|it| shown(&it.address));
            let place = missing.iter().position(|missing| Some(missing) == master.as_ref());
            if let Some(place) = place {
                missing.swap_remove(place);
                marks.push(key);
            }
            if missing.is_empty() {
                break;
            }
        }
        Ok(marks)
    }

    fn not_replicated(&self, class: ErrorClass, text: &'static str) -> StoreError {
        StoreError::found(self.shared_name(), WAIT, class, text)
    }
}
