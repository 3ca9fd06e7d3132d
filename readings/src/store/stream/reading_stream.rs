//! The stream that accepted readings arrive in, and its consumer group.

use std::sync::Arc;
use std::time::Duration;

use redis::{Value, cmd};

use super::delivery::Delivery;
use super::looking::Looking;
use super::trace_context::Sending;
use crate::reading::Reading;
use crate::store::StreamId;
use crate::store::codec;
use crate::store::connection::reply;
use crate::store::connection::{Epoch, SharedConnection};
use crate::store::error::{StoreError, StoreResult};
use crate::store::error_class::ErrorClass;
use crate::store::keys::Keys;

/// Entries taken over from other consumers.
#[derive(Debug)]
pub struct Claimed {
    /// Where to go on; [`StreamId::ZERO`] when the whole list of pending entries was seen.
    pub cursor: StreamId,
    /// What was taken over.
    pub delivery: Delivery,
}

/// The stream as everybody but its blocking reader uses it.
#[derive(Debug, Clone)]
pub struct ReadingStream {
    keys: Keys,
    connection: SharedConnection,
    looking: Arc<Looking>,
}

impl ReadingStream {
    /// The stream over a connection that others may share. Clones remember together what they saw of
    /// the stream.
    #[must_use]
    pub fn new(keys: Keys, connection: SharedConnection) -> Self {
        Self { keys, connection, looking: Arc::default() }
    }

    /// The names it works with.
    #[must_use]
    pub const fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Appends an accepted reading (`XADD`; never trimming, which would drop unread entries).
    ///
    /// # Errors
    /// When the server did not take it, or did not say so: see [`StoreError::outcome_is_unknown`].
    pub async fn append(&self, reading: &Reading, ingested_at: &str) -> StoreResult<StreamId> {
        const XADD: &str = "XADD";
        let mut command = cmd(XADD);
        command.arg(self.keys.stream()).arg("*");
        for (name, value) in codec::stream_fields(reading, ingested_at) {
            command.arg(name).arg(value.as_bytes());
        }
        let sending = Sending::begin(self.keys.stream());
        if let Some((name, value)) = sending.as_ref().map(Sending::field) {
            command.arg(name).arg(value);
        }
        let adding = async {
            let reply = self.connection.send(XADD, &command).await?;
            reply::stream_id(reply).ok_or_else(|| self.connection.unexpected_reply(XADD))
        };
        Sending::around(sending, adding, |&id| Some(id)).await
    }

    /// Creates stream and group where they are missing, and says whether it did. The group starts at
    /// `0`: with `$` what is already in the stream would never be read.
    ///
    /// # Errors
    /// When the server refuses; that the group exists is no error.
    pub async fn ensure_group(&self) -> StoreResult<bool> {
        let mut command = cmd("XGROUP");
        command
            .arg("CREATE")
            .arg(self.keys.stream())
            .arg(self.keys.group())
            .arg("0")
            .arg("MKSTREAM");
        match self.connection.send("XGROUP CREATE", &command).await {
            Ok(_) => {
                self.connection.end_epoch();
                Ok(true)
            }
            Err(error) if error.code() == Some("BUSYGROUP") => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The present epoch of the connection.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.connection.epoch()
    }

    /// Notes that stream or group were found to be gone, and with them what was answered.
    pub fn end_epoch(&self) {
        self.connection.end_epoch();
    }

    /// Takes entries off the pending list (`XACK`) that were stored in an epoch, and says how many
    /// were on it. `None` when the epoch is over and nothing was acknowledged: the server that is
    /// there now may not have what the other one stored.
    ///
    /// # Errors
    /// When the server did not answer; the ids can be acknowledged again.
    pub async fn acknowledge(&self, ids: &[StreamId], stored: Epoch) -> StoreResult<Option<u64>> {
        const XACK: &str = "XACK";
        let mut command = cmd(XACK);
        command.arg(self.keys.stream()).arg(self.keys.group());
        for id in ids {
            command.arg(id.to_string());
        }
        let Some(reply) = self.connection.send_within(stored, XACK, &command).await? else {
            return Ok(None);
        };
        reply::integer(&reply).map(Some).ok_or_else(|| self.connection.unexpected_reply(XACK))
    }

    /// Takes over entries that have been pending for `min_idle` at least, from `cursor` on
    /// (`XAUTOCLAIM`, which looks at ten times `count` entries at most).
    ///
    /// # Errors
    /// When the server refuses or does not answer.
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
        claimed(reply).ok_or_else(|| self.connection.unexpected_reply(XAUTOCLAIM))
    }

    /// Wakes a reader that blocks on the stream, so that it need not wait out its `BLOCK`.
    ///
    /// # Errors
    /// When the server refuses or does not answer.
    pub async fn unblock(&self, client_id: i64) -> StoreResult<()> {
        let mut command = cmd("CLIENT");
        command.arg("UNBLOCK").arg(client_id);
        self.connection.send("CLIENT UNBLOCK", &command).await.map(drop)
    }

    /// Whether Redis takes writes now: adds to a stream that must not be created, which changes
    /// nothing but is refused while the server is loading, full, read-only or unable to persist.
    ///
    /// # Errors
    /// What keeps Redis from taking writes.
    pub async fn probe_writes(&self) -> StoreResult<()> {
        const OPERATION: &str = "XADD NOMKSTREAM";
        let mut command = cmd("XADD");
        command.arg(self.keys.probe()).arg("NOMKSTREAM").arg("*").arg("probe").arg("");
        match self.connection.send(OPERATION, &command).await? {
            Value::Nil => Ok(()),
            _ => Err(self.connection.unexpected_reply(OPERATION)),
        }
    }

    pub(super) const fn connection(&self) -> &SharedConnection {
        &self.connection
    }

    pub(super) fn looking(&self) -> &Looking {
        &self.looking
    }
}

impl StoreError {
    /// Whether stream or group must be created before this can work.
    #[must_use]
    pub fn wants_group(&self) -> bool {
        self.class == ErrorClass::NoGroup
    }
}

fn claimed(reply: Value) -> Option<Claimed> {
    let mut parts = reply::array(reply)?.into_iter();
    let cursor = reply::stream_id(parts.next()?)?;
    let mut delivery = Delivery::from_raw(reply::entries(parts.next()?)?);
    // The third part names entries whose bodies are gone; servers before 7.0 do not send it.
    let deleted = parts.next().map_or(Some(Vec::new()), reply::array)?;
    let deleted: Option<Vec<_>> = deleted.into_iter().map(reply::stream_id).collect();
    delivery.bodiless.extend(deleted?);
    Some(Claimed { cursor, delivery })
}

pub(super) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
