//! `rollups build`: computes rollups before questions need them.

use indicatif::HumanCount;
use readings::SiteId;
use readings::store::rollups::RollupStore;
use readings::store::series::SeriesStore;
use readings::store::site_index::SiteIndex;

use super::redis_discovery::find_server;
use super::site_progress::{Progress, Sites};
use crate::config::{BuildRollupsArguments, RollupsAction, RollupsArguments};

/// Builds rollups.
///
/// # Errors
/// When Redis does not respond, or a site that was named has no readings.
pub async fn run(arguments: RollupsArguments) -> anyhow::Result<()> {
    match arguments.action {
        RollupsAction::Build(arguments) => build(arguments).await,
    }
}

async fn build(arguments: BuildRollupsArguments) -> anyhow::Result<()> {
    let connection = find_server(&arguments.redis).await?.shared();
    let archive = arguments.archive.days()?;
    let series = SeriesStore::new(connection.clone()).with_archive(archive);
    let index = SiteIndex::new(&arguments.redis.redis.keys(), connection.clone());
    let mut sites = Sites::new(index, arguments.sites);
    let mut building = Building {
        rollups: RollupStore::reading_from(series, connection),
        done: Done::default(),
        progress: Progress::new(),
    };
    loop {
        let page = sites.next().await?;
        if page.is_empty() {
            break;
        }
        for site in &page {
            let days = building.site(site).await?;
            let is_known = days > 0 || !sites.are_named();
            anyhow::ensure!(is_known, "there are no readings of {site} in this Redis");
        }
    }
    building.progress.finish(building.done);
    Ok(())
}

/// What has been done so far.
#[derive(Debug, Default)]
struct Done {
    sites: u64,
    days: u64,
    computed: u64,
}

impl std::fmt::Display for Done {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [sites, days, computed] = [self.sites, self.days, self.computed].map(HumanCount);
        write!(f, "{sites} sites, {days} days with readings, {computed} rollups computed")
    }
}

/// Rollups of site after site. A rollup that is stored is valid, so the command can be interrupted: the next run
/// computes those that are missing.
struct Building {
    rollups: RollupStore,
    done: Done,
    progress: Progress,
}

impl Building {
    /// The number of days of a site that have readings.
    async fn site(&mut self, site: &SiteId) -> anyhow::Result<u64> {
        let (mut from, mut days) = (None, 0);
        self.done.sites += 1;
        loop {
            let built = self.rollups.build(site, from).await?;
            days += built.days;
            self.done.days += built.days;
            self.done.computed += built.computed;
            self.progress.show(&self.done, site);
            match built.next {
                Some(next) => from = Some(next),
                None => return Ok(days),
            }
        }
    }
}
