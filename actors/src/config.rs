//! What the pipeline is told, and what its actors share.

use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use readings::store::delivery::Delivery;
use readings::store::series::SeriesStore;
use readings::store::sites::SiteIndex;
use readings::store::stream::ReadingStream;
use readings::store::{Keys, RedisServer, StoreError};
use tokio_util::sync::CancellationToken;

use crate::flow::in_flight::InFlightWindow;
use crate::flow::outage_gate::Outage;
use crate::flow::retry;
use crate::flow::server_clock::ServerClock;
use crate::flow::throttle::Pace;
use crate::flow::traces::Traces;

/// How the pipeline works; each value is a setting of the program, described there.
#[derive(Debug, Clone)]
pub struct PipelineConfig {
    /// The stream and the consumer group.
    pub keys: Keys,
    /// This consumer's name in the group; no other process may use it at the same time.
    pub consumer: String,
    /// Entries that one read or claim asks for at most.
    pub batch_size: NonZeroUsize,
    /// Entries that may be in flight at most: delivered and not yet acknowledged.
    pub max_in_flight: NonZeroUsize,
    /// How long a read waits for new entries.
    pub read_block: Duration,
    /// How long an entry must have been pending before it is taken over from its consumer.
    pub claim_min_idle: Duration,
    /// Failures of an entry's own after which it becomes a dead letter.
    pub max_deliveries: NonZeroU32,
    /// How long entries stay in the stream after they could be trimmed.
    pub stream_retention: Duration,
    /// How old stored readings may get, by their timestamps; `None` for ever.
    pub readings_retention: Option<Duration>,
    /// An artificial delay before each stored reading.
    pub processing_delay: Duration,
    /// How long [`crate::Pipeline::shutdown`] may take.
    pub drain_timeout: Duration,
}

/// What all actors of a pipeline share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub config: PipelineConfig,
    pub server: RedisServer,
    pub stream: ReadingStream,
    pub series: SeriesStore,
    pub sites: SiteIndex,
    pub window: InFlightWindow,
    pub outage: Outage,
    pub pace: Pace,
    pub traces: Traces,
    pub clock: ServerClock,
    /// Set when the sources must stop reading.
    pub draining: CancellationToken,
}

impl Shared {
    pub fn new(config: PipelineConfig, server: RedisServer) -> Self {
        let connection = server.shared();
        Self {
            stream: ReadingStream::new(config.keys.clone(), connection.clone()),
            series: SeriesStore::new(connection.clone()),
            sites: SiteIndex::new(&config.keys, connection),
            window: InFlightWindow::new(config.max_in_flight),
            outage: Outage::new(),
            pace: Pace::new(config.processing_delay),
            traces: Traces::default(),
            clock: ServerClock::default(),
            draining: CancellationToken::new(),
            config,
            server,
        }
    }

    /// Sets apart what was buried before, unless that is done; asks until Redis answers. The entries
    /// have arrived: a server that takes the place of this one may not have them.
    pub async fn sift(&self, delivery: &mut Delivery) {
        if !delivery.is_sifted {
            let ids: Vec<_> = delivery.ids().collect();
            let ask = || self.stream.buried_ids(ids.iter().copied());
            delivery.sift(&retry::until_done(&self.outage, ask).await);
        }
    }

    /// Asks for the clock of the server.
    pub async fn set_clock(&self) -> Result<(), StoreError> {
        self.clock.ask(self.stream.server_time()).await
    }

    /// Whether entries that were delivered so long ago may have been taken over by another consumer
    /// meanwhile; with half the time as a margin for what happens after the question.
    pub fn may_have_lost(&self, delivered: std::time::Instant) -> bool {
        delivered.elapsed() >= self.config.claim_min_idle / 2
    }
}
