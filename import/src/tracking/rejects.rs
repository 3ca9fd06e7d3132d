//! Rows that were not accepted, for the person who has to see to them.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};

use crate::tracking::progress::Progress;
use crate::tracking::row_outcome::{Outcome, Reason, Refusal};

/// How many rows are shown on the terminal when no file is named for them. Too low and a pattern is
/// not seen; too high and what was above is gone.
const SHOWN: usize = 10;

/// Where rows go that were not accepted.
pub enum Rejects {
    /// To a file, all of them.
    File(PathBuf, File),
    /// To the terminal, the first ones; how many have been shown.
    Terminal(Progress, usize),
}

/// A line of the file.
#[derive(Serialize)]
struct Entry<'a> {
    line: u64,
    row: &'a str,
    outcome: Outcome,
    reasons: &'a [Reason],
}

/// The place that a line of the file is about.
#[derive(Deserialize)]
struct Place {
    line: u64,
}

impl Rejects {
    /// Creates the file, replacing one that exists, but not `source`. What an earlier import wrote of
    /// lines before `from_line` is kept: those are not sent again.
    ///
    /// # Errors
    /// When it cannot be written, or is the file that is imported.
    pub fn create(
        file: Option<PathBuf>,
        source: &Path,
        from_line: u64,
        progress: Progress,
    ) -> anyhow::Result<Self> {
        let Some(path) = file else { return Ok(Self::Terminal(progress, 0)) };
        let is_source = source
            .canonicalize()
            .is_ok_and(|source| path.canonicalize().is_ok_and(|path| path == source));
        ensure!(!is_source, "--rejects names the file that is imported");
        let file = create_after(&path, from_line)
            .with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self::File(path, file))
    }

    /// The file.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::File(path, _) => Some(path),
            Self::Terminal(..) => None,
        }
    }

    /// Writes a row at once: nothing is lost when the import is broken off.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn add(&mut self, line: u64, row: &str, refusal: &Refusal) -> io::Result<()> {
        match self {
            Self::File(_, file) => {
                let Refusal { outcome, reasons } = refusal;
                let entry = Entry { line, row, outcome: *outcome, reasons };
                let mut entry = serde_json::to_vec(&entry)?;
                entry.push(b'\n');
                file.write_all(&entry)
            }
            Self::Terminal(progress, shown) => {
                *shown += 1;
                show(progress, *shown, line, refusal);
                Ok(())
            }
        }
    }
}

fn create_after(path: &Path, from_line: u64) -> io::Result<File> {
    let kept = if from_line > 1 { entries_before(path, from_line)? } else { String::new() };
    let mut file = File::create(path)?;
    file.write_all(kept.as_bytes())?;
    Ok(file)
}

/// The entries of lines before `line`; none where there is no such file.
fn entries_before(path: &Path, line: u64) -> io::Result<String> {
    let text = match fs::read_to_string(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        text => text?,
    };
    let is_before =
        |entry: &&str| serde_json::from_str(entry).is_ok_and(|Place { line: found }| found < line);
    Ok(text.split_inclusive('\n').filter(is_before).collect())
}

fn show(progress: &Progress, number: usize, line: u64, refusal: &Refusal) {
    if number <= SHOWN {
        let (word, reasons) = (refusal.outcome.word(), refusal.in_words());
        progress.note(format_args!("line {line} {word}: {reasons}"));
    } else if number == SHOWN + 1 {
        progress.note("there are more; --rejects FILE keeps all of them");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn create(path: &Path, from_line: u64) -> Rejects {
        Rejects::create(Some(path.to_owned()), Path::new("-"), from_line, Progress::silent())
            .unwrap()
    }

    #[test]
    fn an_import_that_goes_on_keeps_what_was_written_of_lines_before() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("rejects.ndjson");
        let refusal = Refusal::because(Outcome::Rejected, "missing", "no");
        let lines = || -> Vec<u64> {
            let text = fs::read_to_string(&path).unwrap();
            let line = |entry| serde_json::from_str::<Place>(entry).unwrap().line;
            text.lines().map(line).collect()
        };
        for (from_line, rejected, expected) in
            [(5, &[5, 9, 7][..], &[5, 9, 7][..]), (8, &[8], &[5, 7, 8]), (1, &[], &[])]
        {
            let mut rejects = create(&path, from_line);
            for line in rejected {
                rejects.add(*line, "{}", &refusal).unwrap();
            }
            assert_eq!(lines(), expected, "from line {from_line}");
        }
    }

    #[test]
    fn a_row_is_in_the_file_as_soon_as_it_is_added() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("rejects.ndjson");
        let mut rejects = create(&path, 1);
        let refusal = Refusal::because(Outcome::Unknown, "outcome_unknown", "no answer");
        rejects.add(7, "{\"a\":\"é\"}", &refusal).unwrap();
        assert_eq!(
            fs::read_to_string(&path).unwrap(),
            "{\"line\":7,\"row\":\"{\\\"a\\\":\\\"é\\\"}\",\"outcome\":\"unknown\",\"reasons\":\
             [{\"type\":\"outcome_unknown\",\"loc\":[\"body\"],\"msg\":\"no answer\"}]}\n"
        );
    }

    #[test]
    fn the_file_that_is_imported_is_not_overwritten() {
        let directory = tempfile::tempdir().unwrap();
        let source = directory.path().join("readings.ndjson");
        fs::write(&source, "{}").unwrap();
        let same = directory.path().join(".").join("readings.ndjson");
        assert!(Rejects::create(Some(same), &source, 1, Progress::silent()).is_err());
        assert_eq!(fs::read_to_string(&source).unwrap(), "{}");
    }
}
