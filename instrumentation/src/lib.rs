//! How the parts of the program show what they do. Where it goes (logs, Prometheus, a collector) is
//! the composition root's business.
//!
//! | module | what it owns |
//! |---|---|
//! | [`metrics`] | how a metric is declared: once, with its labels and its manual |
//! | [`sampling`] | which requests and readings are traced |
//! | [`trace`] | the tracer, and the context that travels with a reading |
//! | [`spans`] | what spans are named and what they say |
//! | [`request_id`] | the id of the request that is being answered |
//! | [`log_throttle`] | telling that something fails again and again, without a line for each time |

pub mod log_throttle;
pub mod metrics;
pub mod request_id;
pub mod sampling;
pub mod spans;
pub mod trace;
