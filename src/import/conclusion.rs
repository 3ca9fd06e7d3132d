//! What is said at the end of an import, and its exit code.

use std::process::ExitCode;
use std::sync::Arc;

use super::report::Summary;
use super::stop::Stop;
use crate::console;

/// Exit code after Ctrl-C, as shells give it.
const INTERRUPTED: u8 = 130;

/// How an import ended.
pub struct Conclusion {
    /// The numbers.
    pub summary: Summary,
    /// Whether and why it ended before the end of the file.
    pub stop: Arc<Stop>,
    /// Whether somebody asked for that.
    pub is_interrupted: bool,
}

impl Conclusion {
    /// Tells the numbers on standard output and what else is to know on standard error. The exit
    /// code is 0 when every row was accepted.
    pub fn tell(&self) -> ExitCode {
        let counts = &self.summary.counts;
        if let Some(failure) = self.stop.reason() {
            console::complain(format_args!("energy-pipeline: {failure:#}"));
        } else if counts.rows() == 0 && !self.is_interrupted {
            console::complain("there are no rows");
        }
        if self.stop.is_stopped() {
            let line = counts.last_line;
            console::complain(format_args!("ended at line {line}; nothing after it was sent"));
        }
        self.summary.to_string().lines().for_each(console::say);
        self.exit_code()
    }

    fn exit_code(&self) -> ExitCode {
        if self.is_interrupted {
            ExitCode::from(INTERRUPTED)
        } else if self.stop.reason().is_some() || !self.summary.counts.all_accepted() {
            ExitCode::FAILURE
        } else {
            ExitCode::SUCCESS
        }
    }
}
