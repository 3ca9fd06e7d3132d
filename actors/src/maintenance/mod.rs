//! Maintenance tasks: trimming, heartbeat and deletion of consumers, retention, packing, and correction of the lag.

pub(crate) mod consumer_janitor;
pub(crate) mod lag_corrector;
pub(crate) mod packing;
pub(crate) mod periodic_task;
pub(crate) mod retention;
pub(crate) mod trimmer;
