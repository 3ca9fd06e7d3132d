//! The content of Redis before a run.

use std::ops::Range;

use chrono::Utc;
use readings::store::StreamId;
use readings::store::codec::{self, StreamEntry};
use readings::store::keys as store_keys;
use redis::{Cmd, Pipeline, cmd};

use crate::load::Load;
use crate::redis_server::{Redis, connect, keys};

/// Commands in a pipeline.
const BATCH: u32 = 1_000;

/// Appends entries to the stream.
///
/// # Errors
/// When Redis returns an error.
pub async fn stream(redis: &Redis, load: Load, entries: u32) -> anyhow::Result<()> {
    let mut connection = connect(redis.port()).await?;
    for batch in batches(entries) {
        let mut pipeline = Pipeline::with_capacity(batch.len());
        for number in batch {
            pipeline.add_command(append(load, number)?).ignore();
        }
        pipeline.query_async::<()>(&mut connection).await?;
    }
    Ok(())
}

fn append(load: Load, number: u32) -> anyhow::Result<Cmd> {
    let mut add = cmd("XADD");
    add.arg(keys().stream()).arg("*");
    for (name, value) in codec::stream_fields(&load.reading(number)?, &now()) {
        add.arg(name).arg(value.as_bytes());
    }
    Ok(add)
}

/// Stores readings like a processing service.
///
/// # Errors
/// When Redis returns an error.
pub async fn series(redis: &Redis, load: Load, readings: u32) -> anyhow::Result<()> {
    let mut connection = connect(redis.port()).await?;
    for batch in batches(readings) {
        let mut pipeline = Pipeline::with_capacity(batch.len());
        for number in batch {
            pipeline.add_command(store(load, number)?).ignore();
        }
        pipeline.query_async::<()>(&mut connection).await?;
    }
    Ok(())
}

fn store(load: Load, number: u32) -> anyhow::Result<Cmd> {
    let (id, reading) =
        (StreamId { ms: 1_705_314_600_000, seq: number.into() }, load.reading(number)?);
    let entry = StreamEntry { id, reading, ingested_at: now() };
    let mut add = cmd("ZADD");
    add.arg(store_keys::series(&entry.reading.site_id));
    add.arg(codec::score(&entry)).arg(codec::member(&entry));
    Ok(add)
}

fn now() -> String {
    codec::ingestion_time(Utc::now())
}

fn batches(count: u32) -> impl Iterator<Item = Range<u32>> {
    let starts = (0..count).step_by(BATCH as usize);
    starts.map(move |start| start..count.min(start + BATCH))
}
