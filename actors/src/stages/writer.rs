//! `Writer`: makes the readings of one site ready to be stored, in stream order.
//!
//! Owns what has been delivered of its site and is not ready yet. When it dies that is abandoned, and
//! `Writers` starts another for the site's next entries.

use std::sync::Arc;

use ractor::{Actor, ActorProcessingErr, ActorRef};
use readings::store::Epoch;

use crate::config::Shared;
use crate::error::NobodyThere;
use crate::flow::batch::SiteBatch;
use crate::stages::bulk_writer::CommitterMessage;

pub(crate) struct WriterArguments {
    pub shared: Arc<Shared>,
    pub committer: ActorRef<CommitterMessage>,
}

pub(crate) struct WriterState {
    shared: Arc<Shared>,
    committer: ActorRef<CommitterMessage>,
    /// When the site was last sent to be listed in the index.
    listed: Option<Epoch>,
}

pub(crate) struct Writer;

impl Actor for Writer {
    type Msg = SiteBatch;
    type State = WriterState;
    type Arguments = WriterArguments;

    async fn pre_start(
        &self,
        _myself: ActorRef<Self::Msg>,
        WriterArguments { shared, committer }: Self::Arguments,
    ) -> Result<Self::State, ActorProcessingErr> {
        Ok(WriterState { shared, committer, listed: None })
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
            return self.commit(batch);
        }
        for single in batch.into_singles() {
            self.shared.pace.wait().await;
            self.commit(single)?;
        }
        Ok(())
    }

    fn commit(&mut self, batch: SiteBatch) -> Result<(), NobodyThere> {
        let listed = self.listed.replace(self.shared.sites.epoch());
        let commit = batch.into_commit(listed);
        Ok(self.committer.cast(CommitterMessage::Commit(commit))?)
    }
}
