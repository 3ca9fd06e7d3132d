//! Quotation marks as RFC 4180 has them (section 2, rules 5 to 7): around a whole field, and doubled
//! within. The parser also takes others and guesses what was meant; an id must not be guessed.

/// Where in a record the last character was.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Quotes {
    /// Before a field.
    #[default]
    Before,
    /// In a field without quotation marks.
    Bare,
    /// Between quotation marks.
    Within,
    /// After one that closes a field, or is the first of two.
    After,
}

impl Quotes {
    /// Goes on with a line of the record, and says whether its quotation marks are where they may be.
    pub fn follow(&mut self, line: &[u8]) -> bool {
        for byte in line {
            *self = match (*self, byte) {
                (Self::Before | Self::After, b'"') | (Self::Within, 1..=b'!' | 0 | b'#'..) => {
                    Self::Within
                }
                (Self::Within, b'"') => Self::After,
                (Self::Before | Self::Bare | Self::After, b',') => Self::Before,
                (Self::Bare, b'"') | (Self::After, _) => return false,
                (Self::Before | Self::Bare, _) => Self::Bare,
            };
        }
        if *self != Self::Within {
            *self = Self::Before;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all_right(lines: &[&str]) -> bool {
        let mut quotes = Quotes::default();
        lines.iter().all(|line| quotes.follow(line.as_bytes()))
    }

    #[test]
    fn quotation_marks_are_around_fields_and_doubled_within() {
        for lines in [
            &["a,b,,c"][..],
            &["\"a\",\"\",\"b,c\",\"\"\"d\"\" e\""],
            &["\"a", "", "b\"\"", "c\",d", "\"e\",f"],
            &["", ","],
        ] {
            assert!(all_right(lines), "{lines:?}");
        }
    }

    #[test]
    fn others_are_not_guessed_at() {
        for lines in [
            &[r#""house \"A\"",m"#][..],
            &[r#""q1" x,m"#],
            &[r#""q4 5" pipe",m"#],
            &[r#"5" pipe,m"#],
            &[r#"a, "b",m"#],
            &[r#""a"","#, r#"b"c,d"#],
            &["\"a\"\r\""],
        ] {
            assert!(!all_right(lines), "{lines:?}");
        }
    }
}
