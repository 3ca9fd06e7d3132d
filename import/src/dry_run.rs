//! `--dry-run`: what would be sent.

use std::process::ExitCode;

use meter_files::report::Report;

use crate::input::reader::Input;
use crate::input::row::{ReadError, RowReader};
use crate::tracking::console::Console;

/// How many rows are printed. Too low: the first day is not visible. Too high: the summary scrolls away.
const SHOWN_ROWS: u64 = 10;

/// All rows were read, and some are invalid: the code that the import would have (`import --help`).
const REJECTED: u8 = 3;
const NO_ROWS: u8 = 4;

/// What reading a file without sending it has shown.
#[derive(Default)]
struct Counts {
    rows: u64,
    rejected: u64,
}

/// Reads the whole file, prints the first rows as they would be sent, and what came out of it.
///
/// # Errors
/// When the file cannot be read.
pub fn run(input: Input, console: &dyn Console) -> anyhow::Result<ExitCode> {
    let mut counts = Counts::default();
    let mut rows = input.rows()?;
    if let Some(rows) = &mut rows {
        counts.add(&mut **rows, console)?;
    }
    let report = rows.and_then(|rows| rows.report());
    counts.print(report.as_ref(), console);
    Ok(match counts {
        Counts { rejected: 1.., .. } => REJECTED.into(),
        Counts { rows: 0, .. } => NO_ROWS.into(),
        Counts { .. } => ExitCode::SUCCESS,
    })
}

impl Counts {
    fn add(&mut self, rows: &mut dyn RowReader, console: &dyn Console) -> Result<(), ReadError> {
        while let Some(row) = rows.next_row()? {
            self.rows += 1;
            match row {
                Ok(row) if self.rows <= SHOWN_ROWS => console.print(&row.body),
                Ok(_) => {}
                Err(row) => {
                    self.rejected += 1;
                    if self.rejected <= SHOWN_ROWS {
                        console.eprint(&format_args!("line {} rejected: {}", row.line, row.error));
                    }
                }
            }
        }
        Ok(())
    }

    fn print(&self, report: Option<&Report>, console: &dyn Console) {
        console.print(&format_args!("rows      {}", self.rows));
        console.print(&format_args!("rejected  {}", self.rejected));
        for line in report.map(ToString::to_string).iter().flat_map(|report| report.lines()) {
            console.print(&line);
        }
        for remark in report.map(Report::remarks).unwrap_or_default() {
            console.eprint(&remark);
        }
        console.eprint(&"nothing was sent (--dry-run)");
    }
}
