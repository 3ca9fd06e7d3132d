//! `rollups build`: computes rollups before questions need them.

use std::ops::Bound;
use std::time::{Duration, Instant};

use anyhow::Context;
use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use readings::SiteId;
use readings::store::rollups::RollupStore;
use readings::store::site_index::SiteIndex;

use super::redis_discovery::find_server;
use crate::config::{BuildRollupsArguments, RollupsAction, RollupsArguments};
use crate::console;

/// Sites of one page of the index. Too low: a round trip to Redis for few. Too high: more memory.
const PAGE: usize = 1_000;

/// The prefix of all sites.
const ALL_SITES: &str = "";

/// Interval of progress lines where standard error is no terminal. Too low: logs are full of them. Too
/// high: the command seems to hang.
const LINE_INTERVAL: Duration = Duration::from_secs(5);

const SPINNER: &str = "{spinner} {elapsed} {msg}";

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
    let mut building = Building::new(RollupStore::new(connection.clone()));
    if arguments.sites.is_empty() {
        let index = SiteIndex::new(&arguments.redis.redis.keys(), connection);
        building.all(&index).await?;
    }
    for site in &arguments.sites {
        let id =
            SiteId::new(site.as_str()).with_context(|| format!("{site} is no id of a site"))?;
        let days = building.site(&id).await?;
        anyhow::ensure!(days > 0, "there are no readings of {site} in this Redis");
    }
    building.bar.finish_and_clear();
    console::eprint(building.done);
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
    bar: ProgressBar,
    last_line: Instant,
}

impl Building {
    fn new(rollups: RollupStore) -> Self {
        let style = ProgressStyle::with_template(SPINNER)
            .unwrap_or_else(|_| ProgressStyle::default_spinner());
        let bar = ProgressBar::new_spinner().with_style(style);
        Self { rollups, done: Done::default(), bar, last_line: Instant::now() }
    }

    async fn all(&mut self, index: &SiteIndex) -> anyhow::Result<()> {
        let mut after: Option<SiteId> = None;
        loop {
            let start = after.as_ref().map_or(Bound::Unbounded, |it| Bound::Excluded(it.as_str()));
            let page = index.list(start, ALL_SITES, PAGE).await?;
            for site in &page {
                self.site(site).await?;
            }
            match page.into_iter().next_back() {
                Some(last) => after = Some(last),
                None => return Ok(()),
            }
        }
    }

    /// The number of days of a site that have readings.
    async fn site(&mut self, site: &SiteId) -> anyhow::Result<u64> {
        let (mut from, mut days) = (None, 0);
        self.done.sites += 1;
        loop {
            let built = self.rollups.build(site, from).await?;
            days += built.days;
            self.done.days += built.days;
            self.done.computed += built.computed;
            self.show(site);
            match built.next {
                Some(next) => from = Some(next),
                None => return Ok(days),
            }
        }
    }

    fn show(&mut self, site: &SiteId) {
        self.bar.set_message(console::escaped(&format!("{}, {site}", self.done)));
        self.bar.tick();
        if self.bar.is_hidden() && self.last_line.elapsed() >= LINE_INTERVAL {
            self.last_line = Instant::now();
            console::eprint(&self.done);
        }
    }
}
