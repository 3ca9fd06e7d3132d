//! Results as rows: what `all` prints, and what `--record` keeps.
//!
//! Two files: `NAME.csv` has all rows, of all machines; `NAME.md` has a text written by hand, and between two marks a
//! summary of a dozen rows a machine, generated from the CSV file. A run replaces the rows of its scenarios on its machine and
//! keeps all others, so the files hold the latest results, and the version control their history.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::Path;

use anyhow::Context;

use crate::interleave::Outcome;
use crate::report::Comparison;
use crate::table;

/// The marks around the generated summary; all other text of the file is written by hand.
const BEGIN: &str = "<!-- summary: written by `bench --record` -->\n";
const END: &str = "<!-- end of summary -->\n";

/// The columns of the CSV file; those after the machine are also the columns that `all` prints.
const COLUMNS: [&str; 10] = [
    "machine",
    "scenario",
    "figure",
    "subject",
    "median (lowest..highest)",
    "compared with",
    "its median (lowest..highest)",
    "ratio, by round",
    "runs",
    "date",
];

/// The summary: scenarios, by the beginning of their names, and the figure of each. Fewer rows leave a scenario out,
/// more make the summary a second full table.
const SUMMARY: [(&str, &str); 12] = [
    ("ingest: 64 connections, as fast as answered", "readings/s"),
    ("ingest: 64 connections, as fast as answered", "own CPU, us a reading"),
    ("ingest: 64 connections, 5000 requests/s", "latency p99, ms"),
    ("drain: 300000 entries of 100 sites", "readings/s"),
    ("drain: 300000 entries of 1000 sites;", "Redis busy"),
    ("drain: 300000 entries of 10000 sites", "readings/s"),
    ("live sites: 10000", "RSS of a live site, kB"),
    ("accept to readable: 64 connections, as fast as answered", "201 to readable p99, ms"),
    ("accept to readable: 64 connections, 5000 requests/s", "201 to readable p99, ms"),
    ("GET of 200000 readings", "readings/s"),
    ("startup of ingestion-api", "start to ready, ms"),
    ("startup of processing-service", "idle RSS, MB"),
];

/// A row has a cell for each of [`COLUMNS`].
type Row = Vec<String>;

/// Positions in [`COLUMNS`].
const MACHINE: usize = 0;
const SCENARIO: usize = 1;
const FIGURE: usize = 2;

/// Prints the outcomes of one machine as one table.
///
/// # Errors
/// When standard output is closed.
pub fn print(outcomes: &[Outcome]) -> io::Result<()> {
    let Some(first) = outcomes.first() else {
        return Ok(());
    };
    let rows = outcomes.iter().flat_map(rows).map(|row| row[SCENARIO..].to_vec()).collect();
    let columns = COLUMNS[SCENARIO..].iter().map(ToString::to_string).collect();
    writeln!(io::stdout(), "{}\n\n{}", first.machine, table::show(columns, rows))
}

/// Replaces the rows of these scenarios in the CSV file beside `summary`, and generates the summary.
///
/// # Errors
/// When a file cannot be read or written.
pub fn write(outcomes: &[Outcome], summary: &Path) -> anyhow::Result<()> {
    let csv = summary.with_extension("csv");
    let mut all = parse(&read(&csv)?).with_context(|| format!("{} is damaged", csv.display()))?;
    for outcome in outcomes {
        replace(&mut all, outcome);
    }
    let document = with_summary(&read(summary)?, &summarize(&all));
    let cannot_write = |path: &Path| format!("cannot record to {}", path.display());
    fs::write(&csv, to_csv(&all)?).with_context(|| cannot_write(&csv))?;
    fs::write(summary, document).with_context(|| cannot_write(summary))
}

/// The document with another summary; without marks, it is appended.
fn with_summary(document: &str, summary: &str) -> String {
    let (before, rest) = document.split_once(BEGIN).unwrap_or((document, END));
    let after = rest.split_once(END).map_or("", |(_, after)| after);
    [before, BEGIN, summary, END, after].concat()
}

/// The text of a file; empty if it does not exist.
fn read(path: &Path) -> anyhow::Result<String> {
    match fs::read_to_string(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(String::new()),
        text => text.with_context(|| format!("cannot read {}", path.display())),
    }
}

fn rows(outcome: &Outcome) -> Vec<Row> {
    let Outcome { scenario, runs, machine, report } = outcome;
    let row = |comparison: Comparison| {
        let Comparison { figure, first, other, of_other, ratio } = comparison;
        let (machine, date) = (machine.name.clone(), machine.date.clone());
        let (scenario, subject, runs) =
            (scenario.clone(), report.first().to_owned(), runs.to_string());
        let figure = figure.to_owned();
        vec![machine, scenario, figure, subject, first, other, of_other, ratio, runs, date]
    };
    report.comparisons().into_iter().map(row).collect()
}

