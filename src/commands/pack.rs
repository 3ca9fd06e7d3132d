//! `pack`: packs closed days of sites.

use std::time::Duration;

use indicatif::{HumanBytes, HumanCount};
use readings::Instant;
use readings::SiteId;
use readings::energy::rollup::Day;
use readings::store::packing::{DayOutcome, DueSite, SitePacker};
use readings::store::series::SeriesStore;
use readings::store::site_index::SiteIndex;
use readings::store::{ErrorClass, SharedConnection};

use super::redis_discovery::find_server;
use super::site_progress::{Progress, Sites};
use crate::config::PackArguments;

/// Packs the closed days of the sites.
///
/// # Errors
/// When Redis does not respond, a site that was named has no readings, or a day was not packed.
pub async fn run(arguments: PackArguments) -> anyhow::Result<()> {
    let connection = find_server(&arguments.redis).await?.shared();
    let index = SiteIndex::new(&arguments.redis.redis.keys(), connection.clone());
    let mut sites = Sites::new(index, arguments.sites);
    let mut packing = Packing::new(connection, arguments.before);
    loop {
        let page = sites.next().await?;
        if page.is_empty() {
            break;
        }
        packing.sites(&page, sites.are_named()).await?;
    }
    let not_packed = packing.done.not_packed;
    packing.progress.finish(&packing.done);
    anyhow::ensure!(not_packed == 0, "days that were not packed: {not_packed}");
    Ok(())
}

/// What has been done so far.
#[derive(Debug, Default)]
struct Done {
    sites: u64,
    days: u64,
    readings: u64,
    bytes: u64,
    not_packed: u64,
}

impl std::fmt::Display for Done {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [sites, days, readings] = [self.sites, self.days, self.readings].map(HumanCount);
        let bytes = HumanBytes(self.bytes);
        write!(f, "{sites} sites, {days} days packed, {readings} readings moved, values of {bytes}")
    }
}

/// Packs site after site. A day that is packed stays so, and the command can be interrupted: the next run packs the rest.
struct Packing {
    series: SeriesStore,
    packer: SitePacker,
    before: Option<Day>,
    done: Done,
    progress: Progress,
}

impl Packing {
    fn new(connection: SharedConnection, before: Option<Day>) -> Self {
        let packer = SitePacker::new(connection.clone());
        let (series, done) = (SeriesStore::new(connection), Done::default());
        Self { series, packer, before, done, progress: Progress::new() }
    }

    async fn sites(&mut self, sites: &[SiteId], are_named: bool) -> anyhow::Result<()> {
        if are_named {
            for site in sites {
                let exists = self.series.exists(site).await?;
                anyhow::ensure!(exists, "there are no readings of {site} in this Redis");
            }
        }
        self.done.sites += sites.len() as u64;
        let now = Instant::before_now(Duration::ZERO).unwrap_or(Instant::from_epoch_micros(0));
        let until = self.before.unwrap_or(Day::of(now));
        for due in self.packer.due(sites, until, now).await? {
            self.site(due).await?;
        }
        Ok(())
    }

    async fn site(&mut self, due: DueSite) -> anyhow::Result<()> {
        let site = due.site.clone();
        let mut packing = self.packer.begin(due);
        loop {
            match self.packer.next(&mut packing).await {
                Ok(Some((day, outcome))) => self.record(&site, day, outcome),
                Ok(None) => break,
                // Others are packed.
                Err((Some(day), error)) if error.class == ErrorClass::Other => {
                    self.not_packed(format_args!("{day} of {site} was not packed: {error}"));
                }
                Err((_, error)) => return Err(error.into()),
            }
            self.progress.show(&self.done, &site);
        }
        Ok(self.packer.end(packing).await?)
    }

    fn record(&mut self, site: &SiteId, day: Day, outcome: DayOutcome) {
        let reason = match outcome {
            DayOutcome::Packed { moved, bytes, .. } => {
                self.done.days += 1;
                self.done.readings += moved;
                self.done.bytes += bytes;
                return;
            }
            DayOutcome::Left(_) => return,
            DayOutcome::TooLarge => "has too many readings to be packed",
            DayOutcome::Leased => "is being packed by another process, as is the rest of its site",
            DayOutcome::Contended => "changed again and again",
        };
        self.not_packed(format_args!("{day} of {site} {reason}"));
    }

    fn not_packed(&mut self, what: std::fmt::Arguments<'_>) {
        self.done.not_packed += 1;
        self.progress.print(what);
    }
}
