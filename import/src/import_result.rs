//! What is said at the end of an import, and its exit code.

use std::process::ExitCode;
use std::sync::Arc;

use crate::resume_command::Command;
use crate::tracking::abort::Stop;
use crate::tracking::console::Console;
use crate::tracking::stats::Summary;

/// Exit codes; `--help` tells them. 0 is for imports of which every row was accepted.
mod code {
    /// It ended early, or rows failed or are unknown: sending the file again may help.
    pub const INCOMPLETE: u8 = 1;
    /// Everything was sent, but rows were rejected: sending them again will not help.
    pub const REJECTED: u8 = 3;
    /// There were no rows, which a job that runs by itself should notice.
    pub const NO_ROWS: u8 = 4;
    /// After Ctrl-C, as shells give it.
    pub const INTERRUPTED: u8 = 130;
}

/// How an import ended.
pub struct Conclusion {
    /// The numbers.
    pub(crate) summary: Summary,
    /// Whether and why it ended before the end of the file.
    pub(crate) stop: Arc<Stop>,
    /// Whether somebody asked for that.
    pub(crate) is_interrupted: bool,
    /// How to go on.
    pub(crate) command: Command,
}

impl Conclusion {
    /// Tells the numbers on standard output and what else is to know on standard error.
    pub fn tell(&self, console: &dyn Console) -> ExitCode {
        let counts = &self.summary.counts;
        if let Some(failure) = self.stop.reason() {
            console.eprint(&format_args!("energy-pipeline: {failure:#}"));
        } else if counts.rows() == 0 && !self.is_interrupted {
            console.eprint(&"there are no rows");
        }
        if counts.replayed > 0 {
            let replayed = counts.replayed;
            console.eprint(&format_args!("{replayed} of the accepted rows were there already"));
        }
        if self.stop.is_stopped() {
            let line = counts.last_line;
            console.eprint(&format_args!("ended at line {line}; nothing after it was sent"));
        }
        if let Some(line) = self.next_line() {
            let command = self.command.at_line(line);
            console.eprint(&format_args!("to go on, from line {line}:"));
            console.eprint(&format_args!("  {command}"));
        }
        self.summary.to_string().lines().for_each(|line| console.print(&line));
        self.exit_code().into()
    }

    /// The first line whose row is not settled: all before it are accepted or rejected. Of those after
    /// it that are accepted, too, the service knows the keys; without keys, only those count that
    /// were not sent. `None` when nothing is left, or nothing was settled.
    fn next_line(&self) -> Option<u64> {
        let counts = &self.summary.counts;
        if counts.accepted + counts.rejected == 0 {
            return None;
        }
        let end = (self.stop.is_stopped() && counts.last_line > 0).then(|| counts.last_line + 1);
        let open = counts.first_open_line.filter(|_| self.command.with_keys);
        open.into_iter().chain(end).min()
    }

    fn exit_code(&self) -> u8 {
        let counts = &self.summary.counts;
        if self.is_interrupted {
            code::INTERRUPTED
        } else if self.stop.reason().is_some() || counts.failed + counts.unknown > 0 {
            code::INCOMPLETE
        } else if counts.rejected > 0 {
            code::REJECTED
        } else if counts.rows() == 0 {
            code::NO_ROWS
        } else {
            0
        }
    }
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;
    use clap::{Args, FromArgMatches};
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::arguments::ImportArguments;
    use crate::tracking::stats::Counts;

    fn conclusion(counts: Counts, arguments: &[&str], is_stopped: bool) -> Conclusion {
        let command = ImportArguments::augment_args(clap::Command::new("import"));
        let matches = command.get_matches_from([&["import", "a.csv"], arguments].concat());
        let arguments = ImportArguments::from_arg_matches(&matches).unwrap();
        let stop = Stop::with(&CancellationToken::new());
        if is_stopped {
            stop.because(anyhow!("gave up"));
        }
        Conclusion {
            summary: Summary { counts, rejects: None },
            stop: Arc::new(stop),
            is_interrupted: false,
            command: Command::of("energy-pipeline", &arguments),
        }
    }

    #[test]
    fn exit_codes_tell_what_to_do() {
        let accepted = Counts { accepted: 5, ..Counts::default() };
        for (counts, expected) in [
            (accepted, 0),
            (Counts { rejected: 1, ..accepted }, 3),
            (Counts { rejected: 1, unknown: 1, ..accepted }, 1),
            (Counts { failed: 1, ..accepted }, 1),
            (Counts::default(), 4),
        ] {
            assert_eq!(conclusion(counts, &[], false).exit_code(), expected, "{counts:?}");
        }
        assert_eq!(conclusion(accepted, &[], true).exit_code(), 1);
        let interrupted = Conclusion { is_interrupted: true, ..conclusion(accepted, &[], true) };
        assert_eq!(interrupted.exit_code(), 130);
    }

    #[test]
    fn the_next_line_is_the_first_that_is_not_settled() {
        let at = |last_line, first_open_line| Counts {
            accepted: last_line,
            last_line,
            first_open_line,
            ..Counts::default()
        };
        for (counts, is_stopped, with_keys, without) in [
            (at(9, None), false, None, None),
            (at(9, None), true, Some(10), Some(10)),
            (at(9, Some(4)), true, Some(4), Some(10)),
            (at(9, Some(10)), true, Some(10), Some(10)),
            (at(9, Some(4)), false, Some(4), None),
            (at(0, None), true, None, None),
        ] {
            assert_eq!(conclusion(counts, &[], is_stopped).next_line(), with_keys, "{counts:?}");
            let without_keys = ["--no-idempotency-keys"];
            let conclusion = conclusion(counts, &without_keys, is_stopped);
            assert_eq!(conclusion.next_line(), without, "{counts:?}");
        }
    }
}
