//! `Writer`: stores the readings of one site, in stream order.
//!
//! Owns the batches of its site that are not stored yet. When it dies they are abandoned, and
//! `Writers` starts another for the site's next entries.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use ractor::{Actor, ActorProcessingErr, ActorRef};
use readings::SiteId;
use readings::store::codec::StreamEntry;
use readings::store::consumers::Ownership;
use readings::store::dead_letters::DeadLetter;
use readings::store::{ErrorClass, StoreError, StreamId};
use tracing::warn;

use crate::acker::AckerMessage;
use crate::batch::{AckBatch, DeadLetterBatch, SiteBatch, ids};
use crate::config::Shared;
use crate::dispatch::NobodyThere;
use crate::in_flight::InFlightPermit;
use crate::metrics::METRICS;
use crate::retry;

pub(crate) struct WriterArguments {
    pub shared: Arc<Shared>,
    pub acker: ActorRef<AckerMessage>,
}

pub(crate) struct WriterState {
    shared: Arc<Shared>,
    acker: ActorRef<AckerMessage>,
    site_is_indexed: bool,
}

pub(crate) struct Writer;

impl Actor for Writer {
    type Msg = SiteBatch;
    type State = WriterState;
    type Arguments = WriterArguments;

    async fn pre_start(
        &self,
        _myself: ActorRef<Self::Msg>,
        WriterArguments { shared, acker }: Self::Arguments,
    ) -> Result<Self::State, ActorProcessingErr> {
        Ok(WriterState { shared, acker, site_is_indexed: false })
    }

    async fn handle(
        &self,
        _myself: ActorRef<Self::Msg>,
        batch: Self::Msg,
        state: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        Ok(state.write(batch).await?)
    }
}

impl WriterState {
    async fn write(&mut self, batch: SiteBatch) -> Result<(), NobodyThere> {
        if !self.shared.pace.is_slowed() {
            return self.store(batch).await;
        }
        for single in batch.into_singles() {
            self.shared.pace.wait().await;
            self.store(single).await?;
        }
        Ok(())
    }

    async fn store(&mut self, batch: SiteBatch) -> Result<(), NobodyThere> {
        fail::fail_point!("writer-before-zadd");
        let SiteBatch { site, entries, permit, delivered } = batch;
        let hopeless = |error: &StoreError| error.class == ErrorClass::WrongType;
        let insert = || self.insert(&site, &entries, delivered);
        let stored = retry::until_done_or(&self.shared.outage, hopeless, insert).await;
        fail::fail_point!("writer-after-zadd");
        let message = match stored {
            Ok(lost) => {
                self.site_is_indexed = true;
                AckerMessage::Acknowledge(AckBatch(without(permit, &lost)))
            }
            Err(error) => {
                warn!(%site, %error, count = entries.len(), "the site's key holds something else");
                let letter = |entry| DeadLetter::refused(entry, error.to_string(), 1);
                let letters = entries.iter().map(letter).collect();
                AckerMessage::Bury(DeadLetterBatch { letters, permit })
            }
        };
        Ok(self.acker.cast(message)?)
    }

    /// Stores what is this consumer's to store, and gives what is not.
    async fn insert(
        &self,
        site: &SiteId,
        entries: &[StreamEntry],
        delivered: Instant,
    ) -> Result<HashSet<StreamId>, StoreError> {
        let Shared { sites, series, .. } = self.shared.as_ref();
        if !self.site_is_indexed {
            sites.add(site).await?;
        }
        if self.shared.may_have_lost(delivered) {
            return self.insert_owned(site, entries).await;
        }
        series.insert(site, entries).await?;
        METRICS.stored(entries.len());
        Ok(HashSet::new())
    }

    /// Stores what no other consumer has taken over while this process was frozen or waited for
    /// Redis. The rest must not even be acknowledged: the other may not have stored it yet.
    async fn insert_owned(
        &self,
        site: &SiteId,
        entries: &[StreamEntry],
    ) -> Result<HashSet<StreamId>, StoreError> {
        let Shared { stream, series, config, .. } = self.shared.as_ref();
        let Ownership { lost, only_copy } =
            stream.ownership(&config.consumer, &ids(entries)).await?;
        if !lost.is_empty() {
            METRICS.lost_ownership(lost.len());
            warn!(count = lost.len(), %site, "another consumer took entries over meanwhile");
        }
        if !only_copy.is_empty() {
            METRICS.rolled_back(only_copy.len());
            warn!(count = only_copy.len(), %site, "Redis lost entries; they are stored from memory");
        }
        let owned = entries.iter().filter(|entry| !lost.contains(&entry.id));
        let owned: Vec<_> = owned.cloned().collect();
        if !owned.is_empty() {
            series.insert(site, &owned).await?;
            METRICS.stored(owned.len());
        }
        Ok(lost)
    }
}

/// The permit of what is left without the entries that were lost to another consumer, which are not
/// in flight here any more.
fn without(permit: InFlightPermit, lost: &HashSet<StreamId>) -> InFlightPermit {
    if lost.is_empty() {
        return permit;
    }
    let (lost, kept): (Vec<_>, Vec<_>) = permit.ids().iter().partition(|&id| lost.contains(id));
    let mut permits = permit.partition([kept, lost]);
    if let Some(lost) = permits.pop() {
        lost.settle();
    }
    permits.pop().unwrap_or_else(|| unreachable!("two groups give two permits"))
}
