//! Rows: a reading of the file each, or why a place of the file is none.

use std::io::{self, ErrorKind};

use crate::input::lines::{Line, MAX_LINE_BYTES};
use crate::input::unsupported_file::Foreign;

/// The most bytes of a row without its end that are shown when it is too long to be kept. Too low
/// and the row cannot be found; too high and the rejects file grows with rows that nobody reads.
const SHOWN_BYTES: usize = 512;

/// A reading as the file has it.
#[derive(Debug, PartialEq, Eq)]
pub struct Row {
    /// The line of the file where it begins, from 1.
    pub line: u64,
    /// The JSON body to send.
    pub body: String,
    /// Its name, by which the service knows that it has it already.
    pub key: Option<String>,
    /// The text of the file, where it is not the body.
    text: Option<String>,
}

impl Row {
    /// A row that is sent as the file has it.
    pub const fn verbatim(line: u64, body: String) -> Self {
        Self { line, body, key: None, text: None }
    }

    /// A row whose text in the file is another than what is sent.
    pub const fn converted(line: u64, body: String, text: String) -> Self {
        Self { line, body, key: None, text: Some(text) }
    }

    /// The text of the file.
    pub fn text(&self) -> &str {
        self.text.as_deref().unwrap_or(&self.body)
    }
}

/// A place of the file that cannot be sent.
#[derive(Debug, PartialEq, Eq)]
pub struct NoRow {
    /// The line of the file where it begins, from 1.
    pub line: u64,
    /// The text of the file; cut when it is too long, with U+FFFD for what is no UTF-8.
    pub text: String,
    /// Why.
    pub fault: RowFault,
}

/// Why a place of the file cannot be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RowFault {
    /// More than the service takes as a body.
    #[error("the row has more than {MAX_LINE_BYTES} bytes")]
    TooLong,
    /// The bytes are no text.
    #[error("the row is not UTF-8 text; write the file as UTF-8")]
    NotUtf8,
    /// A CSV row with more or fewer fields than the header.
    #[error("the row has {found} fields, but the header has {expected}")]
    FieldCount {
        /// The header's.
        expected: usize,
        /// The row's.
        found: usize,
    },
    /// A CSV field that begins with a quotation mark and does not end with one.
    #[error("a quotation mark that opens a field is not closed")]
    OpenQuote,
    /// A CSV field with a quotation mark where none may be.
    #[error(
        "a quotation mark is neither around a whole field nor doubled within one (RFC 4180): write \
         `\"a \"\"b\"\"\"` for `a \"b\"`"
    )]
    StrayQuote,
}

impl RowFault {
    /// A short name, such as the service gives its own rules.
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooLong => "row_too_long",
            Self::NotUtf8 => "not_utf8",
            Self::FieldCount { .. } => "field_count",
            Self::OpenQuote => "open_quote",
            Self::StrayQuote => "stray_quote",
        }
    }
}

impl NoRow {
    /// Rejects a line.
    pub fn new(line: &Line, fault: RowFault) -> Self {
        let shown = if line.is_whole { &line.content } else { &line.content[..SHOWN_BYTES] };
        let mut text = String::from_utf8_lossy(shown).into_owned();
        if !line.is_whole {
            text.push('…');
        }
        Self { line: line.number, text, fault }
    }
}

/// What comes next in the file.
pub type NextRow = Result<Row, NoRow>;

/// Reads the rows of a file, each with the line where it begins.
pub trait Rows {
    /// The next row; `None` at the end.
    ///
    /// # Errors
    /// When the file cannot be read on.
    fn next_row(&mut self) -> Result<Option<NextRow>, ReadError>;
}

/// Reading broke off.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The gzip data end within a member.
    #[error("the gzip file is cut off; nothing after line {line} could be read")]
    Truncated {
        /// The last line that was read.
        line: u64,
    },
    /// The gzip data are damaged. The unpacker may notice it only a while after, at the latest at
    /// the checksum.
    #[error(
        "the gzip file is damaged; nothing after line {line} could be read, and lines before it may \
         be wrong ({reason})"
    )]
    Corrupt {
        /// The last line that was read.
        line: u64,
        /// What the unpacker says.
        reason: io::Error,
    },
    /// The file is something else than text.
    #[error(transparent)]
    Foreign(#[from] Foreign),
    /// The operating system could not read on.
    #[error("reading failed after line {line}: {reason}")]
    Failed {
        /// The last line that was read.
        line: u64,
        /// What the operating system says.
        reason: io::Error,
    },
}

impl ReadError {
    /// Explains a failure after a line. These kinds come from the gzip unpacker only.
    pub fn after(line: u64, reason: io::Error) -> Self {
        let reason = match reason.downcast() {
            Ok(foreign) => return Self::Foreign(foreign),
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
    fn errors_of_the_unpacker_are_told_from_those_of_the_disk() {
        let text = |kind| ReadError::after(7, io::Error::new(kind, "why")).to_string();
        assert!(text(ErrorKind::UnexpectedEof).contains("cut off; nothing after line 7"));
        assert!(text(ErrorKind::InvalidInput).contains("damaged; nothing after line 7"));
        let foreign = unsupported_file::identify(b"%PDF-1.7").unwrap();
        let error = ReadError::after(0, io::Error::other(foreign)).to_string();
        assert!(error.starts_with("this is a PDF"), "{error}");
        assert_eq!(text(ErrorKind::TimedOut), "reading failed after line 7: why");
    }
}
