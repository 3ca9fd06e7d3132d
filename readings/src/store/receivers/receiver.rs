//! The receivers and their names.

/// What accepts readings by one protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Receiver {
    /// `POST /readings`.
    Readings,
    /// `POST /readings/batch`, and so the command `import`.
    Batch,
    /// The line protocol of `InfluxDB`.
    LineProtocol,
    /// Prometheus remote write.
    RemoteWrite,
    /// MQTT.
    Mqtt,
}

impl Receiver {
    /// All of them, in the order in which they are listed.
    pub const ALL: [Self; 5] =
        [Self::Readings, Self::Batch, Self::LineProtocol, Self::RemoteWrite, Self::Mqtt];

    /// Those of the Ingestion API.
    pub const OF_INGESTION_API: [Self; 4] =
        [Self::Readings, Self::Batch, Self::LineProtocol, Self::RemoteWrite];

    /// The name: a label of metrics, an attribute of spans, a field in Redis.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Readings => "readings",
            Self::Batch => "batch",
            Self::LineProtocol => "line_protocol",
            Self::RemoteWrite => "remote_write",
            Self::Mqtt => "mqtt",
        }
    }
}
