//! The stream of accepted readings and its consumer group, for every use but blocking reads
//! ([`GroupReader`](super::GroupReader)).

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use redis::{Cmd, Value, cmd};
use tracing::{info, warn};

use super::cache::StreamCache;
use super::delivery::Delivery;
use super::trace_context::ProducerSpan;
use crate::reading::Reading;
use crate::store::codec;
use crate::store::connection::{Generation, ServerMemory, SharedConnection, reply};
use crate::store::error::{StoreError, StoreResult};
use crate::store::error_class::ErrorClass;
use crate::store::keys::Keys;
use crate::store::metrics::METRICS;
use crate::store::stream_id::StreamId;

/// Arguments of an `XADD`: its name, stream and id, five fields, and that of a traced request. Too low: the memory of the
/// command is allocated several times, for every reading. Too high: some bytes are allocated for nothing.
const APPEND_ARGUMENTS: usize = 3 + 2 * 6;

/// Bytes of the arguments of an `XADD` with ids of usual lengths; as above.
const APPEND_BYTES: usize = 384;

/// Entries claimed from other consumers.
#[derive(Debug)]
pub struct Claimed {
    /// Where the next claim continues; [`StreamId::ZERO`] when the whole list of pending entries was
    /// scanned.
    pub cursor: StreamId,
    /// The claimed entries.
    pub delivery: Delivery,
}

/// The stream of accepted readings, and one consumer group.
#[derive(Debug, Clone)]
pub struct ReadingStream {
    keys: Keys,
    connection: SharedConnection,
    cache: Arc<StreamCache>,
}

impl ReadingStream {
    /// The stream over a connection that others may share. Its clones share what they remember of the
    /// stream.
    #[must_use]
    pub fn new(keys: Keys, connection: SharedConnection) -> Self {
        Self { keys, connection, cache: Arc::default() }
    }

    /// The names of its keys.
    #[must_use]
    pub const fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Appends an accepted reading (`XADD`, never with a limit, which would trim unread entries).
    ///
    /// # Errors
    /// When the server rejected it or did not reply: see [`StoreError::outcome_is_unknown`].
    pub async fn append(&self, reading: &Reading, ingested_at: &str) -> StoreResult<StreamId> {
        const XADD: &str = "XADD";
        let mut command = Cmd::with_capacity(APPEND_ARGUMENTS, APPEND_BYTES);
        command.arg(XADD).arg(self.keys.stream()).arg("*");
        for (name, value) in codec::stream_fields(reading, ingested_at) {
            command.arg(name).arg(value.as_bytes());
        }
        let span = ProducerSpan::begin(self.keys.stream());
        if let Some((name, value)) = span.as_ref().map(ProducerSpan::header) {
            command.arg(name).arg(value);
        }
        let appending = async {
            let begun = self.connection.begin_confirmed().await?;
            let reply = self.connection.send(XADD, &command).await?;
            self.connection.confirm(begun).await?;
            reply::stream_id(reply).ok_or_else(|| self.connection.unexpected_reply(XADD))
        };
        ProducerSpan::finish_with(span, appending, |&id| Some(id)).await
    }

    /// Creates stream and group where they are missing. The group starts at `0`: with `$` the entries
    /// that are in the stream already would never be delivered.
    ///
    /// A created group is counted, and logged; as a warning where it has existed before, as it was
    /// deleted then, and readings may have been lost with it.
    ///
    /// # Errors
    /// When the server replied with an error or not at all; an existing group is not an error.
    pub async fn ensure_group(&self) -> StoreResult<()> {
        let created = self.create_group().await?;
        let existed = self.cache.group_existed.swap(true, Ordering::Relaxed);
        let group = self.keys.group();
        if created {
            METRICS.group_created();
        }
        if created && existed {
            // Earlier replies no longer hold: the stream may have been deleted with its group. Of a group that did not
            // exist no entry was delivered, and the connection is that of all partitions.
            self.invalidate();
            warn!(
                group,
                stream = self.keys.stream(),
                "the consumer group was deleted; created it again from the stream's start"
            );
        } else if created {
            info!(group, stream = self.keys.stream(), "created the consumer group");
        }
        Ok(())
    }

