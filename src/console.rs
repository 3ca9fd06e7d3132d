//! What is said to the person at the terminal, apart from logs.

use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;

/// Says a line on standard output; that nobody listens there is no failure.
pub fn say(line: impl Display) {
    let mut output = io::stdout().lock();
    let _ = writeln!(output, "{line}").and_then(|()| output.flush());
}

/// Says a line on standard error.
pub fn complain(line: impl Display) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// Says what went wrong and gives the exit code for it.
pub fn fail(error: &anyhow::Error) -> ExitCode {
    complain(format_args!("energy-pipeline: {error:#}"));
    ExitCode::FAILURE
}
