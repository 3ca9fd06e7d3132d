//! Rows of a file, and errors of parsing them.

use std::io::{self, ErrorKind};

use meter_files::report::Report;
use readings::rows::RowError;
use readings::rows::lines::Line;

use crate::input::request_body::RequestBody;
use crate::input::row_fault::RowFault;
use crate::input::site_hash::SiteHash;
use crate::input::unsupported_file::UnsupportedFile;

/// How many bytes are shown of a row that is too long. Too low: the row cannot be found in the file. Too high: the
/// rejects file grows by useless bytes.
const SHOWN_BYTES: usize = 512;

/// A row that can be sent.
#[derive(Debug, PartialEq, Eq)]
pub struct Row {
    /// The line of the file where it starts, from 1.
    pub line: u64,
    /// The request body, JSON.
    pub body: String,
    /// The `Idempotency-Key`.
    pub key: Option<String>,
    /// Its site; `None` of a row that is not sent as a reading, as its members could not be read.
    pub site: Option<SiteHash>,
    /// The text of the file, unless it is the body.
    text: Option<String>,
}

impl Row {
    /// A row whose body is the text of the file.
    pub const fn verbatim(line: u64, body: String) -> Self {
        Self { line, body, key: None, site: None, text: None }
    }

    /// A reading, whose body differs from the text of the file.
    pub fn converted(line: u64, body: RequestBody, text: String) -> Self {
        let RequestBody { json, site } = body;
        Self { line, body: json, key: None, site: Some(site), text: Some(text) }
    }

    /// The text of the file.
    pub fn text(&self) -> &str {
        self.text.as_deref().unwrap_or(&self.body)
    }
}

/// A row that cannot be parsed.
#[derive(Debug, PartialEq, Eq)]
pub struct InvalidRow {
    /// The line of the file where it starts, from 1.
    pub line: u64,
    /// The text of the file; truncated if too long, with U+FFFD for invalid UTF-8.
    pub text: String,
    /// The error.
    pub error: RowFault,
}

impl InvalidRow {
    /// The invalid row on this line.
    pub fn new(line: &Line, error: RowError) -> Self {
        let shown = if line.is_whole { &line.content } else { &line.content[..SHOWN_BYTES] };
        let mut text = String::from_utf8_lossy(shown).into_owned();
        if !line.is_whole {
            text.push('…');
        }
        Self { line: line.number, text, error: error.into() }
    }
}

/// The next row of a file.
pub type ParsedRow = Result<Row, InvalidRow>;

/// Reads the rows of a file.
pub trait RowReader {
    /// The next row; `None` at the end.
    ///
    /// # Errors
    /// When the rest of the file cannot be read.
    fn next_row(&mut self) -> Result<Option<ParsedRow>, ReadError>;

    /// What came out of an export of a meter so far; `None` of a file of readings.
    fn report(&self) -> Option<Report> {
        None
    }
}

/// The rest of the file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The gzip data ends inside of a member.
    #[error("the gzip file is cut off; nothing after line {line} could be read")]
    Truncated {
        /// The last line that was read.
        line: u64,
    },
    /// The gzip data is corrupt. The decoder may detect it late, at the checksum at the latest.
    #[error(
        "the gzip file is damaged; nothing after line {line} could be read, and lines before it may \
         be wrong ({reason})"
    )]
    Corrupt {
        /// The last line that was read.
        line: u64,
        /// The decoder's error.
        reason: io::Error,
    },
    /// The file is not text.
    #[error(transparent)]
    NotText(#[from] UnsupportedFile),
    /// The file has another shape than its head.
    #[error(transparent)]
    MeterFile(meter_files::FileError),
    /// The operating system failed to read.
    #[error("reading failed after line {line}: {reason}")]
    Failed {
        /// The last line that was read.
        line: u64,
        /// The operating system's error.
        reason: io::Error,
    },
}

impl ReadError {
    /// Classifies an error after a line. These error kinds come from the gzip decoder only.
    pub fn after(line: u64, reason: io::Error) -> Self {
        let reason = match reason.downcast() {
            Ok(unsupported) => return Self::NotText(unsupported),
            Err(reason) => reason,
        };
        match reason.kind() {
            ErrorKind::UnexpectedEof => Self::Truncated { line },
            ErrorKind::InvalidInput | ErrorKind::InvalidData => Self::Corrupt { line, reason },
            _ => Self::Failed { line, reason },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::unsupported_file;

    #[test]
    fn errors_of_the_gzip_decoder_are_distinguished_from_those_of_the_disk() {
        let text = |kind| ReadError::after(7, io::Error::new(kind, "why")).to_string();
        assert!(text(ErrorKind::UnexpectedEof).contains("cut off; nothing after line 7"));
        assert!(text(ErrorKind::InvalidInput).contains("damaged; nothing after line 7"));
        let unsupported = unsupported_file::identify(b"%PDF-1.7").unwrap();
        let error = ReadError::after(0, io::Error::other(unsupported)).to_string();
        assert!(error.starts_with("this is a PDF"), "{error}");
        assert_eq!(text(ErrorKind::TimedOut), "reading failed after line 7: why");
    }
}
