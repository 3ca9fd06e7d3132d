//! Times a question about a year of one device, cold and warm, against an empty Redis that it fills:
//! `cargo run --release -p readings --example rollup_question -- redis://localhost:6379 60`
//! (seconds between two readings).
#![expect(clippy::print_stdout, reason = "an example for the terminal")]

use std::env;
use std::error::Error;
use std::time::{Duration, Instant as Clock};

use readings::energy::calendar::{Buckets, Interval, Range, Zone};
use readings::energy::integration::{Aggregation, Rules};
use readings::store::codec::StreamEntry;
use readings::store::rollups::RollupStore;
use readings::store::series::{SeriesStore, SiteIndex, SiteWrite, WriteBatch};
use readings::store::{Keys, RedisServer, StreamId};
use readings::{DeviceId, Instant, Power, Reading, SiteId, Timestamp};

const RUNS: usize = 100;
/// 2023-01-01T00:00:00Z.
const START: i64 = 1_672_531_200_000_000;
const YEAR: i64 = 365 * 86_400;

type Outcome<T> = Result<T, Box<dyn Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome<()> {
    let url = env::args().nth(1).ok_or("expected the URL of an empty Redis")?;
    let seconds: i64 = env::args().nth(2).map_or(Ok(60), |text| text.parse())?;
    let connection = RedisServer::from_url(&url)?.shared();
    let site = SiteId::new("house-01").ok_or("a site")?;
    let (series, rollups) =
        (SeriesStore::new(connection.clone()), RollupStore::new(connection.clone()));
    let index = SiteIndex::new(&Keys::new("energy_readings", "processing_group"), connection);
    fill(&series, &index, &site, seconds).await?;

    let zone: Zone = "America/Los_Angeles".parse()?;
    let range = Range::new(at(START), at(START + YEAR * 1_000_000))?;
    let question =
        Aggregation { buckets: Buckets::new(range, Interval::DAY, zone)?, rules: Rules::STEP };
    let start = Clock::now();
    rollups.from_members(&site, &question).await?;
    println!("from members {:>9.2} ms", millis(start.elapsed()));
    let start = Clock::now();
    let cold = rollups.aggregate(&site, &question).await?;
    println!("cold         {:>9.2} ms", millis(start.elapsed()));
    let mut warm = Vec::with_capacity(RUNS);
    for _ in 0..RUNS {
        let start = Clock::now();
        let found = rollups.aggregate(&site, &question).await?;
        warm.push(start.elapsed());
        if found != cold {
            return Err("another answer".into());
        }
    }
    warm.sort_unstable();
    println!(
        "warm         {:>9.2} ms p50, {:.2} ms p99",
        millis(warm[RUNS / 2]),
        millis(warm[RUNS * 99 / 100])
    );
    Ok(())
}

fn at(micros: i64) -> Instant {
    Instant::from_epoch_micros(micros)
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

async fn fill(series: &SeriesStore, index: &SiteIndex, site: &SiteId, seconds: i64) -> Outcome<()> {
    let device = DeviceId::new("main-meter").ok_or("a device")?;
    let mut entries = Vec::new();
    for n in 0..YEAR / seconds {
        let timestamp =
            Zone::UTC.timestamp(at(START + n * seconds * 1_000_000)).ok_or("a timestamp")?;
        let n = u64::try_from(n)?;
        let reading = Reading {
            site_id: site.clone(),
            device_id: device.clone(),
            power: Power::from_watts(f64::from(u32::try_from(n * 7_919 % 4_000_000)?) / 1_000.0)?,
            timestamp: Timestamp::parse(timestamp)?,
        };
        let id = StreamId { ms: 1_700_000_000_000 + n, seq: 0 };
        entries.push(StreamEntry {
            id,
            reading,
            ingested_at: "2024-01-15T10:30:00.123456".to_owned(),
        });
    }
    for entries in entries.chunks(5_000) {
        let mut batch = WriteBatch::indexing(index, [site]);
        batch.push(SiteWrite::new(site, entries));
        series.write(&batch).await?;
    }
    Ok(())
}
