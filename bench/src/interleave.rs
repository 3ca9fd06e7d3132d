//! Interleaved runs: each subject once, then each again, so that changes of the machine's speed affect all alike.

use std::fmt::{self, Display};
use std::io::{self, IsTerminal, Write};

use crate::cli::{Repeat, RunArguments};
use crate::machine::{self, Machine};
use crate::redis_server::Store;
use crate::report::{Figure, Report};

/// A scenario with its subjects. Each subject runs with each store.
#[derive(Debug)]
pub struct InterleavedRuns<'a, Subject> {
    /// The title, with parameters.
    pub scenario: String,
    pub subjects: &'a [Subject],
    pub run: &'a RunArguments,
}

/// The results of a scenario.
#[derive(Debug)]
pub struct Outcome {
    /// The title, with parameters and store.
    pub scenario: String,
    /// Number of runs.
    pub runs: u32,
    /// The machine and date.
    pub machine: Machine,
    pub report: Report,
}

impl Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scenario, runs, machine, report } = self;
        write!(f, "### {scenario}; {runs} runs\n{machine}\n\n{}", report.show())
    }
}

impl<Subject: Display> InterleavedRuns<'_, Subject> {
    /// Measures all runs.
    ///
    /// # Errors
    /// That of the first run that fails.
    pub async fn measure<const FIGURES: usize>(
        &self,
        figures: [Figure; FIGURES],
        measure: impl AsyncFn(&Subject, &Store) -> anyhow::Result<[f64; FIGURES]>,
    ) -> anyhow::Result<Outcome> {
        let stores = self.run.stores().await?;
        let measure = async |&(subject, store): &_| measure(subject, store).await;
        let (scenario, columns) = (self.title(&stores), self.columns(&stores));
        interleave(scenario, &columns, &self.run.repeat, figures, measure).await
    }

    /// All subjects with all stores; the store is in the title only if there are several.
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

/// Measures each subject once a round.
///
/// # Errors
/// That of the first run that fails.
pub async fn interleave<Subject, const FIGURES: usize>(
    scenario: String,
    subjects: &[(String, Subject)],
    repeat: &Repeat,
    figures: [Figure; FIGURES],
    measure: impl AsyncFn(&Subject) -> anyhow::Result<[f64; FIGURES]>,
) -> anyhow::Result<Outcome> {
    let (machine, runs) = (Machine::now()?, repeat.runs.get());
    let mut report = Report::new(&figures, subjects.iter().map(|(title, _)| title.clone()));
    for round in 1..=runs {
        for (number, (title, subject)) in subjects.iter().enumerate() {
            print_progress(format_args!("{scenario}: run {round} of {runs}, {title}"));
            machine::wait_until_idle(repeat.patience).await?;
            report.add(number, &measure(subject).await?);
        }
    }
    print_progress("");
    Ok(Outcome { scenario, runs, machine, report })
}

/// Displays progress on a terminal, in one line.
fn print_progress(progress: impl Display) {
    let mut terminal = io::stderr();
    if terminal.is_terminal() {
        // Err means that the terminal is closed.
        let _ = write!(terminal, "\r{progress}\x1b[K");
    }
}
