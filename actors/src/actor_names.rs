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
    DayPacker,
}

impl ChildName {
    /// All children.
    const ALL: [Self; 10] = [
        Self::Acker,
        Self::BulkWriter,
        Self::WriterPool,
        Self::StreamReader,
        Self::PendingReclaimer,
        Self::Trimmer,
        Self::ConsumerJanitor,
        Self::ReadingsRetention,
        Self::LagCorrector,
        Self::DayPacker,
    ];

    /// Those that all partitions share, in start order: a child is given references to some of those that precede it.
    pub const SHARED: [Self; 4] =
        [Self::BulkWriter, Self::WriterPool, Self::ReadingsRetention, Self::DayPacker];

    /// Those of a partition after its `Acker`, in start order.
    pub const AFTER_ACKER: [Self; 5] = [
        Self::StreamReader,
        Self::PendingReclaimer,
        Self::Trimmer,
        Self::ConsumerJanitor,
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
            Self::DayPacker => "day_packer",
        }
    }
}

/// A writer of the pool. It has no name of its own per site: sites are unbounded, label values must not be.
pub(crate) const WRITER: &str = "writer";

/// All values of the label `actor`.
pub(crate) const LABELS: [&str; ChildName::ALL.len() + 1] = {
    let mut labels = [WRITER; ChildName::ALL.len() + 1];
    let mut at = 0;
    while at < ChildName::ALL.len() {
        labels[at] = ChildName::ALL[at].as_str();
        at += 1;
    }
    labels
};
