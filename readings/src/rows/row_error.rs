//! Why a row cannot be parsed.

use super::lines::MAX_LINE_BYTES;

/// Why a row cannot be parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RowError {
    /// It is larger than the largest body that the service accepts.
    #[error("the row has more than {MAX_LINE_BYTES} bytes")]
    TooLong,
    /// It is not UTF-8.
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
    /// A CSV field starts with a quotation mark and does not end with one.
    #[error("a quotation mark that opens a field is not closed")]
    OpenQuote,
    /// A CSV field has a quotation mark at an invalid position.
    #[error(
        "a quotation mark is neither around a whole field nor doubled within one (RFC 4180): write \
         `\"a \"\"b\"\"\"` for `a \"b\"`"
    )]
    StrayQuote,
}

impl RowError {
    /// The name of the rule, like `type` of the service's validation errors.
    #[must_use]
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
