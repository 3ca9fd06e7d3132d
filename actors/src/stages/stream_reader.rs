//! `StreamReader`: reads the stream as this process' consumer, over a connection of its own.
//!
//! Owns that connection. Whenever it starts, after any error, and when entries were abandoned, it
//! first reads what is pending for this consumer and not in flight here: a reply that was lost, an
//! actor that died, an earlier life of this process.

use std::sync::Arc;
use std::time::{Duration, Instant};

use backon::BackoffBuilder;
use instrumentation::log_throttle::LogThrottle;
use ractor::{Actor, ActorProcessingErr, ActorRef};
use readings::store::delivery::Delivery;
use readings::store::group_reader::GroupReader;
use readings::store::{StoreError, StreamId};
use tokio::time::timeout;
use tracing::{info, warn};

use crate::config::Shared;
use crate::error::NobodyThere;
use crate::flow::in_flight::Reservation;
use crate::flow::retry::patience;
use crate::metrics::METRICS;
use crate::stages::delivery_source::Source;
use crate::stages::dispatcher::Dispatcher;

/// How long an unblocked read may take to come back before its connection is dropped instead.
const UNBLOCK_TIMEOUT: Duration = Duration::from_secs(1);

pub(crate) struct StreamReaderArguments {
    pub shared: Arc<Shared>,
    pub dispatcher: Dispatcher,
}

pub(crate) struct StreamReaderState {
    shared: Arc<Shared>,
    dispatcher: Dispatcher,
    reader: Option<GroupReader>,
    position: Position,
    failures: u32,
    pauses: backon::ExponentialBackoff,
}

/// What to read next.
#[derive(Debug, Clone, Copy)]
enum Position {
    /// This consumer's pending entries after this one.
    Pending(StreamId),
    /// Entries that no consumer has seen.
    New,
}

#[derive(Debug)]
pub(crate) enum StreamReaderMessage {
    /// Read once, and go on.
    Read,
}

pub(crate) struct StreamReader;

impl Actor for StreamReader {
    type Msg = StreamReaderMessage;
    type State = StreamReaderState;
    type Arguments = StreamReaderArguments;

    async fn pre_start(
        &self,
        myself: ActorRef<Self::Msg>,
        StreamReaderArguments { shared, dispatcher }: Self::Arguments,
    ) -> Result<Self::State, ActorProcessingErr> {
        myself.cast(StreamReaderMessage::Read)?;
        Ok(StreamReaderState {
            shared,
            dispatcher,
            reader: None,
            position: Position::Pending(StreamId::ZERO),
            failures: 0,
            pauses: patience().build(),
        })
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        message: Self::Msg,
        state: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            StreamReaderMessage::Read => state.read(&myself).await?,
        }
        Ok(())
    }
}

impl StreamReaderState {
    async fn read(&mut self, myself: &ActorRef<StreamReaderMessage>) -> Result<(), NobodyThere> {
        fail::fail_point!("reader-before-read");
        let draining = self.shared.draining.clone();
        if draining.is_cancelled() {
            return Ok(());
        }
        if self.shared.window.take_abandoned() {
            self.position = Position::Pending(StreamId::ZERO);
        }
        let room = tokio::select! {
            room = self.room() => room,
            () = draining.cancelled() => return Ok(()),
        };
        let source = match self.position {
            Position::Pending(_) => Source::OwnPending,
            Position::New => Source::New,
        };
        let asked = Instant::now();
        match self.deliver(room.room()).await {
            Ok(delivery) => {
                self.note_success();
                fail::fail_point!("reader-after-read");
                self.dispatcher.dispatch(source, room, delivery, asked)?;
                // Err means that the pipeline is draining: this was the last read.
                let _ = myself.cast(StreamReaderMessage::Read);
            }
            Err(error) => {
                let pause = self.note_failure(&error);
                myself.send_after(pause, || StreamReaderMessage::Read);
            }
        }
        Ok(())
    }

    /// Waits until Redis takes work, and for room to put it in.
    async fn room(&self) -> Reservation {
        self.shared.outage.over().await;
        self.shared.window.reserve_a_part(self.shared.config.batch_size).await
    }

    /// The next entries; those that are pending may be in flight.
    async fn deliver(&mut self, room: usize) -> Result<Delivery, StoreError> {
        self.start().await?;
        // Less than what was reserved, if it has just turned out that entries are large.
        let room = room.min(self.shared.window.size());
        let Some(reader) = &mut self.reader else {
            return Ok(Delivery::default());
        };
        let mut delivery = match self.position {
            Position::New => read_new(&self.shared, reader, room).await?,
            Position::Pending(after) => {
                let delivery = reader.read_pending(after, room).await?;
                self.position = delivery.ids().max().map_or(Position::New, Position::Pending);
                delivery
            }
        };
        self.shared.sift(&mut delivery).await;
        Ok(delivery)
    }

    /// Connects and makes sure of the group, unless that is done.
    async fn start(&mut self) -> Result<(), StoreError> {
        if self.reader.is_some() {
            return Ok(());
        }
        let Shared { stream, server, config, .. } = self.shared.as_ref();
        if stream.ensure_group().await? {
            METRICS.group_created();
            info!(group = stream.keys().group(), "created the consumer group");
        }
        self.shared.set_clock().await?;
        self.shared.window.weigh(1, stream.likely_entry_bytes().await?);
        self.reader = Some(stream.reader(server, &config.consumer, config.read_block).await?);
        Ok(())
    }

    fn note_success(&mut self) {
        static THROTTLE: LogThrottle = LogThrottle::new();
        if self.failures > 0
            && let Some(suppressed) = THROTTLE.should_log(Instant::now())
        {
            info!(failures = self.failures, suppressed, "reading again");
        }
        self.failures = 0;
        self.pauses = patience().build();
    }

    /// Entries may be pending that never arrived: drops the connection, so that no more are sent
    /// there, and goes back to what is pending.
    fn note_failure(&mut self, error: &StoreError) -> Duration {
        static THROTTLE: LogThrottle = LogThrottle::new();
        if error.wants_group() {
            self.shared.stream.end_epoch();
        }
        if self.reader.take().is_some() {
            readings::metrics::reader_reconnects(error.class);
        }
        self.position = Position::Pending(StreamId::ZERO);
        self.failures += 1;
        let pause = self.pauses.next().unwrap_or_default();
        if self.failures.is_power_of_two()
            && let Some(suppressed) = THROTTLE.should_log(Instant::now())
        {
            let failures = self.failures;
            warn!(%error, failures, ?pause, suppressed, "cannot read the stream");
        }
        pause
    }
}

/// Reads new entries; when the pipeline drains meanwhile, wakes the read instead of waiting it out or
/// dropping it, as its reply may bring entries.
async fn read_new(
    shared: &Shared,
    reader: &mut GroupReader,
    room: usize,
) -> Result<Delivery, StoreError> {
    let client_id = reader.client_id();
    let read = reader.read_new(room);
    tokio::pin!(read);
    tokio::select! {
        delivery = &mut read => return delivery,
        () = shared.draining.cancelled() => {}
    }
    shared.stream.unblock(client_id).await?;
    timeout(UNBLOCK_TIMEOUT, read).await.unwrap_or_else(|_| Ok(Delivery::default()))
}
