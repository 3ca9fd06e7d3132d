//! Numbers, as files of different countries write them.

use crate::error::FileError;
use crate::shape::Decimal;

/// Signs that group digits by three, besides a point and a comma.
const GROUPING: [char; 5] = [' ', '\u{a0}', '\u{202f}', '\'', '’'];

/// Texts that stand for a value that is not known, in lower case.
const MISSING: [&str; 15] = [
    "",
    "?",
    "-",
    "--",
    "---",
    "null",
    "none",
    "nan",
    "n/a",
    "na",
    "unavailable",
    "unknown",
    "missing",
    "#n/a",
    // Emporia: no current transformer is connected.
    "no ct",
];

/// Whether a text says that there is no value.
#[must_use]
pub fn is_missing(text: &str) -> bool {
    let text = text.trim();
    MISSING.iter().any(|missing| missing.eq_ignore_ascii_case(text))
}

/// How numbers of a column are written; `None` while no number of it shows that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NumberFormat(Option<Decimal>);

/// What a number shows about its decimal sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Evidence {
    /// Digits only.
    Neither,
    /// This is the decimal sign.
    Sure(Decimal),
    /// This is the decimal sign, or groups digits: `1,234`.
    Ambiguous(Decimal),
}

impl NumberFormat {
    /// Numbers with this decimal sign.
    #[must_use]
    pub const fn of(decimal: Decimal) -> Self {
        Self(Some(decimal))
    }

    /// The format of a column, from some of its values. `has_semicolons`: the columns are separated by `;`, as where a
    /// comma is the decimal sign; there `1.234` is ambiguous, elsewhere only `1,234` is.
    ///
    /// # Errors
    /// When all numbers can be read in two ways, or contradict each other.
    pub fn infer<'a>(
        column: &str,
        samples: impl Iterator<Item = &'a str>,
        has_semicolons: bool,
    ) -> Result<Self, FileError> {
        let mut sure = None;
        let mut ambiguous = None;
        for sample in samples {
            match evidence(sample) {
                Evidence::Neither => {}
                Evidence::Sure(decimal) if sure.is_some_and(|other| other != decimal) => {
                    let text = format!(
                        "the column `{column}` has numbers such as `{sample}` and others with another decimal sign"
                    );
                    return Err(unclear(text));
                }
                Evidence::Sure(decimal) => sure = Some(decimal),
                Evidence::Ambiguous(Decimal::Point) if !has_semicolons => {
                    ambiguous = ambiguous.or(Some((Decimal::Point, None)));
                }
                Evidence::Ambiguous(decimal) => {
                    ambiguous = Some((decimal, Some(sample.to_owned())));
                }
            }
        }
        match (sure, ambiguous) {
            (Some(decimal), _) | (None, Some((decimal, None))) => Ok(Self(Some(decimal))),
            (None, None) => Ok(Self(None)),
            (None, Some((_, Some(sample)))) => Err(unclear(format!(
                "`{sample}` in the column `{column}` has a decimal sign or a thousands separator"
            ))),
        }
    }

    /// The number, or why it is invalid.
    ///
    /// # Errors
    /// When the text is no number in this format, or is one in two ways.
    pub fn parse(self, text: &str) -> Result<f64, String> {
        let decimal = match (self.0, evidence(text)) {
            (Some(decimal), _) | (None, Evidence::Sure(decimal)) => decimal,
            (None, Evidence::Neither) => Decimal::Point,
            (None, Evidence::Ambiguous(_)) => {
                return Err(format!("`{text}` is ambiguous; choose the decimal sign by --decimal"));
            }
        };
        let plain =
            plain(text.trim(), decimal).ok_or_else(|| format!("`{text}` is not a number"))?;
        let number: f64 = plain.parse().map_err(|_| format!("`{text}` is not a number"))?;
        if number.is_finite() { Ok(number) } else { Err(format!("`{text}` is too large")) }
    }

    /// The decimal sign, as it is shown.
    #[must_use]
    pub const fn decimal(self) -> Option<Decimal> {
        self.0
    }
}

fn unclear(question: String) -> FileError {
    FileError::unclear(question, "--decimal . or --decimal ,")
}

fn evidence(text: &str) -> Evidence {
    let text = text.trim().trim_start_matches(['-', '+']);
    let points = text.matches('.').count();
    let commas = text.matches(',').count();
    match (points, commas) {
        (0, 0) => Evidence::Neither,
        (1, 0) => one_sign(text, '.', Decimal::Point),
        (0, 1) => one_sign(text, ',', Decimal::Comma),
        (0, _) => Evidence::Sure(Decimal::Point),
        (_, 0) => Evidence::Sure(Decimal::Comma),
        _ if text.rfind('.') > text.rfind(',') => Evidence::Sure(Decimal::Point),
        _ => Evidence::Sure(Decimal::Comma),
    }
}

