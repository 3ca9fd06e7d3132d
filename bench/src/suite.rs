//! All scenarios in one table. Each is a command line that can be run alone.

use std::io::{self, Write};
use std::num::NonZeroU32;

use anyhow::{bail, ensure};
use clap::Parser;

use crate::cli::{AllArguments, Cli, Command, Scenario};
use crate::interleave::Outcome;
use crate::target::BatchUnsupported;

const FULL: &[&str] = &[
    "startup",
    "ingest",
    "ingest --rate 5000",
    "ingest --batch 1000 --connections 4",
    "drain --sites 100 --aof off --aof everysec",
    "drain --sites 1000",
    "drain --sites 1000 --skew 1",
    "drain --sites 10000",
    "drain --replicas 1 --replicas 2 --replicas 4",
    "drain --partitions 1 --partitions 4 --partitions 16",
    "drain --partitions 12 --masters 1 --masters 3",
    "live-sites --sites 10000",
    "end-to-end",
    "end-to-end --rate 5000",
    "get --readings 10000 --readings 200000 --readings 1000000",
];

const QUICK: &[&str] = &[
    "startup",
    "ingest --seconds 1",
    "ingest --seconds 1 --batch 1000 --connections 4",
    "drain --entries 100000 --sites 100",
    "drain --entries 100000 --sites 10000",
    "drain --entries 100000 --replicas 1 --replicas 2",
    "drain --entries 100000 --partitions 1 --partitions 4",
    "live-sites --sites 5000",
    "end-to-end --seconds 1",
    "end-to-end --seconds 1 --rate 5000",
    "get --readings 100000",
];

/// The outcomes of a scenario.
pub type Outcomes = anyhow::Result<Vec<Outcome>>;

/// Runs all scenarios. A failed one does not stop the others: returns all outcomes, and the failures.
///
/// # Errors
/// When a scenario's command line is invalid.
pub async fn run(
    arguments: &AllArguments,
    measure: impl AsyncFn(Scenario) -> Outcomes,
) -> anyhow::Result<(Vec<Outcome>, Vec<String>)> {
    let (mut outcomes, mut failures) = (Vec::new(), Vec::new());
    for line in if arguments.quick { QUICK } else { FULL } {
        match measure(scenario(line, arguments)?).await {
            Ok(more) => outcomes.extend(more),
            // The contract has no batches: another implementation without them has not failed.
            Err(error) if error.is::<BatchUnsupported>() => {
                writeln!(io::stderr(), "{line}: {error}")?;
            }
            Err(error) => failures.push(format!("{line}: {error:#}")),
        }
    }
    Ok((outcomes, failures))
}

/// A command line with the options common to all.
fn scenario(line: &str, arguments: &AllArguments) -> anyhow::Result<Scenario> {
    let AllArguments { quick, runs, patience, programs } = arguments;
    let default = if *quick { 3 } else { 5 };
    let runs = runs.map_or(default, NonZeroU32::get);
    let mut words: Vec<_> = format!("bench {line}").split(' ').map(Into::into).collect();
    words.extend([
        format!("--runs={runs}").into(),
        format!("--patience={}", patience.as_secs()).into(),
    ]);
    for program in &programs.program {
        words.extend(["--program".into(), program.clone().into_os_string()]);
    }
    if let Some(original) = &programs.original {
        words.extend(["--original".into(), original.into()]);
    }
    let command = Cli::try_parse_from(words)?.command;
    let Command::Scenario(scenario) = command else {
        bail!("{line} is not a scenario");
    };
    Ok(scenario)
}

/// Reports failed scenarios.
///
/// # Errors
/// When there are any.
pub fn check_failures(failures: &[String]) -> anyhow::Result<()> {
    ensure!(failures.is_empty(), "{} scenarios failed:\n{}", failures.len(), failures.join("\n"));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_is_a_scenario() {
        for quick in [false, true] {
            let all = ["bench", "all", "--program", "a", "--original", "b {port}", "--quick"];
            let all = Cli::try_parse_from(&all[..if quick { 7 } else { 6 }]).unwrap();
            let Command::All(arguments) = all.command else { panic!("`all` is another command") };
            assert_eq!(arguments.quick, quick);
            for line in FULL.iter().chain(QUICK) {
                scenario(line, &arguments).unwrap();
            }
        }
    }
}
