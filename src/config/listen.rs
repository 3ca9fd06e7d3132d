//! Where roles listen.

use std::net::IpAddr;
use std::num::NonZeroUsize;

use clap::Args;

use super::values::{count, port};

#[derive(Debug, Clone, Args)]
pub struct IngestionPort {
    /// Port of the Ingestion API; 0 picks a free one
    #[arg(long, env, value_name = "PORT", default_value = "8000", value_parser = port)]
    pub ingestion_port: u16,
}

#[derive(Debug, Clone, Args)]
pub struct IngestionThreads {
    /// Threads that take readings, each with connections to Redis of its own. Lower: one core takes them
    /// all (about 70,000 a second). Higher: more memory, and more work for Redis with each reading
    #[arg(long, env, value_name = "THREADS", default_value = "1", value_parser = count::<1, 64>)]
    pub ingestion_threads: NonZeroUsize,
}

#[derive(Debug, Clone, Args)]
pub struct ProcessingPort {
    /// Port of the Processing Service; 0 picks a free one
    #[arg(long, env, value_name = "PORT", default_value = "8001", value_parser = port)]
    pub processing_port: u16,
}

#[derive(Debug, Clone, Args)]
pub struct ListenHost {
    /// Address to listen on; `0.0.0.0` if unset, with `up` only this machine (`127.0.0.1`)
    #[arg(long, env, value_name = "ADDRESS")]
    pub listen_host: Option<IpAddr>,
}
