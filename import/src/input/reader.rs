//! Reads the rows of a source, in a thread of its own: reading a file or a terminal blocks.

use std::io;
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::Context;
use tokio::sync::{mpsc, oneshot};

use crate::input::csv::rows::Table;
use crate::input::format::{Format, FormatChoice};
use crate::input::idempotency_keys::Keys;
use crate::input::lines::Lines;
use crate::input::ndjson_rows::Objects;
use crate::input::row::{NextRow, ReadError, Rows};
use crate::input::source::Source;

/// How many rows are read ahead. Too low: senders wait for the file. Too high: memory, up to 64 KiB
/// a row, and the progress by bytes read runs ahead of what is sent.
const READ_AHEAD: usize = 256;

/// Which rows are sent, and how.
#[derive(Debug, Clone, Copy)]
pub struct Which {
    /// The first line of the file whose row is sent.
    pub from_line: u64,
    /// Whether rows have names by which the service knows them again.
    pub with_keys: bool,
}

/// How reading ended.
pub type End = oneshot::Receiver<anyhow::Result<()>>;

/// Begins to read. The thread ends when the rows are dropped, or at the latest with the process: it
/// may wait for a terminal.
///
/// # Errors
/// When the thread cannot be started.
pub fn start(
    source: Source,
    file: PathBuf,
    format: FormatChoice,
    which: Which,
) -> io::Result<(mpsc::Receiver<NextRow>, End)> {
    let (rows, received) = mpsc::channel(READ_AHEAD);
    let (end, ended) = oneshot::channel();
    thread::Builder::new().name("import-reader".to_owned()).spawn(move || {
        // Err means that nobody wants to know any more.
        let read = read(source, &file, format, which, &rows);
        let _ = end.send(read.with_context(|| file.display().to_string()));
    })?;
    Ok((received, ended))
}

fn read(
    source: Source,
    file: &Path,
    format: FormatChoice,
    which: Which,
    rows: &mpsc::Sender<NextRow>,
) -> anyhow::Result<()> {
    let text = source.into_text().map_err(|error| ReadError::after(0, error))?;
    let lines = Lines::new(text.reader);
    match format.decide(file, text.first)? {
        Format::Ndjson => pass_on(Objects::open(lines)?, which, rows)?,
        Format::Csv => {
            if let Some(table) = Table::open(lines)? {
                pass_on(table, which, rows)?;
            }
        }
    }
    Ok(())
}

/// All rows are named, also those that are not sent: a row's name must not depend on where an import
/// begins.
fn pass_on(
    mut source: impl Rows,
    which: Which,
    rows: &mpsc::Sender<NextRow>,
) -> Result<(), ReadError> {
    let mut keys = which.with_keys.then(Keys::default);
    while let Some(mut row) = source.next_row()? {
        if let (Ok(row), Some(keys)) = (&mut row, &mut keys) {
            row.key = Some(keys.next(&row.body));
        }
        let line = row.as_ref().map_or_else(|no_row| no_row.line, |row| row.line);
        if line >= which.from_line && rows.blocking_send(row).is_err() {
            break;
        }
    }
    Ok(())
}
