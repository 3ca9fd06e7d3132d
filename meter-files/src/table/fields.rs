//! The fields of a line.

use csv_core::{ReadFieldResult, Reader, ReaderBuilder};

/// Splits lines at a separator. A field may be in quotation marks, also after a space; it ends on its line.
#[derive(Debug, Clone)]
pub struct Splitter {
    parser: Reader,
}

impl Splitter {
    /// Splits at a separator of one byte.
    #[must_use]
    pub fn new(separator: char) -> Self {
        let separator = u8::try_from(separator).unwrap_or(b',');
        Self { parser: ReaderBuilder::new().delimiter(separator).build() }
    }

    /// The fields of a line, without white space around them.
    pub fn split(&mut self, line: &str) -> Vec<String> {
        let mut fields = Vec::new();
        let mut buffer = vec![0; line.len() + 1];
        let mut rest = line.as_bytes();
        self.parser.reset();
        loop {
            let (result, read, written) = self.parser.read_field(rest, &mut buffer);
            fields.push(field(buffer.get(..written).unwrap_or_default()));
            rest = rest.get(read..).unwrap_or_default();
            if !matches!(result, ReadFieldResult::Field { .. }) {
                return fields;
            }
            // The parser takes empty input for the end of the file.
            if rest.is_empty() {
                fields.push(String::new());
                return fields;
            }
        }
    }
}

fn field(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim();
    let inner = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    inner.map_or_else(|| text.to_owned(), |inner| inner.replace("\"\"", "\"").trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_split_at_separators_outside_of_quotation_marks() {
        for (separator, line, expected) in [
            (',', "a, b ,\"c, d\",", vec!["a", "b", "c, d", ""]),
            (';', "1,5;\"x\"\"y\";", vec!["1,5", "x\"y", ""]),
            ('\t', "a\t\tb", vec!["a", "", "b"]),
            (',', "1, \"two\"", vec!["1", "two"]),
            (',', "", vec![""]),
            ('|', "a", vec!["a"]),
        ] {
            assert_eq!(Splitter::new(separator).split(line), expected, "{line}");
        }
    }
}
