//! Shows on standard error how far an import is: a bar on a terminal, elsewhere a line now and then.

use std::collections::VecDeque;
use std::fmt::Display;
use std::io::{self, IsTerminal};
use std::time::Duration;

use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::input::source::Meter;
use crate::tracking::console::Console;
use crate::tracking::stats::{Counter, Counts};

/// How often the bar is drawn. Too low: drawing costs more than it tells. Too high: it looks stuck.
const BAR_EVERY: Duration = Duration::from_millis(200);

/// How often a line is written where there is no terminal. Too low: logs are full of it. Too high:
/// nobody knows whether it goes on.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Over how many drawings the rate of the bar is taken (5 s). Too low: it flickers. Too high: it
/// shows an outage late.
const RATE_WINDOW: usize = 25;

/// What is drawn for a file.
const WITH_SIZE: &str = "{msg} {wide_bar} {percent}%, {eta} left";

/// What is drawn for a pipe.
const WITHOUT_SIZE: &str = "{spinner} {msg}, {elapsed}";

/// The display; clones share it.
#[derive(Clone)]
pub struct Progress {
    bar: Option<ProgressBar>,
    meter: Meter,
    console: &'static dyn Console,
}

impl Progress {
    /// A bar if standard error is a terminal, else lines.
    pub fn new(meter: Meter, console: &'static dyn Console) -> Self {
        let bar = io::stderr().is_terminal().then(|| bar(&meter));
        Self { bar, meter, console }
    }

    /// A display for tests.
    #[cfg(test)]
    pub fn silent() -> Self {
        let (bar, meter) = (Some(ProgressBar::hidden()), Meter::default());
        Self { bar, meter, console: &crate::tracking::console::Silent }
    }

    /// Says a line without disturbing the bar.
    pub fn note(&self, text: impl Display) {
        let note = || self.console.eprint(&text);
        match &self.bar {
            Some(bar) => bar.suspend(note),
            None => note(),
        }
    }

    /// Shows the numbers until `end`.
    pub async fn show(&self, counter: &Counter, end: &CancellationToken) {
        let period = if self.bar.is_some() { BAR_EVERY } else { LINE_EVERY };
        let mut ticks = interval(period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks.tick().await; // comes at once
        let mut window = VecDeque::from([Counts::default()]);
        if self.bar.is_some() {
            self.draw(&counter.counts(), &mut window);
        }
        while end.run_until_cancelled(ticks.tick()).await.is_some() {
            self.draw(&counter.counts(), &mut window);
        }
        match &self.bar {
            Some(bar) => bar.finish_and_clear(),
            // Without rows there is nothing to tell but why.
            None if counter.counts().rows() == 0 => {}
            None => self.console.eprint(&self.line(&counter.counts(), &Counts::default())),
        }
    }

    fn draw(&self, counts: &Counts, window: &mut VecDeque<Counts>) {
        let earlier = window.front().copied().unwrap_or_default();
        match &self.bar {
            None => self.console.eprint(&self.line(counts, &earlier)),
            Some(bar) => {
                bar.set_message(in_words(counts, &earlier));
                bar.set_position(self.meter.read());
            }
        }
        window.push_back(*counts);
        let length = if self.bar.is_some() { RATE_WINDOW } else { 1 };
        if window.len() > length {
            window.pop_front();
        }
    }

    fn line(&self, counts: &Counts, earlier: &Counts) -> String {
        let words = in_words(counts, earlier);
        match self.meter.size() {
            Some(size) if size > 0 => format!("{}%, {words}", self.meter.read() * 100 / size),
            _ => words,
        }
    }
}

fn bar(meter: &Meter) -> ProgressBar {
    let (bar, template) = match meter.size() {
        Some(size) => (ProgressBar::new(size), WITH_SIZE),
        None => (ProgressBar::new_spinner(), WITHOUT_SIZE),
    };
    // Never Err: a test holds that these are templates.
    let style = ProgressStyle::with_template(template);
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn in_words(counts: &Counts, earlier: &Counts) -> String {
    let rate = counts.rate_since(earlier);
    let (accepted, rejected) = (HumanCount(counts.accepted), HumanCount(counts.rejected));
    let mut words = format!("{rate:.0} rows/s, {accepted} accepted, {rejected} rejected");
    for (count, word) in [(counts.failed, "failed"), (counts.unknown, "unknown")] {
        if count > 0 {
            words = format!("{words}, {} {word}", HumanCount(count));
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(accepted: u64, rejected: u64, failed: u64, seconds: u64) -> Counts {
        let elapsed = Duration::from_secs(seconds);
        Counts { accepted, rejected, failed, elapsed, ..Counts::default() }
    }

    #[test]
    fn the_templates_are_templates() {
        for template in [WITH_SIZE, WITHOUT_SIZE] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }

    #[test]
    fn words_tell_the_rate_since_the_last_ones() {
        let words = in_words(&counts(12_000, 3, 0, 3), &counts(10_000, 3, 0, 1));
        assert_eq!(words, "1000 rows/s, 12,000 accepted, 3 rejected");
        let words = in_words(&counts(0, 0, 2, 1), &Counts::default());
        assert_eq!(words, "2 rows/s, 0 accepted, 0 rejected, 2 failed");
    }
}
