//! `WriterPool`: routes readings to the writer of their site, and supervises the writers.
//!
//! Owns the map from site to writer. Only the pool sends to writers, so it can evict one without losing
//! entries. When the pool fails its writers end with it, and their entries are abandoned.
//!
//! With very many sites, not each has a writer: to prepare a reading or two costs less than to wake a writer,
//! so the pool prepares the writes of further sites itself.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use instrumentation::log_throttle::LogThrottle;
use ractor::{
    Actor, ActorId, ActorProcessingErr, ActorRef, MessagingErr, SpawnErr, SupervisionEvent,
};
use readings::SiteId;
use tracing::{debug, error};

use super::batch::{ReadBatch, SiteBatch, group_by_site};
use super::bulk_writer::BulkWriterMessage;
use super::writer::{Writer, WriterArguments};
use crate::actor_names::WRITER;
use crate::context::PipelineContext;
use crate::flow::indexed_sites::IndexedSites;
use crate::metrics::METRICS;
use crate::restart_budget::RestartBudget;

/// A writer that has been idle for this long is evicted. Too low and sites that send every minute start one
/// each time (about 10 µs); too high and writers of silent sites keep their 4 kB.
const IDLE_TIMEOUT: Duration = Duration::from_mins(2);

/// Writers that run at most; further sites have none until others are evicted. Too low and one thread
/// prepares more of the writes than necessary; too high and each of many thousand sites costs 8 kB, and a
/// reading of it three times the processor time (see `docs/benchmarks.md`).
const MAX_WRITERS: usize = 250;

/// How often idle writers are evicted. Too low and all writers are checked for nothing; too high and idle
/// ones keep their memory that much longer.
const EVICTION_INTERVAL: Duration = Duration::from_secs(30);

pub(crate) struct WriterPoolArguments {
    pub context: Arc<PipelineContext>,
    pub bulk_writer: ActorRef<BulkWriterMessage>,
}

pub(crate) struct WriterPoolState {
    context: Arc<PipelineContext>,
    bulk_writer: ActorRef<BulkWriterMessage>,
    writers: HashMap<SiteId, WriterSlot>,
    /// Of the sites without a writer.
    indexed_sites: IndexedSites,
    budget: RestartBudget,
}

struct WriterSlot {
    writer: ActorRef<SiteBatch>,
    last_used: Instant,
}

#[derive(Debug)]
pub(crate) enum WriterPoolMessage {
    /// Have these readings written.
    Route(ReadBatch),
    /// Evict idle writers.
    EvictIdle,
}

pub(crate) struct WriterPool;

impl Actor for WriterPool {
    type Msg = WriterPoolMessage;
    type State = WriterPoolState;
    type Arguments = WriterPoolArguments;

    async fn pre_start(
        &self,
        myself: ActorRef<Self::Msg>,
        WriterPoolArguments { context, bulk_writer }: Self::Arguments,
    ) -> Result<Self::State, ActorProcessingErr> {
        myself.send_interval(EVICTION_INTERVAL, || WriterPoolMessage::EvictIdle);
        Ok(WriterPoolState {
            context,
            bulk_writer,
            writers: HashMap::new(),
            indexed_sites: IndexedSites::default(),
            budget: RestartBudget::default(),
        })
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        message: Self::Msg,
        state: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            WriterPoolMessage::Route(batch) => state.route(batch, &myself).await?,
            WriterPoolMessage::EvictIdle => state.evict_idle(Instant::now()),
        }
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        _myself: ActorRef<Self::Msg>,
        event: SupervisionEvent,
        state: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        match event {
            SupervisionEvent::ActorFailed(writer, reason) => {
                state.on_writer_failed(writer.get_id(), &reason)
            }
            _ => Ok(()),
        }
    }

    async fn post_stop(
        &self,
        myself: ActorRef<Self::Msg>,
        state: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        myself.drain_children_and_wait(Some(state.context.config.drain_timeout)).await;
        Ok(())
    }
}

impl WriterPoolState {
    async fn route(
        &mut self,
        batch: ReadBatch,
        myself: &ActorRef<WriterPoolMessage>,
    ) -> Result<(), ActorProcessingErr> {
        // The delay is enforced by writers: with one, each site needs its own.
        let max_writers = if self.context.throttle.is_enabled() { usize::MAX } else { MAX_WRITERS };
        for batch in group_by_site(batch) {
            // Returned: the site has no writer, or one that has failed.
            if let Some(batch) = self.send_to_writer(batch)? {
                if self.writers.len() < max_writers {
                    self.send_to_new_writer(batch, myself).await?;
                } else {
                    self.prepare_here(batch);
                }
            }
        }
        Ok(())
    }

