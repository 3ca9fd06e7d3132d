//! The format of a file.

use std::path::Path;

use clap::ValueEnum;

/// The format that the user chooses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FormatChoice {
    /// Detected by the file's name, else by its first character.
    Auto,
    /// One JSON object a line.
    Ndjson,
    /// Comma-separated values with a header.
    Csv,
}

/// The format of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One JSON object a line.
    Ndjson,
    /// Comma-separated values with a header.
    Csv,
}

/// The file is a JSON array.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "this is a JSON array; write one object a line, for example with `jq -c '.[]'` (if it is something \
     else, choose the format by --format)"
)]
pub struct JsonArrayError;

impl FormatChoice {
    /// Decides by the choice, else the file's name, else its first non-blank character.
    ///
    /// # Errors
    /// When the choice is `auto` and the text is a JSON array.
    pub fn decide(self, file: &Path, first: Option<u8>) -> Result<Format, JsonArrayError> {
        match (self, first) {
            (Self::Ndjson, _) => Ok(Format::Ndjson),
            (Self::Csv, _) => Ok(Format::Csv),
            (Self::Auto, Some(b'[')) => Err(JsonArrayError),
            (Self::Auto, _) => Ok(by_name(file).unwrap_or(match first {
                Some(b'{') | None => Format::Ndjson,
                Some(_) => Format::Csv,
            })),
        }
    }
}

fn by_name(file: &Path) -> Option<Format> {
    let name = file.file_name()?.to_string_lossy().to_ascii_lowercase();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    match Path::new(name).extension()?.to_str()? {
        "ndjson" | "jsonl" => Some(Format::Ndjson),
        "csv" => Some(Format::Csv),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn auto(file: &str, first: u8) -> Result<Format, JsonArrayError> {
        FormatChoice::Auto.decide(Path::new(file), Some(first))
    }

    #[test]
    fn the_name_decides_before_the_first_character() {
        assert_eq!(auto("/data/a.ndjson", b's'), Ok(Format::Ndjson));
        assert_eq!(auto("a.JSONL.gz", b's'), Ok(Format::Ndjson));
        assert_eq!(auto("a.csv.gz", b'{'), Ok(Format::Csv));
    }

    #[test]
    fn the_first_character_decides_if_the_name_does_not() {
        assert_eq!(auto("-", b'{'), Ok(Format::Ndjson));
        assert_eq!(auto("readings.txt", b's'), Ok(Format::Csv));
        assert_eq!(auto("a.gz", b'"'), Ok(Format::Csv));
    }

    #[test]
    fn a_choice_overrides_the_detection() {
        let csv = FormatChoice::Csv.decide(Path::new("a.ndjson"), Some(b'['));
        assert_eq!(csv, Ok(Format::Csv));
        let ndjson = FormatChoice::Ndjson.decide(Path::new("a.csv"), Some(b'['));
        assert_eq!(ndjson, Ok(Format::Ndjson));
    }

    #[test]
    fn a_json_array_is_rejected_with_advice() {
        let error = auto("a.json", b'[').expect_err("an array");
        assert!(error.to_string().contains("jq -c"));
    }
}
