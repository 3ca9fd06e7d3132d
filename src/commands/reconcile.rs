//! `reconcile`: finds orphaned entries, and makes them pending again.

use std::time::{Duration, Instant};

use anyhow::Context;
use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use readings::store::reconcile::{ReconcileCounts, Reconciler};
use readings::store::stream::ReadingStream;

use super::redis_discovery::find_server;
use crate::config::ReconcileArguments;
use crate::console;

/// Interval of progress lines where standard error is no terminal. Too low: logs are full of them. Too
/// high: the command seems to hang.
const LINE_INTERVAL: Duration = Duration::from_secs(5);

const BAR: &str = "{pos} of {len} entries {wide_bar} {eta} left";

/// Reads the stream, prints the ids of orphaned entries, and makes them pending if requested.
///
/// # Errors
/// When Redis does not respond, the group does not exist, or entries stay orphaned.
pub async fn run(arguments: ReconcileArguments) -> anyhow::Result<()> {
    arguments.power.apply();
    let server = find_server(&arguments.redis).await?;
    let stream = ReadingStream::new(arguments.redis.redis.keys(), server.shared());
    let reconciler = check_entries(&stream, &arguments).await?;
    for id in &reconciler.missing {
        console::print(id);
    }
    let missing = reconciler.missing.len();
    console::eprint(summary(&reconciler.counts, missing));
    if missing == 0 {
        return Ok(());
    }
    anyhow::ensure!(arguments.repair, "--repair makes them pending, and services claim them");
    let restored = stream.make_pending(&reconciler.missing).await?;
    console::eprint(format_args!("{restored} pending again; services claim them now"));
    anyhow::ensure!(restored == missing, "{} trimmed meanwhile", missing - restored);
    Ok(())
}

async fn check_entries(
    stream: &ReadingStream,
    arguments: &ReconcileArguments,
) -> anyhow::Result<Reconciler> {
    let expired_before = arguments.retention.oldest_kept();
    let begun = Reconciler::begin(stream.clone(), expired_before).await?;
    let mut reconciler = begun.with_context(|| {
        format!("there is no consumer group {}: nothing was delivered", stream.keys().group())
    })?;
    let mut progress = Progress::new(stream.length().await?);
    loop {
        match reconciler.next_page().await? {
            0 => break,
            entries => progress.advance(entries),
        }
    }
    progress.bar.finish_and_clear();
    Ok(reconciler)
}

fn summary(counts: &ReconcileCounts, missing: usize) -> String {
    let ReconcileCounts { pending, dead_lettered, stored, expired, deleted, site_deleted } = counts;
    format!(
        "delivered entries in the stream: {stored} stored, {pending} pending, {dead_lettered} dead-lettered, \
         {expired} expired, {deleted} deleted or not kept, {site_deleted} of deleted sites, {missing} missing"
    )
}

/// Progress as a bar on a terminal, and as lines elsewhere.
struct Progress {
    bar: ProgressBar,
    last_line: Instant,
}

impl Progress {
    fn new(entries: u64) -> Self {
        let style =
            ProgressStyle::with_template(BAR).unwrap_or_else(|_| ProgressStyle::default_bar());
        Self { bar: ProgressBar::new(entries).with_style(style), last_line: Instant::now() }
    }

    fn advance(&mut self, entries: usize) {
        self.bar.inc(entries as u64);
        if self.bar.is_hidden() && self.last_line.elapsed() >= LINE_INTERVAL {
            self.last_line = Instant::now();
            let checked = HumanCount(self.bar.position());
            console::eprint(format_args!("{checked} entries checked"));
        }
    }
}
