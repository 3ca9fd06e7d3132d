//! The names of the actors in logs and in the label `actor`.

/// A child of the supervisor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChildName {
    Acker,
    BulkWriter,
    WriterPool,
    StreamReader,
    PendingReclaimer,
    Trimmer,
    ConsumerJanitor,
    ReadingsRetention,
    LagCorrector,
}

impl ChildName {
    /// All children in start order, downstream first: a child is given references to some of those that
    /// precede it.
    pub const IN_START_ORDER: [Self; 9] = [
        Self::Acker,
        Self::BulkWriter,
        Self::WriterPool,
        Self::StreamReader,
        Self::PendingReclaimer,
        Self::Trimmer,
        Self::ConsumerJanitor,
        Self::ReadingsRetention,
        Self::LagCorrector,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Acker => "acker",
            Self::BulkWriter => "bulk_writer",
            Self::WriterPool => "writer_pool",
            Self::StreamReader => "stream_reader",
            Self::PendingReclaimer => "pending_reclaimer",
            Self::Trimmer => "trimmer",
            Self::ConsumerJanitor => "consumer_janitor",
            Self::ReadingsRetention => "readings_retention",
            Self::LagCorrector => "lag_corrector",
        }
    }
}

/// A writer of the pool. It has no name of its own per site: sites are unbounded, label values must not be.
pub(crate) const WRITER: &str = "writer";

/// All values of the label `actor`.
pub(crate) const LABELS: [&str; ChildName::IN_START_ORDER.len() + 1] = {
    let mut labels = [WRITER; ChildName::IN_START_ORDER.len() + 1];
    let mut at = 0;
    while at < ChildName::IN_START_ORDER.len() {
        labels[at] = ChildName::IN_START_ORDER[at].as_str();
        at += 1;
    }
    labels
};
