//! Rows that were not accepted, for the person who has to see to them.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use serde::Serialize;

use super::progress::Progress;
use super::verdict::{Outcome, Reason, Refusal};

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

impl Rejects {
    /// Creates the file, replacing one that exists, but not `source`.
    ///
    /// # Errors
    /// When it cannot be written, or is the file that is imported.
    pub fn create(
        file: Option<PathBuf>,
        source: &Path,
        progress: Progress,
    ) -> anyhow::Result<Self> {
        let Some(path) = file else { return Ok(Self::Terminal(progress, 0)) };
        let is_source = source
            .canonicalize()
            .is_ok_and(|source| path.canonicalize().is_ok_and(|path| path == source));
        ensure!(!is_source, "--rejects names the file that is imported");
        let file =
            File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
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

    #[test]
    fn a_row_is_in_the_file_as_soon_as_it_is_added() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("rejects.ndjson");
        let mut rejects =
            Rejects::create(Some(path.clone()), Path::new("-"), Progress::silent()).unwrap();
        let refusal = Refusal::because(Outcome::Unknown, "outcome_unknown", "no answer");
        rejects.add(7, "{\"a\":\"é\"}", &refusal).unwrap();
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            "{\"line\":7,\"row\":\"{\\\"a\\\":\\\"é\\\"}\",\"outcome\":\"unknown\",\"reasons\":\
             [{\"type\":\"outcome_unknown\",\"loc\":[\"body\"],\"msg\":\"no answer\"}]}\n"
        );
    }

    #[test]
    fn the_file_that_is_imported_is_not_overwritten() {
        let directory = tempfile::tempdir().unwrap();
        let source = directory.path().join("readings.ndjson");
        std::fs::write(&source, "{}").unwrap();
        let same = directory.path().join(".").join("readings.ndjson");
        assert!(Rejects::create(Some(same), &source, Progress::silent()).is_err());
        assert_eq!(std::fs::read_to_string(&source).unwrap(), "{}");
    }
}
