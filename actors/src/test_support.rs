//! What tests of single actors are given.

use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use readings::store::{Keys, RedisServer};

use crate::config::PipelineConfig;
use crate::context::PipelineContext;

/// The context of a pipeline whose Redis does not exist: the port is reserved (RFC 6335).
pub(crate) fn context() -> PipelineContext {
    let server = RedisServer::from_host_port("127.0.0.1", 1).unwrap();
    PipelineContext::new(config(), server)
}

/// Settings as the program's defaults.
pub(crate) fn config() -> PipelineConfig {
    PipelineConfig {
        keys: Keys::new("energy_readings", "processing_group"),
        consumer: "tested".to_owned(),
        batch_size: NonZeroUsize::new(500).unwrap(),
        max_in_flight: NonZeroUsize::new(4_000).unwrap(),
        read_block: Duration::from_secs(4),
        claim_min_idle: Duration::from_secs(30),
        max_processing_failures: NonZeroU32::new(5).unwrap(),
        stream_retention: Duration::from_mins(5),
        readings_retention: None,
        processing_delay: Duration::ZERO,
        progress_timeout: Duration::from_mins(2),
        drain_timeout: Duration::from_secs(30),
    }
}
