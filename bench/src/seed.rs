//! The content of Redis before a run.

use std::collections::HashMap;
use std::mem;
use std::ops::Range;

use anyhow::Context;
use chrono::{DateTime, Utc};
use readings::store::StreamId;
use readings::store::codec::{self, StreamEntry};
use readings::store::keys as store_keys;
use readings::{DeviceId, Power, Reading, SiteId, Timestamp};
use redis::{Cmd, Pipeline, cmd};

use crate::load::Load;
use crate::redis_server::{Redis, connect, keys};

/// Commands in a pipeline.
const BATCH: u32 = 1_000;

/// Appends entries to the stream, each to the partition of its site.
///
/// # Errors
/// When Redis returns an error.
pub async fn stream(redis: &Redis, load: Load, entries: u32) -> anyhow::Result<()> {
    let mut nodes = Vec::new();
    for port in redis.ports() {
        nodes.push((connect(port).await?, Pipeline::new()));
    }
    let (count, mut streams) = (redis.layout().partitions, HashMap::new());
    for partition in count.partitions() {
        let stream = keys().of_partition(partition).stream().to_owned();
        streams.insert(partition, (redis.owner(&stream).await?, stream));
    }
    for batch in batches(entries) {
        for number in batch {
            let reading = load.reading(number)?;
            let (node, stream) = &streams[&count.partition_of(&reading.site_id)];
            nodes[*node].1.add_command(append(stream, &reading)).ignore();
        }
        for (connection, pipeline) in nodes.iter_mut().filter(|(_, pipeline)| !pipeline.is_empty())
        {
            mem::take(pipeline).query_async::<()>(connection).await?;
        }
    }
    Ok(())
}

fn append(stream: &str, reading: &Reading) -> Cmd {
    let mut add = cmd("XADD");
    add.arg(stream).arg("*");
    for (name, value) in codec::stream_fields(reading, &now()) {
        add.arg(name).arg(value.as_bytes());
    }
    add
}

/// Stores readings of one device, one each `seconds` from the beginning of 2023 on, like a processing service.
///
/// # Errors
/// When Redis returns an error.
pub async fn device(redis: &Redis, seconds: u32, readings: u32) -> anyhow::Result<()> {
    let mut connection = connect(redis.port()).await?;
    for batch in batches(readings) {
        let mut pipeline = Pipeline::with_capacity(batch.len());
        for number in batch {
            let instant = FIRST_SECOND + i64::from(number) * i64::from(seconds);
            let timestamp = DateTime::from_timestamp_secs(instant).context("a date")?;
            let timestamp = timestamp.format("%Y-%m-%dT%H:%M:%SZ").to_string();
            let power = f64::from(number.wrapping_mul(2_654_435_761) % 4_000_000) / 1e3;
            let reading = Reading {
                site_id: SiteId::new(DEVICE_SITE).context("an id")?,
                device_id: DeviceId::new("main-meter").context("an id")?,
                power: Power::from_watts(power)?,
                timestamp: Timestamp::parse(&timestamp)?,
            };
            let id = StreamId { ms: 1_705_314_600_000, seq: number.into() };
            let entry = StreamEntry { id, reading, ingested_at: now() };
            pipeline.add_command(add(&entry)).ignore();
        }
        pipeline.query_async::<()>(&mut connection).await?;
    }
    Ok(())
}

/// The site of [`device`].
pub const DEVICE_SITE: &str = "house-01";

/// 2023-01-01T00:00:00Z.
const FIRST_SECOND: i64 = 1_672_531_200;

fn add(entry: &StreamEntry) -> Cmd {
    let mut add = cmd("ZADD");
    add.arg(store_keys::series(&entry.reading.site_id));
    add.arg(codec::score(entry)).arg(codec::member(entry));
    add
}

fn now() -> String {
    codec::ingestion_time(Utc::now())
}

fn batches(count: u32) -> impl Iterator<Item = Range<u32>> {
    let starts = (0..count).step_by(BATCH as usize);
    starts.map(move |start| start..count.min(start + BATCH))
}
