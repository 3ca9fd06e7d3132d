//! `reconcile`: finds orphaned entries, and makes them pending again.

use std::time::{Duration, Instant};

use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use readings::store::StreamId;
use readings::store::reconcile::{ReconcileCounts, Reconciler};
use readings::store::stream::{EntryId, ReadingStream, StreamPartitions};

use super::redis_discovery::find_partitions;
use crate::config::ReconcileArguments;
use crate::console;

/// Interval of progress lines where standard error is no terminal. Too low: logs are full of them. Too
/// high: the command seems to hang.
const LINE_INTERVAL: Duration = Duration::from_secs(5);

const BAR: &str = "{pos} of {len} entries {wide_bar} {eta} left";

/// Reads the streams of all partitions, prints the ids of orphaned entries, and makes them pending if requested.
///
/// # Errors
/// When Redis does not respond, the group does not exist, or entries stay orphaned.
pub async fn run(arguments: ReconcileArguments) -> anyhow::Result<()> {
    arguments.power.apply();
    let partitions = find_partitions(&arguments.redis).await?;
    let checked = check_partitions(&partitions, &arguments).await?;
    for id in checked.missing() {
        console::print(id);
    }
    let missing = checked.missing().count();
    console::eprint(summary(&checked.counts, missing));
    if missing == 0 {
        return Ok(());
    }
    anyhow::ensure!(arguments.repair, "--repair makes them pending, and services claim them");
    let restored = checked.make_pending().await?;
    console::eprint(format_args!("{restored} pending again; services claim them now"));
    anyhow::ensure!(restored == missing, "{} trimmed meanwhile", missing - restored);
    Ok(())
}

/// What was found in all partitions.
#[derive(Default)]
struct Checked {
    counts: ReconcileCounts,
    /// The partitions, each with its orphaned entries.
    partitions: Vec<(ReadingStream, Vec<StreamId>)>,
}

impl Checked {
    /// The ids of all orphaned entries: partition by partition, oldest first.
    fn missing(&self) -> impl Iterator<Item = EntryId> {
        self.partitions.iter().flat_map(|(stream, missing)| {
            let partition = stream.keys().partition();
            missing.iter().map(move |&id| EntryId { id, partition })
        })
    }

    /// Makes them pending; returns how many are.
    async fn make_pending(&self) -> anyhow::Result<usize> {
        let mut restored = 0;
        for (stream, missing) in self.partitions.iter().filter(|(_, missing)| !missing.is_empty()) {
            restored += stream.make_pending(missing).await?;
        }
        Ok(restored)
    }
}

/// Checks all partitions with entries, whatever their number was: an orphaned entry keeps no partition in use.
async fn check_partitions(
    partitions: &StreamPartitions,
    arguments: &ReconcileArguments,
) -> anyhow::Result<Checked> {
    let archive = arguments.archive.days()?;
    let streams = partitions.existing().await?;
    let mut entries = 0;
    for stream in &streams {
        entries += stream.length().await?;
    }
    let mut progress = Progress::new(entries);
    let (mut checked, mut has_group) = (Checked::default(), false);
    for stream in streams {
        let kept = arguments.retention.oldest_kept();
        let begun = Reconciler::begin(stream.clone(), kept, archive.clone()).await?;
        // Without a group nothing was delivered from it.
        let Some(mut reconciler) = begun else { continue };
        has_group = true;
        while let entries @ 1.. = reconciler.next_page().await? {
            progress.advance(entries);
        }
        checked.counts += reconciler.counts;
        checked.partitions.push((stream, reconciler.missing));
    }
    progress.bar.finish_and_clear();
    let group = partitions.keys().group();
    anyhow::ensure!(has_group, "there is no consumer group {group}: nothing was delivered");
    Ok(checked)
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
