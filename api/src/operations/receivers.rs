//! `GET /pipeline/receivers`: by which receivers readings come in, and what each of them did not accept.

use chrono::{DateTime, SecondsFormat};
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Enum, Object, OpenApi};
use readings::store::receivers::{
    Connections, NotAccepted, Receiver, ReceiverState, ReceiverStates,
};

use crate::api_tag::ApiTag;
use crate::store_failure::{ServiceUnavailable, StoreOperation};

/// `/pipeline/receivers`.
#[derive(Debug)]
pub struct ReceiversApi {
    /// What all processes have reported.
    pub states: ReceiverStates,
}

/// What came in, by receiver.
#[derive(Debug, Object)]
pub struct Receivers {
    /// The receivers that have received anything, or have a connection.
    receivers: Vec<ReceiverSummary>,
}

/// What came in by one receiver since it is counted.
#[derive(Debug, Object)]
pub struct ReceiverSummary {
    /// The receiver.
    name: ReceiverName,
    /// Since when it is counted: UTC, ISO 8601.
    since: String,
    /// Number of readings that are in the stream, and will be stored.
    accepted: u64,
    /// Number of readings among them that were accepted before, by their keys.
    replayed: u64,
    /// Number of rows that are not valid readings.
    rejected: u64,
    /// Number of rows, such as samples, fields or messages, that no setting maps to readings.
    unmapped: u64,
    /// When a reading was last accepted, to about two seconds: UTC, ISO 8601.
    #[oai(nullable)]
    last_accepted_at: Option<String>,
    /// The connections to a broker. Absent for receivers that have none.
    #[oai(skip_serializing_if_is_none)]
    connections: Option<ReceiverConnections>,
    /// The last names and reasons of rows that were not accepted, the last one first; at most 16 of each outcome.
    not_accepted: Vec<NotAcceptedRows>,
}

/// The receivers.
#[derive(Debug, Clone, Copy, Enum)]
#[oai(rename_all = "snake_case")]
pub enum ReceiverName {
    /// `POST /readings`.
    Readings,
    /// `POST /readings/batch`, and so the command `import`.
    Batch,
    /// InfluxDB line protocol.
    LineProtocol,
    /// Prometheus remote write.
    RemoteWrite,
    /// MQTT.
    Mqtt,
}

/// The connections of a receiver, one of each process.
#[derive(Debug, Object)]
pub struct ReceiverConnections {
    /// Number of processes.
    processes: u32,
    /// Number of processes among them whose connection is open.
    open: u32,
}

/// Rows that were not accepted for one reason.
#[derive(Debug, Object)]
pub struct NotAcceptedRows {
    /// `rejected` or `unmapped`.
    outcome: String,
    /// A topic, a metric, a field or a device, as it was sent; long ones are truncated. Empty where only the reason is
    /// known.
    name: String,
    /// The rule that the rows break, or the setting that does not map them.
    reason: String,
    /// Number of rows since the name is listed.
    rows: u64,
    /// When the last one came in, to about two seconds: UTC, ISO 8601.
    last_at: String,
}

#[derive(ApiResponse)]
enum ReceiversResponse {
    /// What came in, by receiver.
    #[oai(status = 200)]
    Receivers(Json<Receivers>),
}

#[OpenApi(tag = "ApiTag::Operations")]
impl ReceiversApi {
    /// Receivers, and what they did not accept
    ///
    /// For each receiver that is used the number of readings that were accepted, rejected or unmapped in all processes,
    /// and the names and reasons of those that were not accepted.
    #[oai(path = "/pipeline/receivers", method = "get", operation_id = "get_receivers")]
    async fn receivers(&self) -> Result<ReceiversResponse, ServiceUnavailable> {
        let states = self.states.read().await.map_err(|error| {
            ServiceUnavailable::from_store(StoreOperation::DescribePipeline, &error)
        })?;
        let receivers = states.into_iter().map(ReceiverSummary::from).collect();
        Ok(ReceiversResponse::Receivers(Json(Receivers { receivers })))
    }
}

impl From<ReceiverState> for ReceiverSummary {
    fn from(state: ReceiverState) -> Self {
        Self {
            name: state.receiver.into(),
            since: time(state.since_ms),
            accepted: state.accepted,
            replayed: state.replayed,
            rejected: state.rejected,
            unmapped: state.unmapped,
            last_accepted_at: state.last_accepted_ms.map(time),
            connections: state.connections.map(Into::into),
            not_accepted: state.not_accepted.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<Receiver> for ReceiverName {
    fn from(receiver: Receiver) -> Self {
        match receiver {
            Receiver::Readings => Self::Readings,
            Receiver::Batch => Self::Batch,
            Receiver::LineProtocol => Self::LineProtocol,
            Receiver::RemoteWrite => Self::RemoteWrite,
            Receiver::Mqtt => Self::Mqtt,
        }
    }
}

impl From<Connections> for ReceiverConnections {
    fn from(Connections { processes, open }: Connections) -> Self {
        Self { processes, open }
    }
}

impl From<NotAccepted> for NotAcceptedRows {
    fn from(NotAccepted { outcome, name, reason, rows, last_ms }: NotAccepted) -> Self {
        Self { outcome, name, reason, rows, last_at: time(last_ms) }
    }
}

fn time(milliseconds: u64) -> String {
    let time = i64::try_from(milliseconds).ok().and_then(DateTime::from_timestamp_millis);
    time.map(|time| time.to_rfc3339_opts(SecondsFormat::Millis, true)).unwrap_or_default()
}
