//! Quotation marks by RFC 4180 (section 2, rules 5 to 7): around a whole field, and doubled inside. `csv-core` accepts
//! others and guesses their meaning; an id must not be guessed.

/// The position of the last character in a record.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum QuoteState {
    /// At the start of a field.
    #[default]
    FieldStart,
    /// In an unquoted field.
    Unquoted,
    /// In a quoted field.
    Quoted,
    /// After a quotation mark in a quoted field: it closes the field, or is the first of two.
    QuoteInQuoted,
}

impl QuoteState {
    /// Advances by a line of the record. Returns false if a quotation mark is at an invalid position.
    pub fn advance(&mut self, line: &[u8]) -> bool {
        for byte in line {
            *self = match (*self, byte) {
                (Self::FieldStart | Self::QuoteInQuoted, b'"')
                | (Self::Quoted, 1..=b'!' | 0 | b'#'..) => Self::Quoted,
                (Self::Quoted, b'"') => Self::QuoteInQuoted,
                (Self::FieldStart | Self::Unquoted | Self::QuoteInQuoted, b',') => Self::FieldStart,
                (Self::Unquoted, b'"') | (Self::QuoteInQuoted, _) => return false,
                (Self::FieldStart | Self::Unquoted, _) => Self::Unquoted,
            };
        }
        // Only a quoted field continues on the next line.
        if *self != Self::Quoted {
            *self = Self::FieldStart;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn are_valid(lines: &[&str]) -> bool {
        let mut quotes = QuoteState::default();
        lines.iter().all(|line| quotes.advance(line.as_bytes()))
    }

    #[test]
    fn quotation_marks_are_around_fields_and_doubled_inside() {
        for lines in [
            &["a,b,,c"][..],
            &["\"a\",\"\",\"b,c\",\"\"\"d\"\" e\""],
            &["\"a", "", "b\"\"", "c\",d", "\"e\",f"],
            &["", ","],
        ] {
            assert!(are_valid(lines), "{lines:?}");
        }
    }

    #[test]
    fn other_positions_are_invalid() {
        for lines in [
            &[r#""house \"A\"",m"#][..],
            &[r#""q1" x,m"#],
            &[r#""q4 5" pipe",m"#],
            &[r#"5" pipe,m"#],
            &[r#"a, "b",m"#],
            &[r#""a"","#, r#"b"c,d"#],
            &["\"a\"\r\""],
        ] {
            assert!(!are_valid(lines), "{lines:?}");
        }
    }
}
