//! The stream that accepted readings arrive in, and its consumer group.

use std::collections::HashSet;
use std::time::Duration;

use opentelemetry::trace::SpanContext;
use redis::{Cmd, Value, cmd};

use super::StreamId;
use super::burial;
use super::codec::{self, StreamEntry, Undecodable};
use super::connection::{Epoch, SharedConnection};
use super::dedicated::DedicatedConnection;
use super::error::{ErrorClass, StoreError, StoreResult};
use super::keys::Keys;
use super::reply::{self, RawEntry};
use super::resp::Received;
use super::server::RedisServer;
use super::trace_context::{self, Sending};
use crate::reading::Reading;

/// Sets how much longer than its `BLOCK` a read may take before its connection is given up. Too low
/// and a busy server costs a reconnect; too high and a vanished one is noticed late.
const READ_MARGIN: Duration = Duration::from_secs(2);

/// Entries as one read gives them.
#[derive(Debug, Default)]
pub struct Delivery {
    /// The readings, in stream order.
    pub entries: Vec<StreamEntry>,
    /// What is no reading.
    pub undecodable: Vec<Undecodable>,
    /// Entries that are pending although their bodies were trimmed away: lost.
    pub bodiless: Vec<StreamId>,
    /// Entries that were buried before, and are delivered again all the same.
    pub buried: Vec<StreamId>,
    /// Whether all that was buried has been set apart.
    pub is_sifted: bool,
    /// The bytes that all of their fields had.
    pub bytes: usize,
    /// The contexts of those that are traced; what came with them is in the lists above.
    pub traces: Vec<(StreamId, SpanContext)>,
}

impl Delivery {
    fn from_raw(raw: Vec<RawEntry>) -> Self {
        let mut delivery = Self { entries: Vec::with_capacity(raw.len()), ..Self::default() };
        for RawEntry { id, fields } in raw {
            delivery.add(id, fields.as_deref());
        }
        delivery
    }

    fn add<T: AsRef<[u8]>>(&mut self, id: StreamId, fields: Option<&[(T, T)]>) {
        let bytes = |(name, value): &(T, T)| name.as_ref().len() + value.as_ref().len();
        self.bytes += fields.unwrap_or_default().iter().map(bytes).sum::<usize>();
        if let Some(context) = fields.and_then(trace_context::of_fields) {
            self.traces.push((id, context));
        }
        match fields.map(|fields| codec::decode(id, fields)) {
            Some(Ok(entry)) => self.entries.push(entry),
            Some(Err(undecodable)) => self.undecodable.push(undecodable),
            None => self.bodiless.push(id),
        }
    }

    /// How many entries were delivered.
    #[must_use]
    pub fn len(&self) -> usize {
        let Self { entries, undecodable, bodiless, buried, .. } = self;
        entries.len() + undecodable.len() + bodiless.len() + buried.len()
    }

    /// Whether nothing was delivered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The ids of all that was delivered, in no order.
    pub fn ids(&self) -> impl Iterator<Item = StreamId> + '_ {
        let entries = self.entries.iter().map(|entry| entry.id);
        let undecodable = self.undecodable.iter().map(|entry| entry.id);
        entries.chain(undecodable).chain(self.bodiless.iter().chain(&self.buried).copied())
    }

    /// Sets apart what was buried before: a group that was made anew or set back delivers again what
    /// was dealt with. Storing an entry again changes nothing; but one that was buried would be both.
    pub fn sift(&mut self, buried: &HashSet<StreamId>) {
        if !buried.is_empty() {
            let again: Vec<_> = self.ids().filter(|id| buried.contains(id)).collect();
            self.retain(|id| !buried.contains(&id));
            self.buried = again;
        }
        self.is_sifted = true;
    }

    /// Drops what `keep` refuses.
    pub fn retain(&mut self, mut keep: impl FnMut(StreamId) -> bool) {
        self.entries.retain(|entry| keep(entry.id));
        self.undecodable.retain(|entry| keep(entry.id));
        self.bodiless.retain(|&id| keep(id));
        self.buried.retain(|&id| keep(id));
        self.traces.retain(|&(id, _)| keep(id));
    }
}

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
}

impl ReadingStream {
    /// The stream over a connection that others may share.
    #[must_use]
    pub const fn new(keys: Keys, connection: SharedConnection) -> Self {
        Self { keys, connection }
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
            reply::stream_id(reply).ok_or_else(|| StoreError::unexpected_reply(XADD))
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
        reply::integer(&reply).map(Some).ok_or_else(|| StoreError::unexpected_reply(XACK))
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
        claimed(reply).ok_or_else(|| StoreError::unexpected_reply(XAUTOCLAIM))
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
        let mut command = cmd("XADD");
        command.arg(self.keys.probe()).arg("NOMKSTREAM").arg("*").arg("probe").arg("");
        self.connection.send("XADD NOMKSTREAM", &command).await.map(drop)
    }

