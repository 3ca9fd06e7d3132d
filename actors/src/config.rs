//! The settings of the pipeline.

use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use readings::store::Keys;
use readings::store::series::DedupPolicy;

/// How the pipeline works; each value is a setting of the program, described there.
#[derive(Debug, Clone)]
pub struct PipelineConfig {
    /// The keys that all partitions share, and the consumer group.
    pub keys: Keys,
    /// This consumer's name in the group; no other process may use it at the same time.
    pub consumer: String,
    /// Entries that one read or claim requests at most.
    pub batch_size: NonZeroUsize,
    /// Entries that may be in flight at most: delivered and not yet acknowledged.
    pub max_in_flight: NonZeroUsize,
    /// How long a read waits for new entries.
    pub read_block: Duration,
    /// The idle time from which a pending entry of another consumer is claimed.
    pub claim_min_idle: Duration,
    /// Processing failures (panics) of an entry after which it is dead-lettered.
    pub max_processing_failures: NonZeroU32,
    /// How long entries stay in the stream after all groups have acknowledged them.
    pub stream_retention: Duration,
    /// Age, by their timestamps, at which stored readings expire; `None`: never.
    pub readings_retention: Option<Duration>,
    /// How long after its end a day is packed; `None`: never.
    pub pack_after: Option<Duration>,
    /// Which of several readings of a device and an instant is kept.
    pub dedup_policy: DedupPolicy,
    /// An artificial delay before each stored reading.
    pub processing_delay: Duration,
    /// How long the pipeline may make no progress before [`crate::Liveness::check`] fails. It must be longer
    /// than a turn of a source may take with the slowest Redis.
    pub progress_timeout: Duration,
    /// The time limit of [`crate::Pipeline::shutdown`].
    pub drain_timeout: Duration,
}
