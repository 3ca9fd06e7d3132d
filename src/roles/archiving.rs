//! Moves packed days into the archive, beside the pipeline.

use std::time::Duration;

use archive::ParquetArchive;
use archive::archiver::{Archiver, ArchiverSettings};
use readings::store::RedisServer;
use readings::store::stream::StreamPartitions;
use tokio::time::sleep;
use tracing::{error, info};

use super::runtime_thread::spawn_runtime_thread;
use super::service_context::ServiceContext;

/// The pause before the first run. Too low: it competes with the start of the services.
const FIRST_RUN: Duration = Duration::from_secs(10);

/// The pause between runs. Too low and Redis is asked about all sites for nothing; too high and a day that was changed is
/// replaced that much later.
const INTERVAL: Duration = Duration::from_hours(1);

/// The pause after a run that failed. Too low and the log repeats it; too high and the archive is late after an outage.
const RETRY: Duration = Duration::from_mins(5);

/// Archives, with settings for it, in a thread of its own until the process exits, at any step: a run that is interrupted is
/// done by the next one.
///
/// # Errors
/// When the system provides no more threads.
pub fn spawn(context: &ServiceContext, settings: Option<ArchiverSettings>) -> anyhow::Result<()> {
    archive::metrics::register();
    let Some(archive) = context.archive.clone() else { return Ok(()) };
    let (server, partitions) = (context.server.clone(), context.partitions.clone());
    spawn_runtime_thread("archiver")?.spawn(async move {
        report(&archive, settings.is_some()).await;
        if let Some(settings) = settings {
            run(archive, server, partitions, settings).await;
        }
    });
    Ok(())
}

async fn run(
    archive: ParquetArchive,
    server: RedisServer,
    partitions: StreamPartitions,
    settings: ArchiverSettings,
) {
    sleep(FIRST_RUN).await;
    let archiver = Archiver::new(archive, &partitions, &server.shared(), settings);
    loop {
        let pause = match archiver.run().await {
            Ok(Some(done)) if done.days + done.files > 0 => {
                info!(days = done.days, files = done.files, "moved packed days into the archive");
                INTERVAL
            }
            Ok(_) => INTERVAL,
            Err(error) => {
                error!(%error, "packed days stay in Redis: the archive cannot be written");
                RETRY
            }
        };
        sleep(pause).await;
    }
}

/// Logs at the start what a run would find out later: a bucket that does not exist, or credentials that it does not accept.
async fn report(archive: &ParquetArchive, archives: bool) {
    let url = archive.files().url().to_string();
    match archive.manifests().read().await {
        Ok(Some(manifest)) => {
            let (files, readings) = (manifest.files.len(), manifest.rows());
            info!(url, files, readings, archives, "has an archive");
        }
        Ok(None) => info!(url, archives, "has an empty archive"),
        Err(error) => error!(%error, "the archive cannot be read: requests for archived days fail"),
    }
}
