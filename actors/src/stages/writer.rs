//! `Writer`: prepares the writes of one site, in stream order.
//!
//! Owns the entries of its site that are delivered and not prepared. When it fails they are abandoned, and
//! `WriterPool` starts another writer for the site's next entries.

use std::sync::Arc;

use ractor::{Actor, ActorProcessingErr, ActorRef};
use readings::store::Generation;

use super::batch::SiteBatch;
use super::bulk_writer::BulkWriterMessage;
use crate::context::PipelineContext;
use crate::error::DownstreamClosed;

pub(super) struct WriterArguments {
    pub context: Arc<PipelineContext>,
    pub bulk_writer: ActorRef<BulkWriterMessage>,
}

pub(super) struct WriterState {
    context: Arc<PipelineContext>,
    bulk_writer: ActorRef<BulkWriterMessage>,
    /// The connection's generation in which the site was indexed last.
    indexed_in: Option<Generation>,
}

pub(super) struct Writer;

impl Actor for Writer {
    type Msg = SiteBatch;
    type State = WriterState;
    type Arguments = WriterArguments;

    async fn pre_start(
        &self,
        _myself: ActorRef<Self::Msg>,
        WriterArguments { context, bulk_writer }: Self::Arguments,
    ) -> Result<Self::State, ActorProcessingErr> {
        Ok(WriterState { context, bulk_writer, indexed_in: None })
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
    async fn write(&mut self, batch: SiteBatch) -> Result<(), DownstreamClosed> {
        if !self.context.throttle.is_enabled() {
            return self.forward(batch);
        }
        for single in batch.split() {
            self.context.throttle.acquire().await;
            self.forward(single)?;
        }
        Ok(())
    }

    fn forward(&mut self, batch: SiteBatch) -> Result<(), DownstreamClosed> {
        let indexed_in = self.indexed_in.replace(self.context.sites.generation());
        let write = batch.prepare(indexed_in);
        Ok(self.bulk_writer.cast(BulkWriterMessage::Enqueue(write))?)
    }
}
