//! What tests of single actors need: a context, entries, probes, and a Redis that replies by script.

pub(crate) mod probe;
pub(crate) mod scripted_redis;

use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;
use std::time::{Duration, Instant};

use readings::store::codec::StreamEntry;
use readings::store::series::DedupPolicy;
use readings::store::stream::{ReadingStream, StreamPartitions};
use readings::store::{Generation, Keys, Partition, PartitionCount, RedisServer, StreamId};
use readings::{DeviceId, Power, Reading, SiteId, Timestamp};

use self::scripted_redis::ScriptedRedis;
use crate::config::PipelineConfig;
use crate::context::PipelineContext;
use crate::flow::in_flight::InFlightPermit;
use crate::partition_context::PartitionContext;

/// Far above the time of any condition on a busy machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// The context of the whole stream in a pipeline whose Redis does not exist: nothing listens on port 1 (RFC 6335).
pub(crate) fn context() -> PartitionContext {
    partition_of(&pipeline())
}

/// The context of the whole stream in a pipeline with this server.
pub(crate) fn context_with(redis: &ScriptedRedis, config: PipelineConfig) -> Arc<PartitionContext> {
    let server = RedisServer::from_host_port("127.0.0.1", redis.port()).unwrap();
    Arc::new(partition_of(&pipeline_with(config, server, PartitionCount::ONE)))
}

/// The context of a pipeline whose Redis does not exist.
pub(crate) fn pipeline() -> Arc<PipelineContext> {
    pipeline_of(PartitionCount::ONE)
}

/// As above, with this number of partitions.
pub(crate) fn pipeline_of(partitions: PartitionCount) -> Arc<PipelineContext> {
    let server = RedisServer::from_host_port("127.0.0.1", 1).unwrap();
    pipeline_with(config(), server, partitions)
}

fn pipeline_with(
    config: PipelineConfig,
    server: RedisServer,
    partitions: PartitionCount,
) -> Arc<PipelineContext> {
    let partitions = StreamPartitions::new(&config.keys, partitions, &server.shared());
    Arc::new(PipelineContext::new(config, server, &partitions))
}

/// The context of the first partition.
fn partition_of(pipeline: &Arc<PipelineContext>) -> PartitionContext {
    let stream = pipeline.partitions.current()[0].clone();
    PartitionContext::new(Arc::clone(pipeline), stream)
}

/// The context of another partition of the same pipeline.
pub(crate) fn beside(partition: &PartitionContext, number: u16) -> Arc<PartitionContext> {
    let keys = partition.stream.keys().of_partition(Partition::Numbered(number));
    let connection = partition.pipeline.partitions.connection().clone();
    let stream = ReadingStream::new(keys, connection);
    Arc::new(PartitionContext::new(Arc::clone(&partition.pipeline), stream))
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
        pack_after: None,
        dedup_policy: DedupPolicy::None,
        processing_delay: Duration::ZERO,
        progress_timeout: Duration::from_mins(2),
        drain_timeout: Duration::from_secs(30),
    }
}

pub(crate) const fn id(ms: u64) -> StreamId {
    StreamId { ms, seq: 0 }
}

pub(crate) fn entry(ms: u64, site: &str) -> StreamEntry {
    StreamEntry {
        id: id(ms),
        reading: Reading {
            site_id: SiteId::new(site).unwrap(),
            device_id: DeviceId::new("meter").unwrap(),
            power: Power::from_watts(1.0).unwrap(),
            timestamp: Timestamp::parse("2024-01-15T10:30:00Z").unwrap(),
        },
        ingested_at: String::new(),
    }
}

/// A permit for these entries.
pub(crate) async fn permit(context: &PartitionContext, entries: &[u64]) -> InFlightPermit {
    let count = NonZeroUsize::new(entries.len()).unwrap();
    context.window.reserve(count).await.fill(entries.iter().copied().map(id).collect())
}

/// Connects to Redis, and gives the generation.
pub(crate) async fn connect(context: &PartitionContext) -> Generation {
    context.sync_clock().await.unwrap();
    context.stream.generation()
}

/// Waits until `condition` holds.
pub(crate) async fn wait(what: &str, condition: impl Fn() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < DEADLINE, "not within {DEADLINE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
