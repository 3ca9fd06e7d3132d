//! Outcomes as rows of one table: what `all` prints, and what stays in a Markdown file.
//!
//! In the file each machine has a table. A run replaces the rows of its scenarios there and leaves
//! all others: the file says what holds now, and its history is in the version control.

use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::Path;

use anyhow::Context;

use crate::interleave::Outcome;
use crate::report::Comparison;
use crate::table;

/// What comes before the tables; all of the file after it is written by the bench.
const MARK: &str = "<!-- below: written by `bench --record` -->";

const HEAD: [&str; 9] = [
    "scenario",
    "figure",
    "subject",
    "median (lowest..highest)",
    "compared with",
    "its median (lowest..highest)",
    "ratio, by turn",
    "runs",
    "date",
];

type Row = Vec<String>;

/// The rows of a machine.
#[derive(Debug, PartialEq, Eq)]
struct Section {
    machine: String,
    rows: Vec<Row>,
}

/// Shows outcomes of one machine as one table.
///
/// # Errors
/// When nobody reads it.
pub fn print(outcomes: &[Outcome]) -> io::Result<()> {
    let Some(first) = outcomes.first() else {
        return Ok(());
    };
    let rows = outcomes.iter().flat_map(rows).collect();
    writeln!(io::stdout(), "{}\n\n{}", first.machine, show(rows))
}

/// Puts outcomes into a file in the place of earlier ones of the same scenarios.
///
/// # Errors
/// When it cannot be read or written.
pub fn write(outcomes: &[Outcome], path: &Path) -> anyhow::Result<()> {
    let named = || format!("cannot record to {}", path.display());
    let text = match fs::read_to_string(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        text => text.with_context(named)?,
    };
    let (before, mut sections) = parse(&text);
    for outcome in outcomes {
        replace(&mut sections, outcome);
    }
    fs::write(path, whole(before, sections)).with_context(named)
}

fn rows(outcome: &Outcome) -> Vec<Row> {
    let Outcome { scenario, runs, machine, report } = outcome;
    let row = |comparison: Comparison| {
        let Comparison { figure, first, other, of_other, ratio } = comparison;
        let (subject, runs) = (report.first().to_owned(), runs.to_string());
        let (scenario, date) = (scenario.clone(), machine.date.clone());
        vec![scenario, figure.to_owned(), subject, first, other, of_other, ratio, runs, date]
    };
    report.comparisons().into_iter().map(row).collect()
}

fn replace(sections: &mut Vec<Section>, outcome: &Outcome) {
    let (machine, new) = (&outcome.machine.name, rows(outcome));
    let Some(section) = sections.iter_mut().find(|section| section.machine == *machine) else {
        sections.push(Section { machine: machine.clone(), rows: new });
        return;
    };
    let is_old = |row: &Row| row[0] == outcome.scenario;
    let place = section.rows.iter().position(is_old).unwrap_or(section.rows.len());
    section.rows.retain(|row| !is_old(row));
    section.rows.splice(place..place, new);
}

/// What a person wrote, and the tables.
fn parse(text: &str) -> (&str, Vec<Section>) {
    let (before, after) = text.split_once(MARK).unwrap_or((text, ""));
    let mut sections: Vec<Section> = Vec::new();
    for line in after.lines() {
        if let Some(machine) = line.strip_prefix("## ") {
            sections.push(Section { machine: machine.to_owned(), rows: Vec::new() });
        } else if let (Some(section), Some(row)) = (sections.last_mut(), parse_row(line)) {
            section.rows.push(row);
        }
    }
    (before, sections)
}

/// `None` when a line is no row of figures.
fn parse_row(line: &str) -> Option<Row> {
    let cells = line.strip_prefix('|')?.strip_suffix('|')?.split('|');
    let cells: Row = cells.map(|cell| cell.trim().to_owned()).collect();
    let is_figure = cells.len() == HEAD.len() && cells[0] != HEAD[0] && !cells[0].starts_with('-');
    is_figure.then_some(cells)
}

fn whole(before: &str, sections: Vec<Section>) -> String {
    let shown = sections.into_iter().map(|Section { machine, rows }| {
        let table = show(rows);
        format!("\n## {machine}\n\n{table}")
    });
    let shown: String = shown.collect();
    format!("{before}{MARK}\n{shown}")
}

fn show(rows: Vec<Row>) -> String {
    table::show(HEAD.map(str::to_owned).to_vec(), rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::Machine;
    use crate::report::{Figure, Report};

    fn outcome(scenario: &str, machine: &str, rate: f64) -> Outcome {
        let titles = ["ours", "plain"].map(str::to_owned);
        let mut report = Report::new(&[Figure::new("readings/s", 0)], titles);
        report.add(0, &[rate]);
        report.add(1, &[10.0]);
        let machine = Machine {
            name: machine.to_owned(),
            date: "2026-01-01 00:00 UTC".to_owned(),
            load: "0.00".to_owned(),
        };
        Outcome { scenario: scenario.to_owned(), runs: 1, machine, report }
    }

    /// Scenario and median of each row, with its machine.
    fn recorded(path: &Path) -> Vec<[String; 3]> {
        let text = fs::read_to_string(path).unwrap();
        let of = |Section { machine, rows }: Section| {
            rows.into_iter().map(move |row| [machine.clone(), row[0].clone(), row[3].clone()])
        };
        parse(&text).1.into_iter().flat_map(of).collect()
    }

    #[test]
    fn a_run_replaces_the_rows_of_its_scenario_on_its_machine_only() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("benchmarks.md");
        fs::write(&path, format!("# Text\n\n| a | table |\n\n{MARK}\n")).unwrap();
        write(&[outcome("drain", "A", 1.0), outcome("get", "A", 2.0)], &path).unwrap();
        write(&[outcome("drain", "B", 3.0)], &path).unwrap();
        write(&[outcome("drain", "A", 4.0), outcome("load", "A", 5.0)], &path).unwrap();
        let wanted = [
            ["A", "drain", "4 (4..4)"],
            ["A", "get", "2 (2..2)"],
            ["A", "load", "5 (5..5)"],
            ["B", "drain", "3 (3..3)"],
        ];
        assert_eq!(recorded(&path), wanted.map(|row| row.map(str::to_owned)));
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("# Text\n\n| a | table |\n\n<!--"), "{text}");
    }

    #[test]
    fn a_file_that_is_not_there_is_made() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("new.md");
        write(&[outcome("drain", "A", 1.0)], &path).unwrap();
        assert_eq!(recorded(&path).len(), 1);
    }
}
