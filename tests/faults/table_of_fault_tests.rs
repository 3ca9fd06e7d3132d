//! `docs/fault-tests.md` has every fault test, and what was seen when they were last run for it.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

use crate::common::files;

const DOCUMENT: &str = "docs/fault-tests.md";

/// Tests that break something but are older than `tests/faults`.
const ELSEWHERE: [&str; 6] = [
    "killed_processing_service",
    "actor_panic",
    "consumer_group",
    "redis_unavailable",
    "slow_clients",
    "termination",
];

const HEAD: &str = "\
# Fault tests
Made by `make fault-tests`, which runs them and writes down what was seen. A test's name says what must
hold; `FAULT_SEED` and `SEED` choose other chains of faults. Seconds are wall clock, four tests at a time.
";

/// A file of tests.
struct Suite {
    module: String,
    /// What its first lines say.
    about: String,
    tests: Vec<String>,
}

/// What was seen of a test, by its path.
type Seen = BTreeMap<String, (String, String)>;

#[test]
fn the_table_of_fault_tests_is_that_of_the_tests() {
    let present = fs::read_to_string(files::path(DOCUMENT)).unwrap_or_default();
    let seen = match std::env::var("FAULT_RUN") {
        Ok(report) => seen_in_report(&fs::read_to_string(report).unwrap()),
        Err(_) => seen_in_document(&present),
    };
    let current = document(&suites(), &seen);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(files::path(DOCUMENT), current).unwrap();
        return;
    }
    assert_eq!(present, current, "run `make fault-tests`");
}

/// The table of faults in `docs/delivery-guarantees.md` names the tests of each.
#[test]
fn every_fault_of_the_catalogue_has_tests_that_there_are() {
    let suites = suites();
    let text = files::text("docs/delivery-guarantees.md");
    let rows: Vec<_> = text.lines().filter(|line| line.starts_with("| F")).collect();
    let numbers: Vec<_> = rows.iter().map(|row| row.split('|').nth(1).unwrap().trim()).collect();
    assert_eq!(numbers, (1..=35).map(|n| format!("F{n}")).collect::<Vec<_>>());
    for row in rows {
        let tests = row.trim_end_matches('|').rsplit('|').next().unwrap();
        let names: Vec<_> = tests.split('`').skip(1).step_by(2).collect();
        assert!(!names.is_empty(), "no test in {row}");
        for name in names {
            let is_there = |suite: &Suite| suite.module.trim_start_matches("faults::") == name;
            assert!(suites.iter().any(is_there), "there is no {name}: {row}");
        }
    }
}

fn suites() -> Vec<Suite> {
    let directory = fs::read_dir(files::path("tests/faults")).unwrap();
    let mut paths: Vec<PathBuf> = directory.map(|entry| entry.unwrap().path()).collect();
    paths.extend(ELSEWHERE.map(|name| files::path(&format!("tests/{name}.rs"))));
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "rs"));
    paths.sort();
    let mut suites: Vec<_> = paths.iter().map(suite).collect();
    // This file breaks nothing, and its own end is not known while it writes.
    suites.retain(|suite| !suite.tests.is_empty() && suite.module != module_of_this_file());
    suites
}

fn module_of_this_file() -> &'static str {
    module_path!().trim_start_matches("black_box::")
}

fn suite(path: &PathBuf) -> Suite {
    let text = fs::read_to_string(path).unwrap();
    let name = path.file_stem().unwrap().to_str().unwrap();
    let is_fault = path.parent().is_some_and(|parent| parent.ends_with("faults"));
    let module = if is_fault { format!("faults::{name}") } else { name.to_owned() };
    let about = text.lines().map_while(|line| line.strip_prefix("//!")).map(str::trim);
    let about = about.take_while(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
    let tests = text.lines().zip(text.lines().skip(1)).filter_map(|(attribute, function)| {
        let is_test = attribute.starts_with("#[tokio::test") || attribute == "#[test]";
        let name = function.trim_start_matches("async ").strip_prefix("fn ")?;
        is_test.then(|| name.split('(').next().unwrap().to_owned())
    });
    Suite { module, about, tests: tests.collect() }
}

fn document(suites: &[Suite], seen: &Seen) -> String {
    let mut text = HEAD.to_owned();
    for Suite { module, about, tests } in suites {
        write!(text, "\n**{module}**: {about}\n\n| Test | Seen | Seconds |\n|---|---|---|\n")
            .unwrap();
        for test in tests {
            let unknown = ("-".to_owned(), "-".to_owned());
            let (result, seconds) = seen.get(&format!("{module}::{test}")).unwrap_or(&unknown);
            writeln!(text, "| {} | {result} | {seconds} |", test.replace('_', " ")).unwrap();
        }
    }
    text
}

/// Lines such as `test faults::poison::a_test ... ok <1.234s>`.
fn seen_in_report(report: &str) -> Seen {
    let line = |line: &str| {
        let (test, result) = line.strip_prefix("test ")?.split_once(" ... ")?;
        let (result, seconds) = result.split_once(" <")?;
        let seconds: f64 = seconds.strip_suffix("s>")?.parse().ok()?;
        Some((test.to_owned(), (result.to_owned(), format!("{seconds:.1}"))))
    };
    report.lines().filter_map(line).collect()
}

fn seen_in_document(document: &str) -> Seen {
    let mut module = "";
    let mut seen = Seen::new();
    for line in document.lines() {
        if let Some((name, _)) = line.strip_prefix("**").and_then(|line| line.split_once("**")) {
            module = name;
        } else if let [_, test, result, seconds, _] = line.split('|').collect::<Vec<_>>()[..] {
            let path = format!("{module}::{}", test.trim().replace(' ', "_"));
            seen.insert(path, (result.trim().to_owned(), seconds.trim().to_owned()));
        }
    }
    seen
}
