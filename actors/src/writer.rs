//! `Writer`: stores the readings of one site, in stream order.
//!
//! Owns the batches of its site that are not stored yet. When it dies they are abandoned, and
//! `Writers` starts another for the site's next entries.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use ractor::{Actor, ActorProcessingErr, ActorRef};
use readings::SiteId;
use readings::store::codec::StreamEntry;
use readings::store::consumers::Ownership;
use readings::store::dead_letters::DeadLetter;
use readings::store::series::Inserted;
use readings::store::{Epoch, ErrorClass, StoreError, StreamId};
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
    /// When the site was last known to be in the index.
    indexed: Option<Epoch>,
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
        Ok(WriterState { shared, acker, indexed: None })
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
        let SiteBatch { site, entries, permit, delivered } = batch;
        let permit = permit.taken_in_hand();
        fail::fail_point!("writer-before-zadd");
        let insert = || self.insert(&site, &entries, delivered);
        let stored = retry::until_done(&self.shared.outage, insert).await;
        fail::fail_point!("writer-after-zadd");
        let permit = permit.handed_on();
        let message = match stored {
            Stored::Done { epoch, indexed, not_ours } => {
                self.indexed = Some(indexed);
                let permit = without(permit, &not_ours);
                AckerMessage::Acknowledge(AckBatch { permit, epoch })
            }
            Stored::Never(error) => {
                warn!(%site, %error, count = entries.len(), "the site's key holds something else");
                let letter = |entry| DeadLetter::refused(entry, error.to_string(), 1);
                let letters = entries.iter().map(letter).collect();
                AckerMessage::Bury(DeadLetterBatch { letters, permit })
            }
        };
        Ok(self.acker.cast(message)?)
    }

    /// Stores what is this consumer's to store. Only that the series itself holds something else is
    /// final: the same error of any other key is somebody's mistake, and lasts until it is mended.
    async fn insert(
        &self,
        site: &SiteId,
        entries: &[StreamEntry],
        delivered: Instant,
    ) -> Result<Stored, StoreError> {
        let Shared { stream, series, .. } = self.shared.as_ref();
        let indexed = self.index(site).await?;
        let Fenced { ours, not_ours, gone } = self.fence(site, entries, delivered).await?;
        fail::fail_point!("writer-after-fence");
        if ours.is_empty() {
            return Ok(Stored::Done { epoch: stream.epoch(), indexed, not_ours });
        }
        let Inserted { new, epoch } = match series.insert(site, &ours).await {
            Err(error) if error.class == ErrorClass::WrongType => return Ok(Stored::Never(error)),
            inserted => inserted?,
        };
        METRICS.stored(ours.len());
        let only_copies = new.saturating_sub((ours.len() - gone) as u64);
        if gone > 0 && only_copies > 0 {
            METRICS.rolled_back(only_copies);
            warn!(only_copies, %site, "Redis lost entries; they are stored from memory");
        }
        Ok(Stored::Done { epoch, indexed, not_ours })
    }

    /// Makes sure that the site is in the index, once an epoch. An index that holds something else
    /// keeps no reading from being stored.
    async fn index(&self, site: &SiteId) -> Result<Epoch, StoreError> {
        let sites = &self.shared.sites;
        if let Some(epoch) = self.indexed.filter(|&epoch| epoch == sites.epoch()) {
            return Ok(epoch);
        }
        match sites.add(site).await {
            Err(error) if error.class == ErrorClass::WrongType => {
                warn!(%site, %error, "the index of sites holds something else; the site is not listed");
                Ok(sites.epoch())
            }
            added => added,
        }
    }

    /// Leaves out what another consumer has taken over while this process was frozen or waited for
    /// Redis, as it must not even be acknowledged: the other may not have stored it yet. And what has
    /// been buried since. The rest is stored: if another has done so, it changes nothing.
    async fn fence<'a>(
        &self,
        site: &SiteId,
        entries: &'a [StreamEntry],
        delivered: Instant,
    ) -> Result<Fenced<'a>, StoreError> {
        let Shared { stream, config, .. } = self.shared.as_ref();
        if !self.shared.may_have_lost(delivered) {
            return Ok(Fenced { ours: entries.into(), not_ours: HashSet::new(), gone: 0 });
        }
        let Ownership { taken, unheld, gone } =
            stream.ownership(&config.consumer, &ids(entries)).await?;
        let mut not_ours = stream.buried_ids(&unheld | &gone).await?;
        let gone = gone.difference(&not_ours).count();
        if !taken.is_empty() {
            METRICS.lost_ownership(taken.len());
            warn!(count = taken.len(), %site, "another consumer took entries over meanwhile");
        }
        not_ours.extend(taken);
        let ours = entries.iter().filter(|entry| !not_ours.contains(&entry.id));
        Ok(Fenced { ours: ours.cloned().collect(), not_ours, gone })
    }
}

/// What became of a batch.
enum Stored {
    /// What is ours is stored; the rest is not in flight here any more.
    Done {
        epoch: Epoch,
        /// When the site was known to be in the index.
        indexed: Epoch,
        not_ours: HashSet<StreamId>,
    },
    /// The site's key holds something else.
    Never(StoreError),
}

/// What of a batch is this consumer's to store.
struct Fenced<'a> {
    ours: Cow<'a, [StreamEntry]>,
    not_ours: HashSet<StreamId>,
    /// How many of ours are not in the stream any more.
    gone: usize,
}

/// The permit of what is left without the entries that are not ours, whose flight here ends.
fn without(permit: InFlightPermit, not_ours: &HashSet<StreamId>) -> InFlightPermit {
    if not_ours.is_empty() {
        return permit;
    }
    let (others, kept): (Vec<_>, Vec<_>) =
        permit.ids().iter().partition(|&id| not_ours.contains(id));
    let mut permits = permit.partition([kept, others]);
    if let Some(others) = permits.pop() {
        others.settle();
    }
    permits.pop().unwrap_or_else(|| unreachable!("two groups give two permits"))
}
