//! The sums of all processes.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use redis::{Value, cmd};
use serde::Deserialize;

use super::receiver::Receiver;
use crate::store::connection::{SharedConnection, reply};
use crate::store::error::StoreResult;
use crate::store::keys::Keys;

/// A process without a report for this time has no connection any more: several reports, and clocks that differ. Too
/// low: a connection seems closed after one late report. Too high: that of a killed process seems open.
const CONNECTED_TTL: Duration = Duration::from_secs(15);

/// What a receiver accepted and did not accept, in all processes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiverState {
    /// The receiver.
    pub receiver: Receiver,
    /// Since when it is counted, in milliseconds since the Unix epoch.
    pub since_ms: u64,
    /// Number of readings that are in the stream.
    pub accepted: u64,
    /// Number of readings among them that were accepted before, by their keys.
    pub replayed: u64,
    /// Number of rows that are not valid readings.
    pub rejected: u64,
    /// Number of rows that no setting maps to readings.
    pub unmapped: u64,
    /// When a reading was last accepted, to the interval of reports, in milliseconds since the Unix epoch.
    pub last_accepted_ms: Option<u64>,
    /// Of a receiver that has connections of its own.
    pub connections: Option<Connections>,
    /// The last names of rows that were not accepted, the last one first; at most 16 of each outcome.
    pub not_accepted: Vec<NotAccepted>,
}

/// The connections of a receiver, one of each process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connections {
    /// Number of processes.
    pub processes: u32,
    /// Number of processes among them whose connection is open.
    pub open: u32,
}

/// Rows that were not accepted for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct NotAccepted {
    /// `rejected` or `unmapped`.
    pub outcome: String,
    /// A topic, a metric, a field or a device; may be empty.
    pub name: String,
    /// Why.
    pub reason: String,
    /// How many, while the name was in the list.
    pub rows: u64,
    /// When the last one was reported, in milliseconds since the Unix epoch.
    #[serde(rename = "last")]
    pub last_ms: u64,
}

/// A field of the hash, as the script of `reporter` writes it.
#[derive(Deserialize)]
struct Stored {
    since: u64,
    accepted: u64,
    replayed: u64,
    rejected: u64,
    unmapped: u64,
    last_accepted: Option<u64>,
    names: BTreeMap<String, NotAccepted>,
    instances: BTreeMap<String, Instance>,
}

#[derive(Deserialize)]
struct Instance {
    at: u64,
    connected: Option<bool>,
}

/// Reads the states of all receivers.
#[derive(Debug, Clone)]
pub struct ReceiverStates {
    key: String,
    connection: SharedConnection,
}

impl ReceiverStates {
    /// The states over a connection that others may share.
    #[must_use]
    pub fn new(keys: &Keys, connection: SharedConnection) -> Self {
        Self { key: keys.receivers(), connection }
    }

    /// The states of the receivers that have counted anything, in the order of [`Receiver::ALL`].
    ///
    /// # Errors
    /// When the server replied with an error or not at all.
    pub async fn read(&self) -> StoreResult<Vec<ReceiverState>> {
        const HMGET: &str = "HMGET";
        let mut command = cmd(HMGET);
        command.arg(&self.key).arg(Receiver::ALL.map(Receiver::name).as_slice());
        let fields = reply::array(self.connection.send(HMGET, &command).await?);
        let fields = fields.ok_or_else(|| self.connection.unexpected_reply(HMGET))?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let states = Receiver::ALL.into_iter().zip(fields);
        Ok(states.filter_map(|(receiver, field)| state(receiver, field, now)).collect())
    }
}

/// `None` without a field; or with one of another form, which the next report replaces.
fn state(receiver: Receiver, field: Value, now: Duration) -> Option<ReceiverState> {
    let stored: Stored = serde_json::from_slice(&reply::bytes(field)?).ok()?;
    let mut not_accepted: Vec<_> = stored.names.into_values().collect();
    not_accepted.sort_by(|a, b| (b.last_ms, &a.name).cmp(&(a.last_ms, &b.name)));
    Some(ReceiverState {
        receiver,
        since_ms: stored.since,
        accepted: stored.accepted,
        replayed: stored.replayed,
        rejected: stored.rejected,
        unmapped: stored.unmapped,
        last_accepted_ms: stored.last_accepted,
        connections: connections(stored.instances.values(), now),
        not_accepted,
    })
}

/// Those of processes with a report lately; none where no process ever had any.
fn connections<'a>(
    instances: impl Iterator<Item = &'a Instance>,
    now: Duration,
) -> Option<Connections> {
    let mut found: Option<Connections> = None;
    for Instance { at, connected } in instances {
        let Some(is_open) = connected else { continue };
        let counted = found.get_or_insert(Connections { processes: 0, open: 0 });
        if Duration::from_millis(*at) + CONNECTED_TTL >= now {
            counted.processes += 1;
            counted.open += u32::from(*is_open);
        }
    }
    found
}
