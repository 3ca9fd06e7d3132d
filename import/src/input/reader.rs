//! The reader thread: reading a file or a terminal blocks.

use std::io;
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::Context;
use readings::rows::lines::Lines;
use tokio::sync::{mpsc, oneshot};

use crate::input::csv::rows::CsvRows;
use crate::input::format::{Format, FormatChoice};
use crate::input::idempotency_keys::IdempotencyKeys;
use crate::input::ndjson_rows::NdjsonRows;
use crate::input::row::{ParsedRow, ReadError, RowReader};
use crate::input::source::Source;

/// How many rows are read ahead. Too low: workers wait for the file. Too high: memory, up to 64 KiB a row, and the
/// progress, which counts bytes read, runs ahead of the rows sent.
const READ_AHEAD: usize = 256;

/// Which rows are sent, and how.
#[derive(Debug, Clone, Copy)]
pub struct ReadOptions {
    /// Rows that start before this line (from 1) are read, but not sent.
    pub from_line: u64,
    /// Whether rows get idempotency keys.
    pub with_keys: bool,
}

/// Receives the result of reading.
pub type ReadResult = oneshot::Receiver<anyhow::Result<()>>;

/// Starts the reader thread. It ends when the receiver of the rows is dropped, or with the process if it waits for a
/// terminal.
///
/// # Errors
/// When the thread cannot be started.
pub fn start(
    source: Source,
    file: PathBuf,
    format: FormatChoice,
    options: ReadOptions,
) -> io::Result<(mpsc::Receiver<ParsedRow>, ReadResult)> {
    let (rows, received) = mpsc::channel(READ_AHEAD);
    let (result, read_result) = oneshot::channel();
    thread::Builder::new().name("import-reader".to_owned()).spawn(move || {
        let read = read(source, &file, format, options, &rows);
        // Err means that the import was aborted and dropped the receiver.
        let _ = result.send(read.with_context(|| file.display().to_string()));
    })?;
    Ok((received, read_result))
}

fn read(
    source: Source,
    file: &Path,
    format: FormatChoice,
    options: ReadOptions,
    queue: &mpsc::Sender<ParsedRow>,
) -> anyhow::Result<()> {
    let text = source.into_text().map_err(|error| ReadError::after(0, error))?;
    let lines = Lines::new(text.reader);
    match format.decide(file, text.first)? {
        Format::Ndjson => enqueue(NdjsonRows::open(lines)?, options, queue)?,
        Format::Csv => {
            if let Some(rows) = CsvRows::open(lines)? {
                enqueue(rows, options, queue)?;
            }
        }
    }
    Ok(())
}

/// Reads all rows, and queues those to send. Every row gets its key, also those before `from_line`: a key counts equal
/// rows before it, and must not depend on the line where an import starts.
fn enqueue(
    mut rows: impl RowReader,
    options: ReadOptions,
    queue: &mpsc::Sender<ParsedRow>,
) -> Result<(), ReadError> {
    let mut keys = options.with_keys.then(IdempotencyKeys::default);
    while let Some(mut row) = rows.next_row()? {
        if let (Ok(row), Some(keys)) = (&mut row, &mut keys) {
            row.key = Some(keys.next(&row.body));
        }
        let line = row.as_ref().map_or_else(|invalid| invalid.line, |row| row.line);
        // Err means that the import was aborted.
        if line >= options.from_line && queue.blocking_send(row).is_err() {
            break;
        }
    }
    Ok(())
}
