//! The baseline of `drain`: one task reads a batch ahead, another sends the `ZADD`s and the `XACK` of a batch in one
//! pipeline, with two pipelines in flight. No actors, no in-flight window, no retry.
//!
//! A baseline, not an alternative: if Redis rejects a `ZADD`, it still executes the `XACK` of the pipeline, and
//! readings are lost.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::Context;
use readings::SiteId;
use readings::store::codec::{self, StreamEntry};
use readings::store::group_reader::GroupReader;
use readings::store::stream::ReadingStream;
use readings::store::{Keys, keys as store_keys};
use redis::aio::MultiplexedConnection;
use redis::{Cmd, Pipeline, cmd};
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::task::JoinSet;

use crate::cli::PlainArguments;
use crate::redis_server::{connect, keys, server};

/// Entries of a read: the product's default.
const BATCH: usize = 500;

/// Pipelines in flight. With 1, Redis is idle between two of them (measured: busy 0.71 of the time instead of 0.81);
/// more than 2 gain nothing.
const PIPELINES: usize = 2;

/// How long a read blocks.
const BLOCK: Duration = Duration::from_secs(2);

/// Runs until it is killed.
///
/// # Errors
/// When Redis returns an error.
pub async fn run(arguments: &PlainArguments) -> anyhow::Result<()> {
    let server = server(arguments.redis_port)?;
    let stream = ReadingStream::new(keys(), server.shared());
    let reader = stream.reader(&server, "plain-loop", BLOCK).await?;
    let connection = connect(arguments.redis_port).await?;
    let (batches, ahead) = mpsc::channel(1);
    tokio::try_join!(read(reader, batches), write(connection, ahead))?;
    Ok(())
}

async fn read(mut reader: GroupReader, batches: Sender<Vec<StreamEntry>>) -> anyhow::Result<()> {
    loop {
        let delivery = reader.read_new(BATCH).await?;
        batches.send(delivery.entries).await.context("the writing task has ended")?;
    }
}

async fn write(
    connection: MultiplexedConnection,
    mut batches: Receiver<Vec<StreamEntry>>,
) -> anyhow::Result<()> {
    let (keys, mut in_flight) = (keys(), JoinSet::new());
    while let Some(entries) = batches.recv().await {
        if entries.is_empty() {
            continue;
        }
        if in_flight.len() >= PIPELINES
            && let Some(responded) = in_flight.join_next().await
        {
            responded??;
        }
        let (pipeline, mut connection) = (store(&entries, &keys), connection.clone());
        in_flight.spawn(async move { pipeline.query_async::<()>(&mut connection).await });
    }
    Ok(())
}

/// A `ZADD` for each site, and the `XACK` of all.
fn store(entries: &[StreamEntry], keys: &Keys) -> Pipeline {
    let mut sites: HashMap<&SiteId, Cmd> = HashMap::new();
    let mut acknowledge = cmd("XACK");
    acknowledge.arg(keys.stream()).arg(keys.group());
    for entry in entries {
        let site = &entry.reading.site_id;
        let add = sites.entry(site).or_insert_with(|| {
            let mut add = cmd("ZADD");
            add.arg(store_keys::series(site));
            add
        });
        add.arg(codec::score(entry)).arg(codec::member(entry));
        acknowledge.arg(entry.id.to_string());
    }
    let mut pipeline = Pipeline::with_capacity(sites.len() + 1);
    for add in sites.into_values() {
        pipeline.add_command(add).ignore();
    }
    pipeline.add_command(acknowledge).ignore();
    pipeline
}
