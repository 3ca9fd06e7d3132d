//! The types that the stages share: permits, the window of entries in flight, retries,
//! and records of entries in flight.

pub(crate) mod in_flight;
mod in_flight_limit;
pub(crate) mod indexed_sites;
pub(crate) mod outage_gate;
pub(crate) mod progress;
pub(crate) mod retry;
pub(crate) mod server_clock;
pub(crate) mod throttle;
pub(crate) mod traces;
