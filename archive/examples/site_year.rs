//! How long day sums of a site's year take from files on a disk: `cargo run --release -p archive --example site_year`.
//!
//! Twelve files of months, each of some sites with a reading a minute; `samples` reads one of the sites, and the sums of
//! its days are computed. The first question opens the files, the others have their metadata.

#![expect(clippy::print_stdout, reason = "an example for the terminal")]

use std::collections::BTreeMap;
use std::time::Instant as Clock;

use archive::archiver::plan::month_of;
use archive::file_writer::FileWriter;
use archive::row::Row;
use archive::{ArchiveUrl, Manifest, ObjectFiles, ParquetArchive};
use readings::energy::rollup::Day;
use readings::store::archive::DayArchive;
use readings::store::packed::Contents;
use readings::store::{PartitionCount, StreamId};
use readings::{Instant, SiteId};

/// 2023-01-01.
const FIRST_DAY: i32 = 19_358;

const SITES: usize = 20;

fn row(micros: i64) -> Row {
    let minute = micros / 60_000_000;
    // A pseudo-random walk of watts, in steps of a tenth.
    let watts = (minute.wrapping_mul(2_654_435_761) >> 7) % 60_000;
    Row {
        device: "main-meter".into(),
        instant: micros,
        id: StreamId { ms: (micros / 1_000).unsigned_abs() + minute.unsigned_abs() % 997, seq: 0 },
        power: f64::from(i32::try_from(watts).unwrap_or_default()) / 10.0,
        ingested_at: Some(micros + 1_000 * (minute % 977) + minute % 991),
        timestamp_text: None,
        ingested_at_text: None,
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let directory = tempfile::tempdir()?;
    let files = ObjectFiles::open(ArchiveUrl::Directory(directory.path().to_owned()))?;
    let archive = ParquetArchive::new(files.clone());
    let mut manifest = Manifest::new("example".to_owned(), PartitionCount::ONE);
    let mut day = Day::from_number(FIRST_DAY);
    for _ in 0..12 {
        let days = month_of(day);
        let mut writer = FileWriter::create(&files, 0, days)?;
        let [start, end] = [days[0], days[1].next()].map(|day| day.start().epoch_micros());
        for number in 0..SITES {
            let site = SiteId::new(format!("site-{number:04}")).ok_or("a site")?;
            let minutes = (start..end).step_by(60_000_000);
            writer.push(&site, minutes.map(row).collect()).await?;
        }
        manifest = manifest.replacing(&[], writer.finish().await?);
        day = days[1].next();
    }
    let (rows, bytes) = (manifest.rows(), manifest.bytes());
    archive.manifests().commit(manifest).await?.ok_or("a commit")?;
    println!("{rows} readings of {SITES} sites in 12 files, {bytes} bytes");
    let site = SiteId::new(format!("site-{:04}", SITES / 2)).ok_or("a site")?;
    let days = (FIRST_DAY..day.number()).map(Day::from_number);
    // What headers say of them is compared where readings were replaced, and here none were.
    let days: Vec<_> = days.map(|day| (day, Contents::default())).collect();
    for _ in 0..5 {
        let begun = Clock::now();
        let samples = archive.samples(&site, &days).await?;
        let mut sums: BTreeMap<Day, f64> = BTreeMap::new();
        for found in &samples {
            let day = Day::of(Instant::from_epoch_micros(found.sample.instant.epoch_micros()));
            *sums.entry(day).or_default() += found.sample.watts;
        }
        println!("{} readings, {} days: {:?}", samples.len(), sums.len(), begun.elapsed());
    }
    Ok(())
}
