//! The stages of the pipeline: the actors that an entry passes, from the stream to a stored reading.

pub(crate) mod acker;
pub(crate) mod batch;
mod bulk_write;
pub(crate) mod bulk_writer;
mod dead_letterer;
mod delivery_origin;
pub(crate) mod dispatcher;
mod fence;
pub(crate) mod pending_reclaimer;
pub(crate) mod source_actor;
pub(crate) mod stream_reader;
mod write_log;
mod writer;
pub(crate) mod writer_pool;