    /// Opens the connection that new entries are read over.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub async fn reader(
        &self,
        server: &RedisServer,
        consumer: &str,
        block: Duration,
    ) -> StoreResult<GroupReader> {
        let connection = server.dedicated(block + READ_MARGIN).await?;
        Ok(GroupReader {
            keys: self.keys.clone(),
            consumer: consumer.to_owned(),
            block,
            connection,
            newest: None,
            failure: None,
        })
    }

    pub(super) const fn connection(&self) -> &SharedConnection {
        &self.connection
    }
}

/// Reads the stream as one consumer of the group, over a connection of its own.
#[derive(Debug)]
pub struct GroupReader {
    keys: Keys,
    consumer: String,
    block: Duration,
    connection: DedicatedConnection,
    /// The last of the new entries that were read.
    newest: Option<StreamId>,
    /// What went wrong after entries had arrived: they were given, and the next read fails.
    failure: Option<StoreError>,
}

impl GroupReader {
    /// The server's number for this reader's connection, for [`ReadingStream::unblock`].
    #[must_use]
    pub const fn client_id(&self) -> i64 {
        self.connection.client_id()
    }

    /// Reads up to `count` entries that no consumer has seen; blocks while there are none.
    ///
    /// What was buried meanwhile is asked for in the same breath, so that entries which are new by
    /// their ids, too, come sifted.
    ///
    /// # Errors
    /// After any error entries may be pending that never arrived here: drop the reader, and let its
    /// successor read the consumer's own pending entries first.
    pub async fn read_new(&mut self, count: usize) -> StoreResult<Delivery> {
        self.failure.take().map_or(Ok(()), Err)?;
        let mut command = self.command(count);
        command.arg("BLOCK").arg(milliseconds(self.block));
        command.arg("STREAMS").arg(self.keys.stream()).arg(">");
        let Some(newest) = self.newest else {
            self.connection.send(XREADGROUP, &[&command]).await?;
            return self.receive_new().await;
        };
        let buried_since = burial::buried_since(&self.keys, newest);
        self.connection.send(XREADGROUP, &[&command, &buried_since]).await?;
        let mut delivery = self.receive_new().await?;
        let ids = |received: &mut Received<'_>| received.ids();
        match self.connection.receive(ZRANGE, ids).await {
            Ok(buried) => {
                let is_all = buried.len() < burial::MOST_BURIED_SINCE;
                if is_all && delivery.ids().all(|id| id > newest) {
                    delivery.sift(&buried.into_iter().collect());
                }
            }
            Err(error) => self.failure = Some(error),
        }
        Ok(delivery)
    }

    /// Reads up to `count` entries that are pending for this consumer, after `after`.
    ///
    /// # Errors
    /// As [`GroupReader::read_new`].
    pub async fn read_pending(&mut self, after: StreamId, count: usize) -> StoreResult<Delivery> {
        self.failure.take().map_or(Ok(()), Err)?;
        let mut command = self.command(count);
        command.arg("STREAMS").arg(self.keys.stream()).arg(after.to_string());
        self.connection.send(XREADGROUP, &[&command]).await?;
        self.receive_entries().await
    }

    fn command(&self, count: usize) -> Cmd {
        let mut command = cmd(XREADGROUP);
        command.arg("GROUP").arg(self.keys.group()).arg(&self.consumer).arg("COUNT").arg(count);
        command
    }

    async fn receive_new(&mut self) -> StoreResult<Delivery> {
        let delivery = self.receive_entries().await?;
        self.newest = delivery.ids().max().max(self.newest);
        Ok(delivery)
    }

    async fn receive_entries(&mut self) -> StoreResult<Delivery> {
        let header = |received: &mut Received<'_>| received.stream_header();
        let count = self.connection.receive(XREADGROUP, header).await?;
        let mut delivery = Delivery { entries: Vec::with_capacity(count), ..Delivery::default() };
        for _ in 0..count {
            let entry = |received: &mut Received<'_>| {
                received.entry().map(|(id, fields)| delivery.add(id, fields.as_deref()))
            };
            self.connection.receive(XREADGROUP, entry).await?;
        }
        Ok(delivery)
    }
}

const XREADGROUP: &str = "XREADGROUP";
const ZRANGE: &str = "ZRANGE";

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
