//! The stream that accepted readings arrive in, and its consumer group.

pub mod backlog;
pub mod consumer_instances;
pub mod consumers;
mod dead_lettering;
pub mod dead_letters;
pub mod delivery;
pub mod group_info;
pub mod group_reader;
pub mod idempotency;
pub mod lag_correction;
mod looking;
mod paging;
mod reading_stream;
pub mod reconcile;
mod script_library;
pub mod server_memory;
pub mod stream_info;
mod tally;
mod trace_context;
mod trim;

pub use reading_stream::{Claimed, ReadingStream};
