//! Runs in turns: each subject once, then each again, so that the machine's mood meets all alike.

use std::fmt::{self, Display};
use std::io::{self, IsTerminal, Write};

use crate::cli::{Repeat, RunArguments};
use crate::machine::{self, Machine};
use crate::redis_server::Store;
use crate::report::{Figure, Report};

/// A scenario: what is done to whom, how often. Each subject works with each of the stores.
#[derive(Debug)]
pub struct Turns<'a, Subject> {
    /// What is done, with its numbers.
    pub scenario: String,
    pub subjects: &'a [Subject],
    pub run: &'a RunArguments,
}

/// What came of a scenario.
#[derive(Debug)]
pub struct Outcome {
    /// What was done, with its numbers, and on which store.
    pub scenario: String,
    /// How often.
    pub runs: u32,
    /// Where and when.
    pub machine: Machine,
    pub report: Report,
}

impl Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scenario, runs, machine, report } = self;
        write!(f, "### {scenario}; {runs} runs\n{machine}\n\n{}", report.show())
    }
}

impl<Subject: Display> Turns<'_, Subject> {
    /// Takes all figures.
    ///
    /// # Errors
    /// What the first run that fails says.
    pub async fn take<const FIGURES: usize>(
        &self,
        figures: [Figure; FIGURES],
        measure: impl AsyncFn(&Subject, &Store) -> anyhow::Result<[f64; FIGURES]>,
    ) -> anyhow::Result<Outcome> {
        let stores = self.run.stores().await?;
        let measure = async |&(subject, store): &_| measure(subject, store).await;
        let (scenario, columns) = (self.title(&stores), self.columns(&stores));
        take_turns(scenario, &columns, &self.run.repeat, figures, measure).await
    }

    /// All subjects with all stores; a store is named where there are several.
    fn columns<'a>(&'a self, stores: &'a [Store]) -> Vec<(String, (&'a Subject, &'a Store))> {
        let with = |store: &'a Store| {
            self.subjects.iter().map(move |subject| {
                let title = match stores {
                    [_] => subject.to_string(),
                    _ => format!("{subject}, {store}"),
                };
                (title, (subject, store))
            })
        };
        stores.iter().flat_map(with).collect()
    }

    fn title(&self, stores: &[Store]) -> String {
        match stores {
            [store] => format!("{}; {store}", self.scenario),
            _ => self.scenario.clone(),
        }
    }
}

/// Measures each subject once, then each again; subjects come with their titles.
///
/// # Errors
/// What the first run that fails says.
pub async fn take_turns<Subject, const FIGURES: usize>(
    scenario: String,
    subjects: &[(String, Subject)],
    repeat: &Repeat,
    figures: [Figure; FIGURES],
    measure: impl AsyncFn(&Subject) -> anyhow::Result<[f64; FIGURES]>,
) -> anyhow::Result<Outcome> {
    let (machine, runs) = (Machine::now()?, repeat.runs.get());
    let mut report = Report::new(&figures, subjects.iter().map(|(title, _)| title.clone()));
    for turn in 1..=runs {
        for (number, (title, subject)) in subjects.iter().enumerate() {
            say(format_args!("{scenario}: run {turn} of {runs}, {title}"));
            machine::wait_until_quiet(repeat.patience).await?;
            report.add(number, &measure(subject).await?);
        }
    }
    say("");
    Ok(Outcome { scenario, runs, machine, report })
}

/// Shows progress to a person at the terminal, in one line.
fn say(progress: impl Display) {
    let mut terminal = io::stderr();
    if terminal.is_terminal() {
        // Progress that nobody sees is no failure.
        let _ = write!(terminal, "\r{progress}\x1b[K");
    }
}
