//! `Writers`: routes readings to the writer of their site, and supervises the writers.
//!
//! Owns the map from site to writer; is the only sender to them, so only it can send one away. When
//! it dies its writers end with it, and all they held is abandoned.
//!
//! When very many sites send, not each has a writer of its own: what a writer does for a reading or two
//! is less than what it takes to wake it, so `Writers` does that itself.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use instrumentation::log_throttle::LogThrottle;
use ractor::{
    Actor, ActorId, ActorProcessingErr, ActorRef, MessagingErr, SpawnErr, SupervisionEvent,
};
use readings::SiteId;
use tracing::{debug, error};

use crate::actor_names::ActorName;
use crate::config::Shared;
use crate::flow::batch::{ReadBatch, SiteBatch, group_by_site};
use crate::flow::indexed_sites::Listed;
use crate::metrics::METRICS;
use crate::restart_budget::RestartBudget;
use crate::stages::bulk_writer::CommitterMessage;
use crate::stages::writer::{Writer, WriterArguments};

/// A writer without work for this long leaves. Too low and sites that send every minute start one
/// each time (about 10 µs); too high and writers of silent sites keep their 4 kB.
const IDLE_AFTER: Duration = Duration::from_mins(2);

/// Writers that there are at most; sites beyond have none until others leave. Too low and one thread
/// does more of the work than it need; too high and each of many thousand sites costs 8 kB, and a
/// reading of it three times the processor time (see `docs/benchmarks.md`).
const MAX_WRITERS: usize = 250;

/// How often idle writers are looked for.
const LOOK_EVERY: Duration = Duration::from_secs(30);

pub(crate) struct WritersArguments {
    pub shared: Arc<Shared>,
    pub committer: ActorRef<CommitterMessage>,
}

pub(crate) struct WritersState {
    shared: Arc<Shared>,
    committer: ActorRef<CommitterMessage>,
    sites: HashMap<SiteId, SiteWriter>,
    /// Sites without a writer that have been sent to be listed in the index.
    listed: Listed,
    budget: RestartBudget,
}

struct SiteWriter {
    writer: ActorRef<SiteBatch>,
    last_used: Instant,
}

#[derive(Debug)]
pub(crate) enum WritersMessage {
    /// Send these readings on their way.
    Route(ReadBatch),
    /// Send writers away that have had no work.
    EvictIdle,
}

pub(crate) struct Writers;

impl Actor for Writers {
    type Msg = WritersMessage;
    type State = WritersState;
    type Arguments = WritersArguments;

    async fn pre_start(
        &self,
        myself: ActorRef<Self::Msg>,
        WritersArguments { shared, committer }: Self::Arguments,
    ) -> Result<Self::State, ActorProcessingErr> {
        myself.send_interval(LOOK_EVERY, || WritersMessage::EvictIdle);
        Ok(WritersState {
            shared,
            committer,
            sites: HashMap::new(),
            listed: Listed::default(),
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
            WritersMessage::Route(batch) => state.route(batch, &myself).await?,
            WritersMessage::EvictIdle => state.evict_idle(Instant::now()),
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
            SupervisionEvent::ActorFailed(writer, reason) => state.forget(writer.get_id(), &reason),
            _ => Ok(()),
        }
    }

    async fn post_stop(
        &self,
        myself: ActorRef<Self::Msg>,
        state: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        myself.drain_children_and_wait(Some(state.shared.config.drain_timeout)).await;
        Ok(())
    }
}

impl WritersState {
    async fn route(
        &mut self,
        batch: ReadBatch,
        myself: &ActorRef<WritersMessage>,
    ) -> Result<(), SpawnErr> {
        for batch in group_by_site(batch) {
            self.send(batch, myself).await?;
        }
        Ok(())
    }

    async fn send(
        &mut self,
        mut batch: SiteBatch,
        myself: &ActorRef<WritersMessage>,
    ) -> Result<(), SpawnErr> {
        if let Some(site) = self.sites.get_mut(&batch.site) {
            site.last_used = Instant::now();
            match site.writer.cast(batch) {
                Ok(()) | Err(MessagingErr::ChannelClosed | MessagingErr::InvalidActorType) => {
                    return Ok(());
                }
                // It has failed, and the notice is still on its way.
                Err(MessagingErr::SendErr(returned)) => batch = returned,
            }
        }
        if self.sites.len() < MAX_WRITERS || self.shared.pace.is_slowed() {
            return self.send_to_new_writer(batch, myself).await;
        }
        let listed = self.listed.replace(&batch.site, self.shared.sites.epoch());
        // Err means that the supervisor is about to restart this actor, too: abandoned, and read again.
        let _ = self.committer.cast(CommitterMessage::Commit(batch.into_commit(listed)));
        Ok(())
    }

    async fn send_to_new_writer(
        &mut self,
        batch: SiteBatch,
        myself: &ActorRef<WritersMessage>,
    ) -> Result<(), SpawnErr> {
        let site = batch.site.clone();
        let arguments =
            WriterArguments { shared: Arc::clone(&self.shared), committer: self.committer.clone() };
        let (writer, _) = Actor::spawn_linked(None, Writer, arguments, myself.get_cell()).await?;
        // A writer that has already ended drops the batch: abandoned, and read again.
        let _ = writer.cast(batch);
        self.sites.insert(site, SiteWriter { writer, last_used: Instant::now() });
        Ok(())
    }

    /// Leaves first, drains then: a reading that comes later finds no writer and starts a new one.
    fn evict_idle(&mut self, now: Instant) {
        let before = self.sites.len();
        self.sites.retain(|_, site| {
            let busy = now.duration_since(site.last_used) < IDLE_AFTER;
            if !busy {
                // Err means that it has ended already.
                let _ = site.writer.drain();
            }
            busy
        });
        let left = self.sites.len();
        debug!(left, evicted = before - left, "looked for idle writers");
    }

    fn forget(
        &mut self,
        writer: ActorId,
        reason: &ActorProcessingErr,
    ) -> Result<(), ActorProcessingErr> {
        static THROTTLE: LogThrottle = LogThrottle::new();
        METRICS.restarted(ActorName::Writer);
        if let Some(suppressed) = THROTTLE.should_log(Instant::now()) {
            error!(%reason, suppressed, "a writer failed; its entries will be read again");
        }
        self.sites.retain(|_, site| site.writer.get_id() != writer);
        if self.budget.spend(Instant::now()).is_none() {
            return Err("writers fail again and again".into());
        }
        Ok(())
    }
}
