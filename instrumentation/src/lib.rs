//! The instrumentation of the other crates: metrics, spans and throttled log lines. The composition root
//! sets up where they are exported to (standard error, Prometheus, an OpenTelemetry collector).
//!
//! | module | what it owns |
//! |---|---|
//! | [`metrics`] | the declaration of a metric: name, type, labels and help text in one constant |
//! | [`bound_histograms`] | histograms whose labels are looked up once |
//! | [`sampling`] | which requests and readings are traced |
//! | [`trace`] | the tracer, and the trace context that travels with a reading |
//! | [`spans`] | names and attributes of spans |
//! | [`request_id`] | the id of the current request |
//! | [`log_throttle`] | limiting how often a repeating failure is logged |

pub mod bound_histograms;
pub mod log_throttle;
pub mod metrics;
pub mod request_id;
pub mod sampling;
pub mod spans;
pub mod trace;
