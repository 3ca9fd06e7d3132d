//! The result of an import: summary, advice and exit code.

use std::process::ExitCode;
use std::sync::Arc;

use meter_files::report::Report;

use crate::resume_command::ResumeCommand;
use crate::tracking::abort::Abort;
use crate::tracking::console::Console;
use crate::tracking::stats::Summary;

/// Exit codes, as documented by `--help`. 0: every row was accepted.
mod code {
    /// The import was aborted, or rows failed or are unknown: importing the file again may help.
    pub const INCOMPLETE: u8 = 1;
    /// All rows were sent, and some rejected: sending them again will not help.
    pub const REJECTED: u8 = 3;
    /// There were no rows, which a scheduled job should notice.
    pub const NO_ROWS: u8 = 4;
    /// After Ctrl-C, as in shells: 128 + SIGINT.
    pub const INTERRUPTED: u8 = 130;
}

/// How an import ended.
pub struct ImportResult {
    /// The counts.
    pub(crate) summary: Summary,
    /// What came out of an export of a meter.
    pub(crate) report: Option<Report>,
    /// Whether and why it ended before the end of the file.
    pub(crate) abort: Arc<Abort>,
    /// Whether a signal ended it.
    pub(crate) is_interrupted: bool,
    /// The command that continues it.
    pub(crate) resume_command: ResumeCommand,
}

impl ImportResult {
    /// Prints the summary to standard output and advice to standard error, and returns the exit code.
    pub fn report(&self, console: &dyn Console) -> ExitCode {
        let counts = &self.summary.counts;
        if let Some(reason) = self.abort.reason() {
            console.eprint(&format_args!("energy-pipeline: {reason:#}"));
        } else if counts.rows() == 0 && !self.is_interrupted {
            console.eprint(&"the file has no rows");
        }
        if counts.replayed > 0 {
            let replayed = counts.replayed;
            console
                .eprint(&format_args!("{replayed} of the accepted rows had been accepted before"));
        }
        if self.abort.is_aborted() {
            let line = counts.last_line;
            console.eprint(&format_args!("stopped at line {line}; no row after it was sent"));
        }
        if let Some(line) = self.resume_line() {
            console.eprint(&format_args!("to continue from line {line}:"));
            console.eprint(&format_args!("  {}", self.resume_command.at_line(line)));
        }
        for remark in self.report.iter().flat_map(Report::remarks) {
            console.eprint(&remark);
        }
        self.summary.to_string().lines().for_each(|line| console.print(&line));
        if let Some(report) = &self.report {
            report.to_string().lines().for_each(|line| console.print(&line));
        }
        self.exit_code().into()
    }

    /// The line that a further import must start with; `None` when every row is accepted or rejected, or none is.
    ///
    /// With keys, it is the first unsettled line: rows after it that were accepted are replayed, not added. Without
    /// keys they would be added twice, so it is the first line that was not sent.
    pub(crate) fn resume_line(&self) -> Option<u64> {
        let counts = &self.summary.counts;
        if counts.accepted + counts.rejected == 0 {
            return None;
        }
        let has_unsent = self.abort.is_aborted() && counts.last_line > 0;
        // Of a line that becomes several readings, some may not have been sent.
        let is_line_sent = u64::from(!self.resume_command.of_export);
        let first_unsent = has_unsent.then(|| counts.last_line + is_line_sent);
        let first_unsettled = counts.first_unsettled_line.filter(|_| self.resume_command.with_keys);
        first_unsettled.into_iter().chain(first_unsent).min()
    }

    fn exit_code(&self) -> u8 {
        let counts = &self.summary.counts;
        if self.is_interrupted {
            code::INTERRUPTED
        } else if self.abort.reason().is_some() || counts.failed + counts.unknown > 0 {
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
    use crate::tracking::stats::Snapshot;

    fn result(counts: Snapshot, arguments: &[&str], is_aborted: bool) -> ImportResult {
        let command = ImportArguments::augment_args(clap::Command::new("import"));
        let matches = command.get_matches_from([&["import", "a.csv"], arguments].concat());
        let arguments = ImportArguments::from_arg_matches(&matches).unwrap();
        let abort = Abort::linked_to(&CancellationToken::new());
        if is_aborted {
            abort.trigger(anyhow!("gave up"));
        }
        ImportResult {
            summary: Summary { counts, rejects: None },
            report: None,
            abort: Arc::new(abort),
            is_interrupted: false,
            resume_command: ResumeCommand::new("energy-pipeline", &arguments),
        }
    }

    #[test]
    fn the_exit_code_is_that_of_the_worst_row() {
        let accepted = Snapshot { accepted: 5, ..Snapshot::default() };
        for (counts, expected) in [
            (accepted, 0),
            (Snapshot { rejected: 1, ..accepted }, 3),
            (Snapshot { rejected: 1, unknown: 1, ..accepted }, 1),
            (Snapshot { failed: 1, ..accepted }, 1),
            (Snapshot::default(), 4),
        ] {
            assert_eq!(result(counts, &[], false).exit_code(), expected, "{counts:?}");
        }
        assert_eq!(result(accepted, &[], true).exit_code(), 1);
        let interrupted = ImportResult { is_interrupted: true, ..result(accepted, &[], true) };
        assert_eq!(interrupted.exit_code(), 130);
    }

    #[test]
    fn the_import_continues_at_the_first_line_that_is_not_settled() {
        let at = |last_line, first_unsettled_line| Snapshot {
            accepted: last_line,
            last_line,
            first_unsettled_line,
            ..Snapshot::default()
        };
        for (counts, is_aborted, with_keys, without) in [
            (at(9, None), false, None, None),
            (at(9, None), true, Some(10), Some(10)),
            (at(9, Some(4)), true, Some(4), Some(10)),
            (at(9, Some(10)), true, Some(10), Some(10)),
            (at(9, Some(4)), false, Some(4), None),
            (at(0, None), true, None, None),
        ] {
            assert_eq!(result(counts, &[], is_aborted).resume_line(), with_keys, "{counts:?}");
            let without_keys = ["--no-idempotency-keys"];
            let result = result(counts, &without_keys, is_aborted);
            assert_eq!(result.resume_line(), without, "{counts:?}");
        }
    }

    #[test]
    fn an_export_continues_at_the_last_line_that_was_sent_as_more_readings_of_it_may_follow() {
        let counts = Snapshot { accepted: 9, last_line: 9, ..Snapshot::default() };
        assert_eq!(result(counts, &["--site", "house"], true).resume_line(), Some(9));
        assert_eq!(result(counts, &["--site", "house"], false).resume_line(), None);
    }
}
