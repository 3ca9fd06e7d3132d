//! The reader thread: reading a file or a terminal blocks.

use std::io;
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::{Context, anyhow};
use meter_files::report::Report;
use readings::rows::lines::Lines;
use tokio::sync::{mpsc, oneshot};

use crate::input::csv::rows::CsvRows;
use crate::input::format::{Format, FormatChoice};
use crate::input::idempotency_keys::IdempotencyKeys;
use crate::input::meter_file::MeterFileRows;
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

/// What came out of an export; `None` of a file of readings.
pub type ReadReport = Option<Report>;

/// Receives the result of reading.
pub type ReadResult = oneshot::Receiver<anyhow::Result<ReadReport>>;

/// A file to read.
pub enum Input {
    /// A file of readings, whose format is detected when it is read.
    Readings(Source, PathBuf, FormatChoice),
    /// An export of a meter or a utility, whose shape is known.
    Export(Box<MeterFileRows>),
}

impl Input {
    /// Its rows; `None` if it has no header.
    ///
    /// # Errors
    /// When its head cannot be read, or shows that it is another file.
    pub fn rows(self) -> anyhow::Result<Option<Box<dyn RowReader>>> {
        let (source, file, format) = match self {
            Self::Readings(source, file, format) => (source, file, format),
            Self::Export(rows) => return Ok(Some(rows)),
        };
        let rows = readings(source, &file, format);
        rows.map_err(|error| match error.downcast_ref() {
            Some(
                ReadError::Truncated { .. } | ReadError::Corrupt { .. } | ReadError::Failed { .. },
            ) => error,
            _ => anyhow!("{error:#} (`--site SITE` reads exports of meters and utilities)"),
        })
    }
}

/// The rows of a file of readings.
fn readings(
    source: Source,
    file: &Path,
    format: FormatChoice,
) -> anyhow::Result<Option<Box<dyn RowReader>>> {
    let text = source.into_text().map_err(|error| ReadError::after(0, error))?;
    let lines = Lines::new(text.reader);
    Ok(match format.decide(file, text.first)? {
        Format::Ndjson => Some(Box::new(NdjsonRows::open(lines)?)),
        Format::Csv => CsvRows::open(lines)?.map(|rows| Box::new(rows) as _),
    })
}

/// Starts the reader thread. It ends when the receiver of the rows is dropped, or with the process if it waits for a
/// terminal. Errors name `file`.
///
/// # Errors
/// When the thread cannot be started.
pub fn start(
    input: Input,
    file: PathBuf,
    options: ReadOptions,
) -> io::Result<(mpsc::Receiver<ParsedRow>, ReadResult)> {
    let (rows, received) = mpsc::channel(READ_AHEAD);
    let (result, read_result) = oneshot::channel();
    thread::Builder::new().name("import-reader".to_owned()).spawn(move || {
        let read = read(input, options, &rows);
        // Err means that the import was aborted and dropped the receiver.
        let _ = result.send(read.with_context(|| file.display().to_string()));
    })?;
    Ok((received, read_result))
}

fn read(
    input: Input,
    options: ReadOptions,
    queue: &mpsc::Sender<ParsedRow>,
) -> anyhow::Result<ReadReport> {
    let Some(mut rows) = input.rows()? else { return Ok(None) };
    enqueue(&mut *rows, options, queue)?;
    Ok(rows.report())
}

/// Reads all rows, and queues those to send. Every row gets its key, also those before `from_line`: a key counts equal
/// rows before it, and must not depend on the line where an import starts.
fn enqueue(
    rows: &mut dyn RowReader,
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
