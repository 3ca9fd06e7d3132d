//! Runs in turns: each subject once, then each again, so that the machine's mood meets all alike.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

use crate::cli::RunArguments;
use crate::machine;
use crate::report::{Figure, Report};
use crate::service::{Role, Subject};

/// A scenario: what is done to whom, how often.
#[derive(Debug)]
pub struct Turns<'a> {
    /// What is done, with its numbers.
    pub title: String,
    pub role: Role,
    pub subjects: &'a [Subject],
    pub run: &'a RunArguments,
}

impl Turns<'_> {
    /// Takes all figures, and prints the table.
    ///
    /// # Errors
    /// What the first run that fails says.
    pub async fn take<const FIGURES: usize>(
        &self,
        figures: [Figure; FIGURES],
        measure: impl AsyncFn(&Subject) -> anyhow::Result<[f64; FIGURES]>,
    ) -> anyhow::Result<()> {
        let Self { title, role, subjects, run } = self;
        let (machine, turns) = (machine::describe(run.aof).await?, run.runs.get());
        let mut report = Report::new(figures, subjects.iter().map(|subject| subject.title(*role)));
        for turn in 1..=turns {
            for (number, subject) in subjects.iter().enumerate() {
                say(format_args!("{title}: run {turn} of {turns}, {}", subject.title(*role)));
                machine::wait_until_quiet(run.patience).await?;
                report.add(number, measure(subject).await?);
            }
        }
        say("");
        writeln!(io::stdout(), "### {title}; {turns} runs\n{machine}\n\n{report}")?;
        Ok(())
    }
}

/// Shows progress to a person at the terminal, in one line.
fn say(progress: impl Display) {
    let mut terminal = io::stderr();
    if terminal.is_terminal() {
        // Progress that nobody sees is no failure.
        let _ = write!(terminal, "\r{progress}\x1b[K");
    }
}