    fn send_to_writer(
        &mut self,
        batch: SiteBatch,
    ) -> Result<Option<SiteBatch>, ActorProcessingErr> {
        let Some(slot) = self.writers.get_mut(&batch.site) else { return Ok(Some(batch)) };
        slot.last_used = Instant::now();
        match slot.writer.cast(batch) {
            Ok(()) => Ok(None),
            // It has failed, and the notice is still queued.
            Err(MessagingErr::SendErr(batch)) => Ok(Some(batch)),
            // A defect of this program, and the batch is lost on the way: its permits abandon it.
            Err(error @ (MessagingErr::InvalidActorType | MessagingErr::ChannelClosed)) => {
                Err(format!("cannot send to a writer: {error}").into())
            }
        }
    }

    async fn send_to_new_writer(
        &mut self,
        batch: SiteBatch,
        myself: &ActorRef<WriterPoolMessage>,
    ) -> Result<(), SpawnErr> {
        let site = batch.site.clone();
        let context = Arc::clone(&self.context);
        let arguments = WriterArguments { context, bulk_writer: self.bulk_writer.clone() };
        let (writer, _) = Actor::spawn_linked(None, Writer, arguments, myself.get_cell()).await?;
        // Err: it has ended already, and the batch is dropped: abandoned, and read again.
        let _ = writer.cast(batch);
        self.writers.insert(site, WriterSlot { writer, last_used: Instant::now() });
        Ok(())
    }

    fn prepare_here(&mut self, batch: SiteBatch) {
        let indexed_in = self.indexed_sites.insert(&batch.site, self.context.sites.generation());
        let write = batch.prepare(indexed_in);
        // Err: the supervisor is about to restart this actor as well. The write is dropped: abandoned, and
        // read again.
        let _ = self.bulk_writer.cast(BulkWriterMessage::Enqueue(write));
    }

    fn evict_idle(&mut self, now: Instant) {
        let before = self.writers.len();
        self.writers.retain(|_, slot| {
            let is_used = now.duration_since(slot.last_used) < IDLE_TIMEOUT;
            if !is_used {
                // It finishes its queue, though it should be empty. A reading that comes later starts a
                // new writer, as the map has none. Err: it has ended already.
                let _ = slot.writer.drain();
            }
            is_used
        });
        let writers = self.writers.len();
        debug!(writers, evicted = before - writers, "evicted idle writers");
    }

    fn on_writer_failed(
        &mut self,
        writer: ActorId,
        reason: &ActorProcessingErr,
    ) -> Result<(), ActorProcessingErr> {
        static THROTTLE: LogThrottle = LogThrottle::new();
        METRICS.restarted(WRITER);
        if let Some(suppressed) = THROTTLE.should_log(Instant::now()) {
            error!(%reason, suppressed, "a writer failed; its entries are read again");
        }
        self.writers.retain(|_, slot| slot.writer.get_id() != writer);
        if self.budget.spend(Instant::now()).is_none() {
            return Err("writers failed more often than they may be restarted".into());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use readings::store::StreamId;

    use super::*;
    use crate::flow::in_flight::InFlightPermit;
    use crate::partition_context::PartitionContext;
    use crate::test_support;

    /// An actor whose message type is not a writer's.
    struct Other;

    impl Actor for Other {
        type Msg = u8;
        type State = ();
        type Arguments = ();

        async fn pre_start(
            &self,
            _myself: ActorRef<Self::Msg>,
            (): Self::Arguments,
        ) -> Result<Self::State, ActorProcessingErr> {
            Ok(())
        }
    }

    async fn permit(partition: &PartitionContext) -> InFlightPermit {
        let batch_size = partition.pipeline.config.batch_size;
        let reservation = partition.window.reserve(batch_size).await;
        reservation.fill(vec![StreamId { ms: 1, seq: 0 }])
    }

    #[tokio::test]
    async fn a_batch_of_a_type_that_an_actor_does_not_receive_is_a_failure_and_abandoned() {
        let partition = Arc::new(test_support::context());
        let other = Actor::spawn(None, Other, ()).await.unwrap().0.get_cell();
        let site = SiteId::new("site").unwrap();
        // ractor converts without a check.
        let slot = WriterSlot { writer: other.clone().into(), last_used: Instant::now() };
        let mut state = WriterPoolState {
            context: Arc::clone(&partition.pipeline),
            bulk_writer: other.clone().into(),
            writers: HashMap::from([(site.clone(), slot)]),
            indexed_sites: IndexedSites::default(),
            budget: RestartBudget::default(),
        };
        let permit = permit(&partition).await;
        let (entries, requested_at) = (Vec::new(), Instant::now());
        let window = partition.window.clone();
        let batch = SiteBatch { partition, site, entries, permit, requested_at };
        assert!(state.send_to_writer(batch).is_err());
        assert!(window.take_abandoned());
        other.kill();
    }
}
