//! The sites of commands that go from site to site, and their progress.

use std::fmt::Display;
use std::ops::Bound;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use readings::SiteId;
use readings::store::site_index::SiteIndex;

use crate::console;

/// Sites of one page of the index. Too low: a round trip to Redis for few. Too high: more memory.
const PAGE: usize = 100;

/// The prefix of all sites.
const ALL_SITES: &str = "";

/// Interval of progress lines where standard error is no terminal. Too low: logs are full of them. Too
/// high: the command seems to hang.
const LINE_INTERVAL: Duration = Duration::from_secs(5);

const SPINNER: &str = "{spinner} {elapsed} {msg}";

/// The sites that are named, or those of the index, page by page.
pub struct Sites {
    index: SiteIndex,
    named: Option<Vec<SiteId>>,
    after: Option<SiteId>,
}

impl Sites {
    /// Those that are named; without any, all of the index.
    pub fn new(index: SiteIndex, named: Vec<SiteId>) -> Self {
        Self { index, named: Some(named).filter(|named| !named.is_empty()), after: None }
    }

    /// Whether they are named.
    pub const fn are_named(&self) -> bool {
        self.named.is_some()
    }

    /// The next sites; none after the last.
    ///
    /// # Errors
    /// When Redis does not respond.
    pub async fn next(&mut self) -> anyhow::Result<Vec<SiteId>> {
        if let Some(named) = &mut self.named {
            return Ok(std::mem::take(named));
        }
        let start = self.after.as_ref().map_or(Bound::Unbounded, |it| Bound::Excluded(it.as_str()));
        let page = self.index.list(start, ALL_SITES, PAGE).await?;
        self.after = page.last().cloned().or(self.after.take());
        Ok(page)
    }
}

/// Progress as a line that changes on a terminal, and as lines elsewhere.
pub struct Progress {
    bar: ProgressBar,
    last_line: Instant,
}

impl Progress {
    pub fn new() -> Self {
        let style = ProgressStyle::with_template(SPINNER)
            .unwrap_or_else(|_| ProgressStyle::default_spinner());
        Self { bar: ProgressBar::new_spinner().with_style(style), last_line: Instant::now() }
    }

    pub fn show(&mut self, done: impl Display, site: &SiteId) {
        self.bar.set_message(console::escaped(&format!("{done}, {site}")));
        self.tick(done);
    }

    /// The same without a site.
    pub fn show_line(&mut self, done: impl Display) {
        self.bar.set_message(done.to_string());
        self.tick(done);
    }

    fn tick(&mut self, done: impl Display) {
        self.bar.tick();
        if self.bar.is_hidden() && self.last_line.elapsed() >= LINE_INTERVAL {
            self.last_line = Instant::now();
            console::eprint(&done);
        }
    }

    /// Prints a line beside the progress.
    pub fn print(&self, line: impl Display) {
        self.bar.suspend(|| console::eprint(line));
    }

    /// Prints a line of the result, on standard output.
    pub fn print_result(&self, line: impl Display) {
        self.bar.suspend(|| console::print(line));
    }

    pub fn finish(self, done: impl Display) {
        self.bar.finish_and_clear();
        console::eprint(done);
    }
}
