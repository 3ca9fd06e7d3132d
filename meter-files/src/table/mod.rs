//! Tables: lines with a separator.

mod fields;
pub mod header;
mod layout;

use std::io::BufRead;

use self::fields::Splitter;
pub use self::layout::Layout;
use crate::error::FileError;
use crate::records::{self, Known, Record, Records};
use crate::shape::Shape;
use crate::text::Text;
use crate::value::Opened;

/// The longest line. Too low: a day of minutes in a line is refused. Too high: memory, if the file has no line ends.
const MAX_LINE_BYTES: u64 = 256 * 1024;

/// A table whose header is known.
pub struct Table {
    /// The names of the columns, and the first rows.
    pub known: Known,
    /// The rows.
    pub rows: Rows,
    /// Where the header is, and what separates columns.
    pub layout: Layout,
}

/// Finds the header, and reads the rows after it.
///
/// # Errors
/// When there is no header, or it is unclear what a column is.
pub fn open(text: Text, shape: &Shape) -> Result<Opened, FileError> {
    let Table { known, rows, layout } = Table::find(text, shape)?;
    layout.open(&known, shape, rows)
}

impl Table {
    /// Finds the header.
    ///
    /// # Errors
    /// When no line is a header.
    pub fn find(text: Text, shape: &Shape) -> Result<Self, FileError> {
        let layout = Layout::find(&text, shape)?;
        let known = layout.known(&text);
        let splitter = Splitter::new(layout.separator);
        let first_row = layout.first_row;
        let rows = Rows { splitter, reader: text.into_reader(), line: 0, first_row };
        Ok(Self { known, rows, layout })
    }
}

impl Layout {
    /// Reads rows of a table with this layout.
    ///
    /// # Errors
    /// When it is unclear what a column is.
    pub fn open(
        &self,
        known: &Known,
        shape: &Shape,
        rows: impl Records + 'static,
    ) -> Result<Opened, FileError> {
        let (reader, mut understood) = records::open(known, shape, rows)?;
        let separator = self.separator;
        let shown = if separator == '\t' { "tabs".to_owned() } else { format!("`{separator}`") };
        understood.kind = format!("a table separated by {shown}");
        understood.header_line = self.header_line;
        Ok((reader, understood))
    }
}

/// The rows of a table.
pub struct Rows {
    splitter: Splitter,
    reader: Box<dyn BufRead + Send>,
    line: u64,
    first_row: u64,
}

impl Rows {
    /// The next line, without its end; `None` at the end of the file.
    fn next_line(&mut self) -> Result<Option<String>, FileError> {
        let mut bytes = Vec::new();
        let failed = |reason| FileError::Read { line: self.line, reason };
        let read =
            std::io::Read::take(&mut self.reader, MAX_LINE_BYTES).read_until(b'\n', &mut bytes);
        if read.map_err(failed)? == 0 {
            return Ok(None);
        }
        self.line += 1;
        if bytes.last() != Some(&b'\n') && bytes.len() as u64 == MAX_LINE_BYTES {
            return Err(FileError::shape(format!(
                "line {} is longer than {MAX_LINE_BYTES} bytes",
                self.line
            )));
        }
        let text = String::from_utf8_lossy(&bytes);
        Ok(Some(text.trim_end_matches(['\n', '\r']).to_owned()))
    }
}

impl Records for Rows {
    fn next_record(&mut self) -> Result<Option<Record>, FileError> {
        while let Some(text) = self.next_line()? {
            if self.line >= self.first_row && !text.trim().is_empty() {
                let fields = self.splitter.split(&text);
                return Ok(Some(Record { line: self.line, text, fields }));
            }
        }
        Ok(None)
    }
}
