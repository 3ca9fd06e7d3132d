//! `reindex`: adds sites to the index whose readings other programs stored.

use std::time::{Duration, Instant};

use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use readings::store::series::site_scan::SCANNED_KEYS;
use readings::store::site_index::SiteIndex;

use super::redis_discovery::find_server;
use crate::config::ReindexArguments;
use crate::console;

/// Interval of progress lines where standard error is no terminal. Too low: logs are full of them. Too
/// high: the command seems to hang.
const LINE_INTERVAL: Duration = Duration::from_secs(5);

const BAR: &str = "{pos} of {len} keys {wide_bar} {eta} left";

/// Scans all keys, and adds the sites of sorted sets to the index.
///
/// # Errors
/// When Redis does not respond: what was added stays, and the command can be run again.
pub async fn run(arguments: ReindexArguments) -> anyhow::Result<()> {
    let server = find_server(&arguments.redis).await?;
    let index = SiteIndex::new(&arguments.redis.redis.keys(), server.shared());
    let mut progress = Progress::new(index.key_count().await?);
    let mut scan = index.scan();
    let (mut found, mut added) = (0, 0);
    while let Some(page) = scan.next().await? {
        if page.began_again {
            found = 0;
            progress.begin_again();
        }
        found += page.sites.len() as u64;
        added += index.add(&page.sites).await?;
        progress.advance(found);
        #[cfg(feature = "failpoints")]
        fail::fail_point!("reindex-after-page");
    }
    progress.bar.finish_and_clear();
    let (found, added) = (HumanCount(found), HumanCount(added));
    console::eprint(format_args!("{found} sites with readings, {added} added to the index"));
    Ok(())
}

/// Progress as a bar on a terminal, and as lines elsewhere.
struct Progress {
    bar: ProgressBar,
    last_line: Instant,
}

impl Progress {
    fn new(keys: u64) -> Self {
        let style =
            ProgressStyle::with_template(BAR).unwrap_or_else(|_| ProgressStyle::default_bar());
        Self { bar: ProgressBar::new(keys).with_style(style), last_line: Instant::now() }
    }

    fn advance(&mut self, found: u64) {
        self.bar.inc(SCANNED_KEYS);
        if self.bar.is_hidden() && self.last_line.elapsed() >= LINE_INTERVAL {
            self.last_line = Instant::now();
            let scanned = HumanCount(self.bar.position());
            let found = HumanCount(found);
            console::eprint(format_args!("{scanned} keys scanned, {found} sites found"));
        }
    }

    fn begin_again(&mut self) {
        self.bar.reset();
        let text = "the connection was lost: the scan begins again, as a new server session does not know its cursor";
        self.bar.suspend(|| console::eprint(text));
    }
}