    /// Creates the group; returns whether it was missing.
    async fn create_group(&self) -> StoreResult<bool> {
        let mut command = cmd("XGROUP");
        command.arg("CREATE").arg(self.keys.stream()).arg(self.keys.group());
        command.arg("0").arg("MKSTREAM");
        match self.connection.send("XGROUP CREATE", &command).await {
            Ok(_) => Ok(true),
            Err(error) if error.code() == Some("BUSYGROUP") => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The present generation of the connection.
    #[must_use]
    pub fn generation(&self) -> Generation {
        self.connection.generation()
    }

    /// Ends the present generation: stream or group were found to be missing, so earlier replies no longer
    /// hold.
    pub fn invalidate(&self) {
        self.connection.invalidate();
    }

    /// Acknowledges entries (`XACK`) that were stored in a generation; gives the number that was pending.
    /// `None` when the generation has ended, and none was acknowledged: the present server may lack what
    /// the other one stored.
    ///
    /// # Errors
    /// When the server did not reply; the ids can be acknowledged again.
    pub async fn acknowledge(
        &self,
        ids: &[StreamId],
        stored: Generation,
    ) -> StoreResult<Option<u64>> {
        const XACK: &str = "XACK";
        let mut command = cmd(XACK);
        command.arg(self.keys.stream()).arg(self.keys.group());
        for id in ids {
            command.arg(id.to_string());
        }
        let reply = self.connection.send_in_generation(stored, XACK, &command).await?;
        let Some(reply) = reply else { return Ok(None) };
        reply::integer(&reply).map(Some).ok_or_else(|| self.connection.unexpected_reply(XACK))
    }

    /// Claims entries that have been pending for at least `min_idle`, from `cursor` on (`XAUTOCLAIM`,
    /// which scans at most ten times `count` entries).
    ///
    /// # Errors
    /// When the server replied with an error or not at all.
    pub async fn claim(
        &self,
        consumer: &str,
        min_idle: Duration,
        cursor: StreamId,
        count: usize,
    ) -> StoreResult<Claimed> {
        const XAUTOCLAIM: &str = "XAUTOCLAIM";
        let mut command = cmd(XAUTOCLAIM);
        command.arg(self.keys.stream()).arg(self.keys.group()).arg(consumer);
        command.arg(milliseconds(min_idle)).arg(cursor.to_string()).arg("COUNT").arg(count);
        let reply = self.connection.send(XAUTOCLAIM, &command).await?;
        let claimed = claimed(reply);
        let (claimed, deleted_is_reported) =
            claimed.ok_or_else(|| self.connection.unexpected_reply(XAUTOCLAIM))?;
        if !deleted_is_reported {
            self.warn_of_unreported_deletions();
        }
        Ok(claimed)
    }

    /// Logs once what a server before Redis 7.0 lacks.
    fn warn_of_unreported_deletions(&self) {
        if !self.cache.deleted_unreported.swap(true, Ordering::Relaxed) {
            warn!(
                "Redis does not report pending entries that were deleted from the stream \
                 (XAUTOCLAIM): they stay pending. Use Redis 7 or Valkey"
            );
        }
    }

    /// Ends the blocking read of a connection (`CLIENT UNBLOCK`) before its `BLOCK` has passed.
    ///
    /// # Errors
    /// When the server replied with an error or not at all.
    pub async fn unblock(&self, client_id: i64) -> StoreResult<()> {
        let mut command = cmd("CLIENT");
        command.arg("UNBLOCK").arg(client_id);
        self.connection.send_to(self.keys.stream(), "CLIENT UNBLOCK", &command).await.map(drop)
    }

    /// Whether Redis accepts writes now, and replicas confirm them where they are waited for: appends to a stream that must
    /// not be created, which changes nothing but is rejected while the server is loading, full, read-only or unable to
    /// persist.
    ///
    /// # Errors
    /// The reason why Redis accepts no writes.
    pub async fn probe_writes(&self) -> StoreResult<()> {
        const OPERATION: &str = "XADD NOMKSTREAM";
        let mut command = cmd("XADD");
        command.arg(self.keys.probe()).arg("NOMKSTREAM").arg("*").arg("probe").arg("");
        let begun = self.connection.begin_confirmed().await?;
        match self.connection.send(OPERATION, &command).await? {
            // Nothing was written, so the outcome is not unknown.
            Value::Nil => match begun {
                None => Ok(()),
                Some(written) => self.connection.wait_replicas(written).await,
            },
            _ => Err(self.connection.unexpected_reply(OPERATION)),
        }
    }

    /// The clock of the stream's server, since the Unix epoch.
    ///
    /// # Errors
    /// When the server replied with an error or not at all.
    pub async fn server_time(&self) -> StoreResult<Duration> {
        self.connection.server_time(self.keys.stream()).await
    }

    /// The server's memory.
    ///
    /// # Errors
    /// When the server replied with an error or not at all.
    pub async fn server_memory(&self) -> StoreResult<ServerMemory> {
        self.connection.server_memory().await
    }

    pub(in crate::store) const fn connection(&self) -> &SharedConnection {
        &self.connection
    }

    pub(super) fn cache(&self) -> &StreamCache {
        &self.cache
    }
}

impl StoreError {
    /// Whether stream or group must be created before the command can succeed.
    #[must_use]
    pub fn is_missing_group(&self) -> bool {
        self.class == ErrorClass::NoGroup
    }
}

/// What was claimed, and whether the server reports deleted entries.
fn claimed(reply: Value) -> Option<(Claimed, bool)> {
    let mut parts = reply::array(reply)?.into_iter();
    let cursor = reply::stream_id(parts.next()?)?;
    let mut delivery = Delivery::from_raw(reply::entries(parts.next()?)?);
    // The third part has the ids of deleted entries; servers before 7.0 do not send it.
    let deleted = parts.next();
    let is_reported = deleted.is_some();
    let deleted = deleted.map_or(Some(Vec::new()), reply::array)?;
    let deleted: Option<Vec<_>> = deleted.into_iter().map(reply::stream_id).collect();
    delivery.deleted.extend(deleted?);
    Some((Claimed { cursor, delivery }, is_reported))
}

pub(super) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
