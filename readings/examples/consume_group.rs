//! Reads the stream as a consumer of its group, stores what arrives and acknowledges it, as the
//! Processing Service does (which also claims, retries, dead-letters and trims):
//! `cargo run -p readings --example consume_group -- redis://localhost:6379`
#![expect(clippy::print_stdout, reason = "an example for the terminal")]

use std::collections::HashMap;
use std::env;
use std::error::Error;
use std::time::Duration;

use readings::SiteId;
use readings::store::codec::StreamEntry;
use readings::store::series::{SeriesStore, SiteIndex, SiteWrite, WriteBatch, WriteResult};
use readings::store::stream::ReadingStream;
use readings::store::{Keys, RedisServer, StreamId};

const COUNT: usize = 500;
const BLOCK: Duration = Duration::from_secs(2);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = env::args().nth(1).unwrap_or_else(|| "redis://localhost:6379".to_owned());
    let server = RedisServer::from_url(&url)?;
    let keys = Keys::new("energy_readings", "processing_group");
    // One connection for all three: a generation belongs to the connection that it comes from.
    let connection = server.shared();
    let stream = ReadingStream::new(keys.clone(), connection.clone());
    let series = SeriesStore::new(connection.clone());
    let sites = SiteIndex::new(&keys, connection);

    stream.ensure_group().await?;
    let mut reader = stream.reader(&server, "example", BLOCK).await?;
    loop {
        let delivery = reader.read_new(COUNT).await?;
        if delivery.entries.is_empty() {
            return Ok(());
        }
        let acknowledged = store(&stream, &series, &sites, &delivery.entries).await?;
        println!("{} delivered, {acknowledged} stored and acknowledged", delivery.len());
    }
}

/// Writes the entries of all sites as one Redis pipeline, and acknowledges them in its generation.
async fn store(
    stream: &ReadingStream,
    series: &SeriesStore,
    sites: &SiteIndex,
    entries: &[StreamEntry],
) -> Result<u64, Box<dyn Error>> {
    let mut by_site: HashMap<&SiteId, Vec<&StreamEntry>> = HashMap::new();
    for entry in entries {
        by_site.entry(&entry.reading.site_id).or_default().push(entry);
    }
    let mut batch = WriteBatch::indexing(sites, by_site.keys().copied());
    for (site, entries) in by_site {
        batch.push(SiteWrite::new(site, entries, None));
    }
    let WriteResult { indexed, outcomes, generation, .. } = series.write(&batch).await?;
    indexed?;
    outcomes.into_iter().collect::<Result<Vec<_>, _>>()?;
    let ids: Vec<StreamId> = entries.iter().map(|entry| entry.id).collect();
    Ok(stream.acknowledge(&ids, generation).await?.unwrap_or_default())
}