/// Replaces rows in place, so that a difference of two versions shows changed figures only.
fn replace(all: &mut Vec<Row>, outcome: &Outcome) {
    let (machine, scenario) = (&outcome.machine.name, &outcome.scenario);
    let is_old = |row: &Row| row[MACHINE] == *machine && row[SCENARIO] == *scenario;
    let end_of_machine = all.iter().rposition(|row| row[MACHINE] == *machine).map(|last| last + 1);
    let position = all.iter().position(is_old).or(end_of_machine).unwrap_or(all.len());
    all.retain(|row| !is_old(row));
    all.splice(position..position, rows(outcome));
}

fn parse(csv: &str) -> anyhow::Result<Vec<Row>> {
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let rows = reader.records().map(|record| {
        let row: Row = record?.iter().map(ToOwned::to_owned).collect();
        anyhow::ensure!(row.len() == COLUMNS.len(), "a row has {} cells", row.len());
        Ok(row)
    });
    rows.collect()
}

fn to_csv(rows: &[Row]) -> anyhow::Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(COLUMNS)?;
    rows.iter().try_for_each(|row| writer.write_record(row))?;
    Ok(writer.into_inner()?)
}

/// A table for each machine, with the machine's rows of [`SUMMARY`].
fn summarize(all: &[Row]) -> String {
    let mut seen = BTreeSet::new();
    let machines = all.iter().map(|row| &row[MACHINE]).filter(|machine| seen.insert(*machine));
    let sections = machines.map(|machine| {
        let of_machine: Vec<_> = all.iter().filter(|row| row[MACHINE] == *machine).collect();
        format!("\n## {machine}\n\n{}", summary_table(&of_machine))
    });
    sections.collect()
}

fn summary_table(rows: &[&Row]) -> String {
    // Only the first comparison of a figure: that with the plain baseline.
    let find = |(scenario, figure): &(&str, &str)| {
        rows.iter().find(|row| row[SCENARIO].starts_with(scenario) && row[FIGURE] == *figure)
    };
    // Scenario, figure, median, compared with, ratio, date.
    let cells = |row: &&Row| [1, 2, 4, 5, 7, 9].map(|column: usize| row[column].clone()).to_vec();
    let columns = [1, 2, 4, 5, 7, 9].map(|column: usize| COLUMNS[column].to_owned()).to_vec();
    table::show(columns, SUMMARY.iter().filter_map(find).map(cells).collect())
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

    /// Machine, scenario and median of each row of the CSV file.
    fn recorded(summary: &Path) -> Vec<[String; 3]> {
        let text = fs::read_to_string(summary.with_extension("csv")).unwrap();
        let cells = |row: Row| [row[MACHINE].clone(), row[SCENARIO].clone(), row[4].clone()];
        parse(&text).unwrap().into_iter().map(cells).collect()
    }

    #[test]
    fn a_run_replaces_the_rows_of_its_scenario_on_its_machine_only() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("benchmarks.md");
        fs::write(&path, format!("# Text\n\n{BEGIN}old\n{END}\n| a | table |\n")).unwrap();
        write(&[outcome("drain", "A, 2 cores", 1.0), outcome("get", "A, 2 cores", 2.0)], &path)
            .unwrap();
        write(&[outcome("drain", "B", 3.0)], &path).unwrap();
        write(&[outcome("drain", "A, 2 cores", 4.0), outcome("load", "A, 2 cores", 5.0)], &path)
            .unwrap();
        let expected = [
            ["A, 2 cores", "drain", "4 (4..4)"],
            ["A, 2 cores", "get", "2 (2..2)"],
            ["A, 2 cores", "load", "5 (5..5)"],
            ["B", "drain", "3 (3..3)"],
        ];
        assert_eq!(recorded(&path), expected.map(|row| row.map(str::to_owned)));
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("# Text\n\n<!--") && text.ends_with("-->\n\n| a | table |\n"));
        assert!(!text.contains("old"), "{text}");
    }

    #[test]
    fn the_summary_has_the_chosen_figures_of_each_machine() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("new.md");
        let get = outcome("GET of 200000 readings; Redis 7", "A", 1.0);
        write(&[get, outcome("drain: others", "A", 2.0)], &path).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains("## A\n") && text.contains("| GET of 200000 readings; Redis 7 "));
        assert!(!text.contains("drain: others"), "{text}");
    }

    #[test]
    fn the_recorded_results_have_every_row_of_the_summary() {
        let csv = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/benchmarks.csv");
        let all = parse(&fs::read_to_string(csv).unwrap()).unwrap();
        let summary = summarize(&all);
        let rows = summary.lines().filter(|line| line.starts_with("| ")).count() - 1;
        assert_eq!(rows, SUMMARY.len(), "{summary}");
        let text = fs::read_to_string(Path::new(csv).with_extension("md")).unwrap();
        assert!(
            text.contains(&[BEGIN, &summary, END].concat()),
            "the summary differs from the CSV"
        );
    }
}
