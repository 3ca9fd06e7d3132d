//! The progress display on standard error: a bar on a terminal, otherwise a line every few seconds.

use std::collections::VecDeque;
use std::fmt::Display;
use std::io::{self, IsTerminal};
use std::time::Duration;

use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::input::source::ByteCounter;
use crate::tracking::console::Console;
use crate::tracking::stats::{Snapshot, Stats};

/// How often the bar is redrawn. Too low: wastes CPU. Too high: it looks stuck.
const BAR_INTERVAL: Duration = Duration::from_millis(200);

/// How often a line is printed without a terminal. Too low: it floods logs. Too high: a running import
/// looks stuck.
const LINE_INTERVAL: Duration = Duration::from_secs(5);

/// Number of redraws that the rate of the bar is averaged over (5 s). Too low: it flickers. Too high: it
/// shows an outage late.
const RATE_WINDOW: usize = 25;

/// The bar for a file.
const WITH_SIZE: &str = "{msg} {wide_bar} {percent}%, {eta} left";

/// The bar for a pipe, whose size is unknown.
const WITHOUT_SIZE: &str = "{spinner} {msg}, {elapsed}";

/// The display; clones share it.
#[derive(Clone)]
pub struct Progress {
    bar: Option<ProgressBar>,
    byte_counter: ByteCounter,
    console: &'static dyn Console,
}

impl Progress {
    /// A bar if standard error is a terminal, else lines.
    pub fn new(byte_counter: ByteCounter, console: &'static dyn Console) -> Self {
        let bar = io::stderr().is_terminal().then(|| bar(&byte_counter));
        Self { bar, byte_counter, console }
    }

    /// A display for tests.
    #[cfg(test)]
    pub fn silent() -> Self {
        let (bar, byte_counter) = (Some(ProgressBar::hidden()), ByteCounter::default());
        Self { bar, byte_counter, console: &crate::tracking::console::Silent }
    }

    /// Prints a line above the bar.
    pub fn print_notice(&self, text: impl Display) {
        let print = || self.console.eprint(&text);
        match &self.bar {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }

    /// Displays the counts until `end` is cancelled.
    pub async fn run(&self, stats: &Stats, end: &CancellationToken) {
        let period = if self.bar.is_some() { BAR_INTERVAL } else { LINE_INTERVAL };
        let mut ticks = interval(period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks.tick().await; // the first tick is immediate
        let mut window = VecDeque::from([Snapshot::default()]);
        if self.bar.is_some() {
            self.draw(&stats.snapshot(), &mut window);
        }
        while end.run_until_cancelled(ticks.tick()).await.is_some() {
            self.draw(&stats.snapshot(), &mut window);
        }
        match &self.bar {
            Some(bar) => bar.finish_and_clear(),
            // Without rows the result has only a reason.
            None if stats.snapshot().rows() == 0 => {}
            None => self.console.eprint(&self.line(&stats.snapshot(), &Snapshot::default())),
        }
    }

    fn draw(&self, counts: &Snapshot, window: &mut VecDeque<Snapshot>) {
        let earlier = window.front().copied().unwrap_or_default();
        match &self.bar {
            None => self.console.eprint(&self.line(counts, &earlier)),
            Some(bar) => {
                bar.set_message(describe(counts, &earlier));
                bar.set_position(self.byte_counter.read());
            }
        }
        window.push_back(*counts);
        let length = if self.bar.is_some() { RATE_WINDOW } else { 1 };
        if window.len() > length {
            window.pop_front();
        }
    }

    fn line(&self, counts: &Snapshot, earlier: &Snapshot) -> String {
        let text = describe(counts, earlier);
        match self.byte_counter.size() {
            Some(size) if size > 0 => {
                format!("{}%, {text}", self.byte_counter.read() * 100 / size)
            }
            _ => text,
        }
    }
}

fn bar(byte_counter: &ByteCounter) -> ProgressBar {
    let (bar, template) = match byte_counter.size() {
        Some(size) => (ProgressBar::new(size), WITH_SIZE),
        None => (ProgressBar::new_spinner(), WITHOUT_SIZE),
    };
    // Never Err: a test checks that both templates parse.
    let style = ProgressStyle::with_template(template);
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn describe(counts: &Snapshot, earlier: &Snapshot) -> String {
    let rate = counts.rate_since(earlier);
    let (accepted, rejected) = (HumanCount(counts.accepted), HumanCount(counts.rejected));
    let mut text = format!("{rate:.0} rows/s, {accepted} accepted, {rejected} rejected");
    for (count, name) in [(counts.failed, "failed"), (counts.unknown, "unknown")] {
        if count > 0 {
            text = format!("{text}, {} {name}", HumanCount(count));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(accepted: u64, rejected: u64, failed: u64, seconds: u64) -> Snapshot {
        let elapsed = Duration::from_secs(seconds);
        Snapshot { accepted, rejected, failed, elapsed, ..Snapshot::default() }
    }

    #[test]
    fn both_templates_parse() {
        for template in [WITH_SIZE, WITHOUT_SIZE] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }

    #[test]
    fn the_rate_is_that_since_the_earlier_snapshot() {
        let text = describe(&counts(12_000, 3, 0, 3), &counts(10_000, 3, 0, 1));
        assert_eq!(text, "1000 rows/s, 12,000 accepted, 3 rejected");
        let text = describe(&counts(0, 0, 2, 1), &Snapshot::default());
        assert_eq!(text, "2 rows/s, 0 accepted, 0 rejected, 2 failed");
    }
}
