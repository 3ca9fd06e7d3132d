//! Rows that were not accepted: all of them in a file, or the first few on the terminal.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};

use crate::tracking::progress::Progress;
use crate::tracking::row_outcome::{FailureKind, Reason, RowFailure};

/// How many rows are printed when there is no rejects file. Too low: a pattern is not visible. Too high:
/// earlier output scrolls away.
const MAX_SHOWN: usize = 10;

/// The destination of rows that were not accepted.
pub enum Rejects {
    /// All rows, to a file.
    File(PathBuf, File),
    /// The first rows, to the terminal; with the number of rows so far.
    Terminal(Progress, usize),
}

/// One line of the rejects file.
#[derive(Serialize)]
struct Entry<'a> {
    line: u64,
    row: &'a str,
    outcome: FailureKind,
    reasons: &'a [Reason],
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
}

/// The only field that continuing an import reads from an entry.
#[derive(Deserialize)]
struct EntryLine {
    line: u64,
}

impl Rejects {
    /// Creates the file, or replaces it unless it is `source`. Entries of lines before `from_line` are kept:
    /// those rows are not sent again.
    ///
    /// # Errors
    /// When the file cannot be written, or is the file that is imported.
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

    /// The file, if there is one.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::File(path, _) => Some(path),
            Self::Terminal(..) => None,
        }
    }

    /// Writes a row immediately: a killed import loses no entry.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn add(&mut self, line: u64, row: &str, failure: &RowFailure) -> io::Result<()> {
        match self {
            Self::File(_, file) => {
                let RowFailure { kind, reasons, request_id } = failure;
                let request_id = request_id.as_deref();
                let entry = Entry { line, row, outcome: *kind, reasons, request_id };
                let mut entry = serde_json::to_vec(&entry)?;
                entry.push(b'\n');
                file.write_all(&entry)
            }
            Self::Terminal(progress, shown) => {
                *shown += 1;
                print(progress, *shown, line, failure);
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

/// The entries of lines before `line`; empty if the file does not exist.
fn entries_before(path: &Path, line: u64) -> io::Result<String> {
    let text = match fs::read_to_string(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        text => text?,
    };
    let is_before = |entry: &&str| {
        serde_json::from_str(entry).is_ok_and(|EntryLine { line: found }| found < line)
    };
    Ok(text.split_inclusive('\n').filter(is_before).collect())
}

fn print(progress: &Progress, number: usize, line: u64, failure: &RowFailure) {
    if number <= MAX_SHOWN {
        let (kind, reasons) = (failure.kind.name(), failure.describe());
        // The reason of a rejection is complete; of other failures the service's log knows more.
        let request_id =
            failure.request_id.as_ref().filter(|_| failure.kind != FailureKind::Rejected);
        let request = request_id.map(|id| format!(" (request {id})")).unwrap_or_default();
        progress.print_notice(format_args!("line {line} {kind}: {reasons}{request}"));
    } else if number == MAX_SHOWN + 1 {
        progress.print_notice("further rows are not shown; --rejects FILE keeps all of them");
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
    fn a_continued_import_keeps_the_entries_of_earlier_lines() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("rejects.ndjson");
        let failure = RowFailure::new(FailureKind::Rejected, "missing", "no");
        let lines = || -> Vec<u64> {
            let text = fs::read_to_string(&path).unwrap();
            let line = |entry| serde_json::from_str::<EntryLine>(entry).unwrap().line;
            text.lines().map(line).collect()
        };
        for (from_line, rejected, expected) in
            [(5, &[5, 9, 7][..], &[5, 9, 7][..]), (8, &[8], &[5, 7, 8]), (1, &[], &[])]
        {
            let mut rejects = create(&path, from_line);
            for line in rejected {
                rejects.add(*line, "{}", &failure).unwrap();
            }
            assert_eq!(lines(), expected, "from line {from_line}");
        }
    }

    #[test]
    fn a_row_is_in_the_file_as_soon_as_it_is_added() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("rejects.ndjson");
        let mut rejects = create(&path, 1);
        let failure = RowFailure::new(FailureKind::Unknown, "outcome_unknown", "no answer");
        rejects.add(7, "{\"a\":\"é\"}", &failure).unwrap();
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
