use proptest::prelude::*;

use super::*;

/// A number with grouped digits and two digits after its decimal sign.
fn written(cents: i64, decimal: char, group: &str) -> String {
    let digits = (cents.abs() / 100).to_string();
    let grouped: Vec<_> =
        digits.as_bytes().rchunks(3).rev().map(|part| str::from_utf8(part).unwrap()).collect();
    let sign = if cents < 0 { "-" } else { "" };
    format!("{sign}{}{decimal}{:02}", grouped.join(group), cents.abs() % 100)
}

fn groups() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["", "'", " ", "\u{a0}", "\u{202f}"])
}

proptest! {
    #[test]
    fn a_number_is_read_back_with_each_decimal_sign_and_each_way_to_group_digits(
        cents in -999_999_999_999_i64..999_999_999_999,
        group in groups(),
        is_grouped_by_sign: bool,
    ) {
        #[expect(clippy::cast_precision_loss, reason = "below 2^53")]
        let number = cents as f64 / 100.0;
        for (decimal, sign, other) in [(Decimal::Point, '.', ","), (Decimal::Comma, ',', ".")] {
            let text = written(cents, sign, if is_grouped_by_sign { other } else { group });
            let read = NumberFormat::of(decimal).parse(&text);
            prop_assert!(read.as_ref().is_ok_and(|read| (read - number).abs() < 1e-3), "{text}: {read:?}");
            let inferred = NumberFormat::infer("kWh", [text.as_str()].into_iter(), true);
            prop_assert_eq!(inferred.unwrap(), NumberFormat::of(decimal), "{}", text);
        }
    }

    #[test]
    fn no_text_panics_and_every_number_is_finite(text in "\\PC{0,24}", digits in "[-+0-9., 'eE]{0,16}") {
        for text in [text, digits] {
            for format in [NumberFormat::default(), NumberFormat::of(Decimal::Point), NumberFormat::of(Decimal::Comma)] {
                prop_assert!(format.parse(&text).is_ok_and(f64::is_finite) || format.parse(&text).is_err());
            }
        }
    }
}
