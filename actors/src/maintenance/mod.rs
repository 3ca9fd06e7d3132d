//! Periodic tasks: trimming the stream, the heartbeat and removal of consumers, retention, and the
//! correction of the group's lag.

pub(crate) mod consumer_janitor;
pub(crate) mod lag_corrector;
pub(crate) mod periodic_task;
pub(crate) mod retention;
pub(crate) mod trimmer;
