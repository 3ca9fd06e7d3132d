//! CSV records: their lines and fields.
//!
//! A record spans several lines when a quoted field does. An unclosed quotation mark would turn the rest of the file
//! into one record; so only the first line of an invalid record is rejected, and parsing resumes at the second.

use std::collections::VecDeque;
use std::io::{self, BufRead};

use super::quotes::QuoteState;
use crate::rows::RowError;
use crate::rows::lines::{Line, Lines, MAX_LINE_BYTES};

/// The most bytes of a record with its line ends, as of a line.
const MAX_RECORD_BYTES: usize = MAX_LINE_BYTES + 1;

/// Reads records.
#[derive(Debug)]
pub struct CsvRecords<R> {
    lines: Lines<R>,
    pushed_back: VecDeque<Line>,
    fields: Fields,
}

/// The lines of a record. Its fields are in [`CsvRecords::fields`] until the next record is read.
#[derive(Debug)]
pub struct CsvRecord {
    lines: Vec<Line>,
    /// Why it is invalid.
    pub error: Option<RowError>,
}

impl CsvRecord {
    /// The line where it starts.
    #[must_use]
    pub fn line(&self) -> u64 {
        self.lines.first().map_or(0, |line| line.number)
    }

    /// The first line.
    #[must_use]
    pub fn first_line(&self) -> &[u8] {
        self.lines.first().map_or(&[], |line| &line.content)
    }

    /// The text of the file.
    #[must_use]
    pub fn text(&self) -> String {
        let lines: Vec<_> =
            self.lines.iter().map(|line| String::from_utf8_lossy(&line.content)).collect();
        lines.join("\n")
    }
}

impl<R: BufRead> CsvRecords<R> {
    /// Starts at the first line.
    #[must_use]
    pub fn new(lines: Lines<R>) -> Self {
        Self { lines, pushed_back: VecDeque::new(), fields: Fields::new() }
    }

    /// The fields of the last record; `None` if they are not UTF-8.
    #[must_use]
    pub fn fields(&self) -> Option<Vec<&str>> {
        self.fields.texts()
    }

    /// The next record, skipping blank lines; `None` at the end.
    ///
    /// # Errors
    /// When the rest of the file cannot be read.
    pub fn next_record(&mut self) -> io::Result<Option<CsvRecord>> {
        self.fields.clear();
        let mut lines = Vec::new();
        let mut bytes = 0;
        let mut quotes = QuoteState::default();
        while let Some(line) = self.next_line()? {
            if lines.is_empty() && line.is_blank() {
                continue;
            }
            // Checked before parsing: the buffers of `Fields` have room for one record of the maximum size.
            bytes += line.content.len() + 1;
            let fits = line.is_whole && bytes <= MAX_RECORD_BYTES;
            let error = if !fits {
                Some(RowError::TooLong)
            } else if !quotes.advance(&line.content) {
                Some(RowError::StrayQuote)
            } else {
                None
            };
            let is_complete = error.is_none() && self.fields.add_line(&line.content);
            lines.push(line);
            if is_complete || error.is_some() {
                return Ok(Some(CsvRecord { lines, error }));
            }
        }
        // The file ended inside of a quoted field.
        let is_open = !lines.is_empty();
        Ok(is_open.then_some(CsvRecord { lines, error: Some(RowError::OpenQuote) }))
    }

    /// Rejects the first line of a record, and returns it with its error. The other lines are parsed again.
    pub fn reject(&mut self, record: CsvRecord, error: RowError) -> Option<(Line, RowError)> {
        let mut lines = record.lines.into_iter();
        let first = lines.next()?;
        let is_single_line = lines.len() == 0;
        for line in lines.rev() {
            self.pushed_back.push_front(line);
        }
        Some((first, if is_single_line { error } else { RowError::OpenQuote }))
    }

    /// The number of the last complete line; 0 before the first.
    #[must_use]
    pub const fn line_number(&self) -> u64 {
        self.lines.number()
    }

    fn next_line(&mut self) -> io::Result<Option<Line>> {
        match self.pushed_back.pop_front() {
            Some(line) => Ok(Some(line)),
            None => self.lines.next_line(),
        }
    }
}

/// The fields of one record, of at most [`MAX_RECORD_BYTES`].
#[derive(Debug)]
struct Fields {
    parser: csv_core::Reader,
    text: Vec<u8>,
    text_length: usize,
    ends: Vec<usize>,
    count: usize,
}

impl Fields {
    fn new() -> Self {
        // Each field has at least one byte, its separator. The parser stops when a buffer is full, so there is one
        // more.
        const ROOM: usize = MAX_RECORD_BYTES + 1;
        let newline = csv_core::Terminator::Any(b'\n');
        Self {
            parser: csv_core::ReaderBuilder::new().terminator(newline).build(),
            text: vec![0; ROOM],
            text_length: 0,
            ends: vec![0; ROOM],
            count: 0,
        }
    }

    fn clear(&mut self) {
        self.parser.reset();
        self.text_length = 0;
        self.count = 0;
    }

    /// Adds a line without its line end. Returns whether it completes the record.
    fn add_line(&mut self, line: &[u8]) -> bool {
        // The parser takes empty input for the end of the file.
        (!line.is_empty() && self.add(line)) || self.add(b"\n")
    }

    fn add(&mut self, bytes: &[u8]) -> bool {
        let (text, ends) = (&mut self.text[self.text_length..], &mut self.ends[self.count..]);
        let (result, _, written, ended) = self.parser.read_record(bytes, text, ends);
        self.text_length += written;
        self.count += ended;
        matches!(result, csv_core::ReadRecordResult::Record)
    }

    fn texts(&self) -> Option<Vec<&str>> {
        let mut start = 0;
        let field = |&end: &usize| {
            let bytes = self.text.get(start..end)?;
            start = end;
            str::from_utf8(bytes).ok()
        };
        self.ends[..self.count].iter().map(field).collect()
    }
}
