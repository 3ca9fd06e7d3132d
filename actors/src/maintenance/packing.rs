//! `DayPacking`: packs closed days of all sites (`PACK_AFTER`).
//!
//! Without it their readings stay in the sorted sets, and take some sixteen times the memory. Any number of replicas may
//! run it: a site is packed by one at a time.

mod run;

use std::ops::Bound;
use std::sync::Arc;
use std::time::{Duration, Instant as Clock};

use readings::store::StoreError;
use readings::store::packing::{DueSite, SitePacker, closed_before};
use readings::store::tier_runs::{PackingProgress, TierRunReporter};
use readings::{Instant, SiteId};

use self::run::Run;
use super::periodic_task::PeriodicTask;
use crate::context::PipelineContext;
use crate::metrics::METRICS;

/// How often the task looks whether its next run is due. Too low and it wakes for nothing; too high and the first run is
/// late.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// The pause between two runs at least. Too low and Redis is asked about all sites for nothing; too high and a late
/// reading stays in the sorted set that much longer.
const RUN_INTERVAL: Duration = Duration::from_secs(10);

/// The pause between two runs, in times of what looking at all sites has taken. Too low and a million sites keep Redis
/// busy; too high and a closed day waits.
const PAUSE_OF_LOOKS: u32 = 20;

/// The pause after a day, in times of what packing it has taken: while entries are in flight, and while none is. Too low
/// and the pipeline loses throughput; too high and a first run over years of readings takes long.
const PAUSE_OF_DAYS: [u32; 2] = [24, 1];

/// Sites of one page of the index. Too low: pages cost round trips. Too high: one page delays other commands.
const SITES_PER_PAGE: usize = 1_000;

/// Sites that are looked at with one pipeline of commands. Too low and a look costs round trips; too high and Redis serves
/// no other client meanwhile (about three microseconds each).
const SITES_PER_LOOK: usize = 100;

/// The prefix of all sites.
const ALL_SITES: &str = "";

pub(crate) struct DayPacking {
    context: Arc<PipelineContext>,
    packer: SitePacker,
    reporter: TierRunReporter<PackingProgress>,
    next_run: Clock,
}

impl DayPacking {
    /// Packs over a connection of its own: the values of days are large, and writes do not wait for them.
    pub fn new(context: Arc<PipelineContext>) -> Self {
        let (connection, config) = (context.server.shared(), &context.config);
        let reporter =
            TierRunReporter::of_packing(&config.keys, connection.clone(), &config.consumer);
        if config.pack_after.is_some() {
            METRICS.packing_succeeded();
        }
        Self { packer: SitePacker::new(connection), reporter, context, next_run: Clock::now() }
    }

    /// Packs the closed days of all sites.
    async fn pack_all(&mut self, run: &mut Run) -> Result<(), StoreError> {
        let context = Arc::clone(&self.context);
        let mut after: Option<SiteId> = None;
        loop {
            let start =
                after.as_ref().map_or(Bound::Unbounded, |site| Bound::Excluded(site.as_str()));
            let page = context.sites.list(start, ALL_SITES, SITES_PER_PAGE).await?;
            for sites in page.chunks(SITES_PER_LOOK) {
                for due in self.look(sites, run).await? {
                    self.pack_site(due, run).await?;
                }
                run.left(self.packer.oldest_waiting(sites));
                run.progress.sites += sites.len() as u64;
                self.report(run).await;
                if context.draining.is_cancelled() {
                    return Ok(());
                }
            }
            after = page.into_iter().next_back();
            if after.is_none() {
                return Ok(());
            }
        }
    }

    async fn look(&mut self, sites: &[SiteId], run: &mut Run) -> Result<Vec<DueSite>, StoreError> {
        let begun = Clock::now();
        let now = Instant::before_now(Duration::ZERO);
        let Some((now, until)) = now.and_then(|now| Some((now, closed_before(now, run.age)?)))
        else {
            return Ok(Vec::new());
        };
        let due = self.packer.due(sites, until, now).await;
        run.looked += begun.elapsed();
        due
    }

    async fn pack_site(&mut self, due: DueSite, run: &mut Run) -> Result<(), StoreError> {
        let site = due.site.clone();
        let mut packing = self.packer.begin(due);
        while !self.context.draining.is_cancelled() {
            let begun = Clock::now();
            match self.packer.next(&mut packing).await {
                Ok(None) => break,
                Ok(Some((day, outcome))) => run.record(&site, day, outcome),
                Err((day, error)) => run.record_error(&site, day, error)?,
            }
            self.report(run).await;
            self.pause(begun.elapsed()).await;
        }
        self.packer.end(packing).await
    }

    async fn report(&mut self, run: &mut Run) {
        if let Some(error) = run.error.take() {
            self.reporter.note(&error);
        }
        self.reporter.progress().clone_from(&run.progress);
        self.reporter.report().await;
    }

    /// Ends a run. One that drains is not ended: the rest is left to other processes, or the next one.
    async fn end(&mut self, run: &mut Run, result: &Result<(), StoreError>) {
        run.log();
        self.next_run = Clock::now() + RUN_INTERVAL.max(run.looked * PAUSE_OF_LOOKS);
        if self.context.draining.is_cancelled() {
            return;
        }
        if result.is_ok() {
            run.complete();
        }
        self.reporter.progress().clone_from(&run.progress);
        self.reporter.end(result.as_ref().err().map(ToString::to_string).as_deref()).await;
    }

    /// Leaves the processor and Redis to the pipeline.
    async fn pause(&self, worked: Duration) {
        let [busy, idle] = PAUSE_OF_DAYS;
        let times = if self.context.window.len() > 0 { busy } else { idle };
        let pause = tokio::time::sleep(worked * times);
        self.context.draining.run_until_cancelled(pause).await;
    }
}

impl PeriodicTask for DayPacking {
    const NAME: &'static str = "pack closed days";

    fn interval(&self) -> Option<Duration> {
        self.context.config.pack_after.map(|_| CHECK_INTERVAL)
    }

    async fn run(&mut self) -> Result<(), StoreError> {
        let Some(age) = self.context.config.pack_after else { return Ok(()) };
        if Clock::now() < self.next_run || self.context.draining.is_cancelled() {
            return Ok(());
        }
        let mut run = Run::new(age);
        self.reporter.begin(|_| PackingProgress::default()).await;
        let result = self.pack_all(&mut run).await;
        self.end(&mut run, &result).await;
        result
    }
}