/// `1,234` may be grouped; `0,234`, `1234,567` and `1,23` are not.
fn one_sign(text: &str, sign: char, decimal: Decimal) -> Evidence {
    let Some((whole, fraction)) = text.split_once(sign) else { return Evidence::Neither };
    let is_grouped = fraction.len() == 3
        && (1..=3).contains(&whole.len())
        && !whole.starts_with('0')
        && [whole, fraction].iter().all(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
    if is_grouped { Evidence::Ambiguous(decimal) } else { Evidence::Sure(decimal) }
}

/// The number as Rust parses it; `None` if digits are grouped otherwise than by three, or there are other characters.
fn plain(text: &str, decimal: Decimal) -> Option<String> {
    let (sign, group) = match decimal {
        Decimal::Point => ('.', ','),
        Decimal::Comma => (',', '.'),
    };
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => text.split_at(at),
        None => (text, ""),
    };
    let (whole, fraction) = mantissa.split_once(sign).unwrap_or((mantissa, ""));
    let is_group = |character: char| character == group || GROUPING.contains(&character);
    let unsigned = whole.trim_start_matches(['-', '+']);
    let parts: Vec<&str> = unsigned.split(is_group).collect();
    let is_grouped = parts.len() == 1
        || (parts.iter().skip(1).all(|part| part.len() == 3)
            && parts.first().is_some_and(|first| (1..=3).contains(&first.len())));
    let digits = parts.concat();
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_grouped
        || !are_digits(&digits)
        || !are_digits(fraction)
        || (digits.is_empty() && fraction.is_empty())
    {
        return None;
    }
    let minus = if whole.starts_with('-') { "-" } else { "" };
    let fraction = if fraction.is_empty() { "0" } else { fraction };
    Some(format!("{minus}0{digits}.{fraction}{exponent}"))
}

#[cfg(test)]
mod properties;

#[cfg(test)]
mod tests {
    use super::*;

    fn infer(samples: &[&str], has_semicolons: bool) -> Result<Option<Decimal>, String> {
        let format = NumberFormat::infer("kWh", samples.iter().copied(), has_semicolons);
        format.map(NumberFormat::decimal).map_err(|error| error.to_string())
    }

    #[test]
    fn one_number_that_cannot_be_grouped_decides_the_decimal_sign_of_a_column() {
        for (samples, has_semicolons, expected) in [
            (&["1,234", "0,5"][..], false, Some(Decimal::Comma)),
            (&["1,234", "1,234.5"], false, Some(Decimal::Point)),
            (&["1.234", "0.400"], true, Some(Decimal::Point)),
            (&["1.234"], false, Some(Decimal::Point)),
            (&["1234"], true, None),
            (&["1.234.567"], true, Some(Decimal::Comma)),
        ] {
            assert_eq!(infer(samples, has_semicolons), Ok(expected), "{samples:?}");
        }
    }

    #[test]
    fn a_number_that_may_be_grouped_is_refused_without_other_evidence() {
        for (samples, has_semicolons) in
            [(&["1,234"][..], false), (&["1.234", "12.345"], true), (&["1,5", "1.5"], false)]
        {
            let error = infer(samples, has_semicolons).expect_err(samples[0]);
            assert!(error.contains("--decimal"), "{error}");
        }
        let later = NumberFormat::default().parse("1,234").expect_err("ambiguous");
        assert!(later.contains("--decimal"), "{later}");
    }

    #[test]
    fn digits_are_grouped_by_three_or_it_is_no_number() {
        let point = NumberFormat::of(Decimal::Point);
        assert_eq!(point.parse("1,234.5"), Ok(1234.5));
        assert_eq!(point.parse(".5"), Ok(0.5));
        assert_eq!(point.parse("1.5e3"), Ok(1500.0));
        for text in ["1,5", "12,34.5", "1.2.3", "5 W", "", "1e400", "0x10", "1,,234"] {
            assert!(point.parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn words_for_unknown_values_are_recognised_in_any_case() {
        for text in ["", " ", "?", "-", "NULL", "NaN", "Unavailable", "unknown"] {
            assert!(is_missing(text), "{text}");
        }
        assert!(!is_missing("0") && !is_missing("0,0"));
    }
}
