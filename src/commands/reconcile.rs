//! Accounts for every entry that was delivered, and restores those that nobody has.

use std::time::{Duration, Instant};

use anyhow::Context;
use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use readings::store::reconcile::{ReconcileCounts, Reconciler};
use readings::store::stream::ReadingStream;

use super::redis_discovery;
use crate::config::ReconcileArguments;
use crate::console;

/// How often a line is written where there is no terminal. Too low: logs are full of it. Too high:
/// it looks stuck.
const LINE_EVERY: Duration = Duration::from_secs(5);

const BAR: &str = "{pos} of {len} entries {wide_bar} {eta} left";

/// Goes through the stream, names what is missing, and restores it if that is wanted.
///
/// # Errors
/// When Redis does not answer, there is no group, or entries are missing and stay so.
pub async fn run(arguments: ReconcileArguments) -> anyhow::Result<()> {
    let server = redis_discovery::server(&arguments.redis).await?;
    let stream = ReadingStream::new(arguments.redis.redis.keys(), server.shared());
    let reconciler = account(&stream, &arguments).await?;
    for id in &reconciler.missing {
        console::say(id);
    }
    let missing = reconciler.missing.len();
    console::complain(summary(&reconciler.counts, missing));
    if missing == 0 {
        return Ok(());
    }
    anyhow::ensure!(arguments.repair, "with --repair they become pending, and services store them");
    let restored = stream.make_pending(&reconciler.missing).await?;
    console::complain(format_args!("{restored} are pending again: services take them over now"));
    anyhow::ensure!(restored == missing, "the others were trimmed meanwhile");
    Ok(())
}

async fn account(
    stream: &ReadingStream,
    arguments: &ReconcileArguments,
) -> anyhow::Result<Reconciler> {
    let expired_before = arguments.retention.oldest_kept();
    let begun = Reconciler::begin(stream.clone(), expired_before).await?;
    let mut reconciler = begun.with_context(|| {
        format!("there is no consumer group {}, so nothing was delivered", stream.keys().group())
    })?;
    let entries = stream.length().await?;
    let mut progress = Progress::over(entries);
    loop {
        match reconciler.next_page().await? {
            0 => break,
            looked_at => progress.note(looked_at),
        }
    }
    progress.bar.finish_and_clear();
    Ok(reconciler)
}

fn summary(found: &ReconcileCounts, missing: usize) -> String {
    let ReconcileCounts { pending, dead_lettered: buried, stored, expired, site_deleted: removed } =
        found;
    format!(
        "delivered entries in the stream: {stored} stored, {pending} pending, {buried} buried, \
         {expired} too old, {removed} of removed sites; {missing} are nowhere"
    )
}

/// A bar on a terminal, elsewhere a line now and then.
struct Progress {
    bar: ProgressBar,
    said: Instant,
}

impl Progress {
    fn over(entries: u64) -> Self {
        let style =
            ProgressStyle::with_template(BAR).unwrap_or_else(|_| ProgressStyle::default_bar());
        Self { bar: ProgressBar::new(entries).with_style(style), said: Instant::now() }
    }

    fn note(&mut self, entries: usize) {
        self.bar.inc(entries as u64);
        if self.bar.is_hidden() && self.said.elapsed() >= LINE_EVERY {
            self.said = Instant::now();
            let looked_at = HumanCount(self.bar.position());
            console::complain(format_args!("{looked_at} entries looked at"));
        }
    }
}
