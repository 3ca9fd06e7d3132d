//! The actors that an entry passes on its way from the stream to a stored reading.

pub(crate) mod acker;
pub(crate) mod bulk_writer;
mod delivery_source;
pub(crate) mod dispatcher;
pub(crate) mod pending_reclaimer;
pub(crate) mod stream_reader;
mod write_batch;
mod writer;
pub(crate) mod writer_pool;
