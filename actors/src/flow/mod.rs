//! What the stages share: batches with their permits, the window of entries in flight, retries,
//! the throttle, and what is remembered of entries on their way.

pub(crate) mod batch;
pub(crate) mod in_flight;
pub(crate) mod indexed_sites;
pub(crate) mod outage_gate;
pub(crate) mod retry;
pub(crate) mod server_clock;
pub(crate) mod throttle;
pub(crate) mod traces;
mod window_size;
