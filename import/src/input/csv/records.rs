//! CSV records: the lines that make one, and its fields.
//!
//! A record goes over several lines when its quoted fields do. A quotation mark that is never closed
//! would make one record of all that follows, so a record that goes over several lines and is none
//! costs its first line only: reading goes on with the second.

use std::collections::VecDeque;
use std::io::BufRead;

use crate::input::csv::quotes::Quotes;
use crate::input::lines::{Line, Lines, MAX_LINE_BYTES};
use crate::input::row::{NoRow, ReadError, RowFault};

/// The most bytes of a record with its line ends. As many as a line's: see there.
const MAX_RECORD_BYTES: usize = MAX_LINE_BYTES + 1;

/// Reads records one after the other.
pub struct Records<R> {
    lines: Lines<R>,
    given_back: VecDeque<Line>,
    fields: Fields,
}

/// The lines of a record; its fields are in [`Records::fields`] until the next is read.
#[derive(Debug)]
pub struct Record {
    lines: Vec<Line>,
    /// Why it is none.
    pub fault: Option<RowFault>,
}

impl Record {
    /// The line where it begins.
    pub fn line(&self) -> u64 {
        self.lines.first().map_or(0, |line| line.number)
    }

    /// Its first line.
    pub fn first_line(&self) -> &[u8] {
        self.lines.first().map_or(&[], |line| &line.content)
    }

    /// Its text.
    pub fn text(&self) -> String {
        let lines: Vec<_> =
            self.lines.iter().map(|line| String::from_utf8_lossy(&line.content)).collect();
        lines.join("\n")
    }
}

impl<R: BufRead> Records<R> {
    /// Begins with the first line.
    pub fn new(lines: Lines<R>) -> Self {
        Self { lines, given_back: VecDeque::new(), fields: Fields::new() }
    }

    /// The fields of the last record that was read; `None` when they are no UTF-8.
    pub fn fields(&self) -> Option<Vec<&str>> {
        self.fields.texts()
    }

    /// The next record; blank lines are none. `None` at the end.
    ///
    /// # Errors
    /// When the file cannot be read on.
    pub fn next_record(&mut self) -> Result<Option<Record>, ReadError> {
        self.fields.clear();
        let (mut lines, mut bytes, mut quotes) = (Vec::new(), 0, Quotes::default());
        while let Some(line) = self.next_line()? {
            if lines.is_empty() && line.is_blank() {
                continue;
            }
            bytes += line.content.len() + 1;
            let fits = line.is_whole && bytes <= MAX_RECORD_BYTES;
            let fault = if !fits {
                Some(RowFault::TooLong)
            } else if !quotes.follow(&line.content) {
                Some(RowFault::StrayQuote)
            } else {
                None
            };
            let is_complete = fault.is_none() && self.fields.add_line(&line.content);
            lines.push(line);
            if is_complete || fault.is_some() {
                return Ok(Some(Record { lines, fault }));
            }
        }
        let is_open = !lines.is_empty();
        Ok(is_open.then_some(Record { lines, fault: Some(RowFault::OpenQuote) }))
    }

    /// Rejects a record. What it holds beyond its first line is read again.
    pub fn reject(&mut self, record: Record, fault: RowFault) -> Option<NoRow> {
        let mut lines = record.lines.into_iter();
        let first = lines.next()?;
        let is_alone = lines.len() == 0;
        for line in lines.rev() {
            self.given_back.push_front(line);
        }
        Some(NoRow::new(&first, if is_alone { fault } else { RowFault::OpenQuote }))
    }

    fn next_line(&mut self) -> Result<Option<Line>, ReadError> {
        if let Some(line) = self.given_back.pop_front() {
            return Ok(Some(line));
        }
        let line = self.lines.next_line();
        line.map_err(|error| ReadError::after(self.lines.number(), error))
    }
}

/// The fields of one record of at most [`MAX_RECORD_BYTES`].
struct Fields {
    parser: csv_core::Reader,
    text: Vec<u8>,
    text_length: usize,
    ends: Vec<usize>,
    count: usize,
}

impl Fields {
    fn new() -> Self {
        // Each field takes a byte at least, its separator. The parser stops at a full buffer, so
        // there is one more.
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

    /// Adds a line without its end, and says whether the record is complete with it.
    fn add_line(&mut self, line: &[u8]) -> bool {
        // To the parser, no bytes are the end of the file.
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
