//! `unpack`: restores packed and archived days.

use indicatif::HumanCount;
use readings::SiteId;
use readings::energy::rollup::Day;
use readings::store::packing::{Unpacked, Unpacker};
use readings::store::series::SeriesStore;
use readings::store::site_index::SiteIndex;

use super::late_readings;
use super::redis_discovery::find_partitions;
use super::site_progress::{Progress, Sites};
use crate::config::UnpackArguments;

/// What to do about a damaged day.
const DAMAGED: &str =
    "restore a backup of Redis, or run it with --discard-damaged to do without these readings";

/// Unpacks the days of the sites.
///
/// # Errors
/// When Redis does not respond, a site that was named has no readings, or a day was not unpacked.
pub async fn run(arguments: UnpackArguments) -> anyhow::Result<()> {
    let partitions = find_partitions(&arguments.redis).await?;
    let connection = partitions.connection();
    let index = SiteIndex::new(partitions.keys(), connection.clone());
    let mut sites = Sites::new(index, arguments.sites);
    let archive = arguments.archive.days()?;
    let series = SeriesStore::new(connection.clone()).with_archive(archive.clone());
    let mut unpacking = Unpacking {
        unpacker: Unpacker::new(series.clone()).discarding_damaged(arguments.discard_damaged),
        series,
        before: arguments.before,
        done: Done::default(),
        progress: Progress::new(),
    };
    if arguments.packing.pack_after().is_some() {
        unpacking.progress.print("PACK_AFTER is set: a processing service packs these days again");
    }
    loop {
        let page = sites.next().await?;
        if page.is_empty() {
            break;
        }
        for site in &page {
            unpacking.site(site, sites.are_named()).await?;
        }
    }
    if let Some(archive) = archive {
        late_readings::compare(&partitions, archive).await;
    }
    let not_unpacked = unpacking.done.not_unpacked;
    unpacking.progress.finish(&unpacking.done);
    anyhow::ensure!(not_unpacked == 0, "days that were not unpacked: {not_unpacked}");
    Ok(())
}

/// What has been done so far.
#[derive(Debug, Default)]
struct Done {
    sites: u64,
    days: u64,
    readings: u64,
    discarded: u64,
    not_unpacked: u64,
}

impl std::fmt::Display for Done {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [sites, days, readings] = [self.sites, self.days, self.readings].map(HumanCount);
        write!(f, "{sites} sites, {days} days unpacked, {readings} readings restored")?;
        match self.discarded {
            0 => Ok(()),
            discarded => write!(f, ", {} of damaged days discarded", HumanCount(discarded)),
        }
    }
}

/// Unpacks site after site; what is unpacked stays so.
struct Unpacking {
    series: SeriesStore,
    unpacker: Unpacker,
    before: Option<Day>,
    done: Done,
    progress: Progress,
}

impl Unpacking {
    async fn site(&mut self, site: &SiteId, is_named: bool) -> anyhow::Result<()> {
        let days = self.unpacker.days(site, self.before).await?;
        if is_named && days.is_empty() {
            let exists = self.series.exists(site).await?;
            anyhow::ensure!(exists, "there are no readings of {site} in this Redis");
        }
        self.done.sites += 1;
        for day in &days {
            self.day(site, *day).await?;
        }
        if !days.is_empty() {
            self.unpacker.release(site).await?;
        }
        Ok(())
    }

    async fn day(&mut self, site: &SiteId, day: Day) -> anyhow::Result<()> {
        let reason = match self.unpacker.unpack(site, day).await? {
            Unpacked::Members { restored, discarded } => {
                self.done.days += 1;
                self.done.readings += restored;
                self.done.discarded += discarded;
                self.progress.show(&self.done, site);
                return Ok(());
            }
            Unpacked::Damaged(damage) => format!("is damaged: {damage} ({DAMAGED})"),
            Unpacked::Leased => "is being packed or unpacked by another process".to_owned(),
            Unpacked::Contended => "changed again and again".to_owned(),
        };
        self.done.not_unpacked += 1;
        self.progress.print(format_args!("{day} of {site} {reason}"));
        Ok(())
    }
}
