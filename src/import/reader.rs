//! Reads the rows of a source, in a thread of its own: reading a file or a terminal blocks.

use std::io;
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::Context;
use tokio::sync::{mpsc, oneshot};

use super::format::{Format, FormatChoice};
use super::lines::Lines;
use super::rows::{NextRow, Objects, ReadError, Rows};
use super::source::Source;
use super::table::Table;

/// How many rows are read ahead. Too low: senders wait for the file. Too high: memory, up to 64 KiB
/// a row, and the progress by bytes read runs ahead of what is sent.
const READ_AHEAD: usize = 256;

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
) -> io::Result<(mpsc::Receiver<NextRow>, End)> {
    let (rows, received) = mpsc::channel(READ_AHEAD);
    let (end, ended) = oneshot::channel();
    thread::Builder::new().name("import-reader".to_owned()).spawn(move || {
        // Err means that nobody wants to know any more.
        let read = read(source, &file, format, &rows);
        let _ = end.send(read.with_context(|| file.display().to_string()));
    })?;
    Ok((received, ended))
}

fn read(
    source: Source,
    file: &Path,
    format: FormatChoice,
    rows: &mpsc::Sender<NextRow>,
) -> anyhow::Result<()> {
    let text = source.into_text().map_err(|error| ReadError::after(0, error))?;
    let lines = Lines::new(text.reader);
    match format.decide(file, text.first)? {
        Format::Ndjson => pass_on(Objects(lines), rows)?,
        Format::Csv => {
            if let Some(table) = Table::open(lines)? {
                pass_on(table, rows)?;
            }
        }
    }
    Ok(())
}

fn pass_on(mut source: impl Rows, rows: &mpsc::Sender<NextRow>) -> Result<(), ReadError> {
    while let Some(row) = source.next_row()? {
        if rows.blocking_send(row).is_err() {
            break;
        }
    }
    Ok(())
}
