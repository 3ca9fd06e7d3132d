//! The rules that a line can break.

/// Why a line is rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum LineError {
    #[error("a line begins with a measurement")]
    NoMeasurement,
    #[error("a tag is `key=value`, neither of them empty")]
    Tag,
    #[error("a line has a field, `key=value`, behind the tags and one space")]
    NoField,
    #[error(
        "a field is `key=value`, its value a number, a text in quotation marks, or `true` or `false`"
    )]
    Field,
    #[error("the quotation mark of a text has no second one")]
    OpenText,
    #[error("a timestamp is a whole number of 64 bits, the last on its line")]
    Timestamp,
    #[error("names and values are UTF-8")]
    NotUtf8,
}
