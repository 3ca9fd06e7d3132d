//! The names of the actors, as logs and metrics show them.

/// An actor that is restarted when it fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ActorName {
    Acker,
    Committer,
    Writers,
    Writer,
    StreamReader,
    PendingReclaimer,
    Trimmer,
    ConsumerJanitor,
    ReadingsRetention,
    LagCorrector,
}

impl ActorName {
    /// The values of the label `actor`, all of them.
    pub const LABELS: [&str; 10] = [
        Self::Acker.as_str(),
        Self::Committer.as_str(),
        Self::Writers.as_str(),
        Self::Writer.as_str(),
        Self::StreamReader.as_str(),
        Self::PendingReclaimer.as_str(),
        Self::Trimmer.as_str(),
        Self::ConsumerJanitor.as_str(),
        Self::ReadingsRetention.as_str(),
        Self::LagCorrector.as_str(),
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Acker => "acker",
            Self::Committer => "committer",
            Self::Writers => "writers",
            Self::Writer => "writer",
            Self::StreamReader => "stream_reader",
            Self::PendingReclaimer => "pending_reclaimer",
            Self::Trimmer => "trimmer",
            Self::ConsumerJanitor => "consumer_janitor",
            Self::ReadingsRetention => "readings_retention",
            Self::LagCorrector => "lag_corrector",
        }
    }
}
