//! `Writer`: stores the readings of one site, in stream order.
//!
//! Owns the batches of its site that are not stored yet. When it dies they are abandoned, and
//! `Writers` starts another for the site's next entries.

use std::sync::Arc;

use ractor::{Actor, ActorProcessingErr, ActorRef};
use readings::SiteId;
use readings::store::codec::StreamEntry;
use readings::store::dead_letters::DeadLetter;
use readings::store::{ErrorClass, StoreError};
use tracing::warn;

use crate::acker::AckerMessage;
use crate::batch::{AckBatch, DeadLetterBatch, SiteBatch};
use crate::config::Shared;
use crate::dispatch::NobodyThere;
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
        let SiteBatch { site, entries, permit } = batch;
        let stored = retry::until_done(|| self.insert(&site, &entries)).await;
        fail::fail_point!("writer-after-zadd");
        let message = match stored {
            Ok(()) => {
                self.site_is_indexed = true;
                METRICS.stored(entries.len());
                AckerMessage::Acknowledge(AckBatch(permit))
            }
            Err(error) => {
                warn!(%site, %error, count = entries.len(), "the site's key holds something else");
                let letter = |entry| DeadLetter::refused(entry, &error);
                let letters = entries.iter().map(letter).collect();
                AckerMessage::Bury(DeadLetterBatch { letters, permit })
            }
        };
        Ok(self.acker.cast(message)?)
    }

    async fn insert(&self, site: &SiteId, entries: &[StreamEntry]) -> Result<(), StoreError> {
        if !self.site_is_indexed {
            self.index(site).await?;
        }
        self.shared.series.insert(site, entries).await
    }

    /// Lists the site; that the list's key holds something else keeps no reading from being stored.
    async fn index(&self, site: &SiteId) -> Result<(), StoreError> {
        match self.shared.sites.add(site).await {
            Err(error) if error.class == ErrorClass::WrongType => {
                warn!(%site, %error, "the index of sites holds something else; this one is missing there");
                Ok(())
            }
            added => added,
        }
    }
}
