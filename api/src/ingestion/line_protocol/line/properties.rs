//! Whatever is sent, lines are parsed without a panic, in order and completely.

use proptest::prelude::*;

use super::*;

/// Text of the characters that have a meaning, and a few others.
fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let bytes = prop::sample::select(b" ,=\\\"\n\r#mv019.-iute\xc3\xa9\0".to_vec());
    prop::collection::vec(bytes, 0..120)
}

fn name() -> impl Strategy<Value = String> {
    r#"[a-zé"\.:/_-]([ -~é]{0,10}[a-z0-9])?"#.prop_map(|name| name.replace('\\', "/"))
}

fn escaped(text: &str) -> String {
    text.replace(',', r"\,").replace('=', r"\=").replace(' ', r"\ ")
}

/// Whether a text has blank lines and comments only.
fn is_without_lines(text: &[u8]) -> bool {
    text.split(|byte| *byte == b'\n').all(|line| {
        let line = line.trim_ascii();
        line.is_empty() || line.starts_with(b"#")
    })
}

proptest! {
    #[test]
    fn any_bytes_are_lines_in_order(body in hostile()) {
        let mut position = 0;
        let mut number = 0;
        for line in Lines::new(&body) {
            let start = line.text.as_ptr().addr() - body.as_ptr().addr();
            prop_assert!(start >= position && is_without_lines(&body[position..start]));
            position = start + line.text.len();
            prop_assert!(line.number > number);
            number = line.number;
            prop_assert!(!line.text.is_empty());
        }
        prop_assert!(is_without_lines(&body[position..]));
    }

    #[test]
    fn a_valid_line_between_any_others_without_quotation_marks_is_parsed(
        before in hostile(), after in hostile()
    ) {
        let plain = |bytes: Vec<u8>| bytes.into_iter().filter(|byte| *byte != b'"').collect::<Vec<_>>();
        let body = [&plain(before)[..], b"\nm,t=x v=1 5\n", &plain(after)].concat();
        prop_assert!(Lines::new(&body).any(|line| line.text == b"m,t=x v=1 5" && line.line.is_ok()));
    }

    #[test]
    fn what_is_written_by_the_rules_is_read(
        measurement in name(),
        tags in prop::collection::vec((name(), name()), 0..4),
        power in any::<f64>().prop_filter("finite", |power| power.is_finite()),
        text in r"[ -~\n]{0,12}",
        timestamp in any::<Option<i64>>(),
    ) {
        prop_assume!(!measurement.starts_with('#'));
        let quoted = text.replace('\\', r"\\").replace('"', "\\\"");
        let tag = |(key, value): &(String, String)| format!(",{}={}", escaped(key), escaped(value));
        let tags_sent = tags.iter().map(tag).collect::<Vec<_>>().concat();
        let time = timestamp.map(|time| format!(" {time}")).unwrap_or_default();
        let sent = format!("{}{tags_sent} text=\"{quoted}\",power={power:e}{time}", escaped(&measurement));
        let mut lines = Lines::new(sent.as_bytes());
        let line = lines.next().unwrap().line;
        let line = line.map_err(|error| TestCaseError::fail(format!("{error}: {sent}")))?;
        prop_assert_eq!(lines.next(), None);
        prop_assert_eq!(line.measurement.unescaped(), measurement);
        let read: Vec<_> = line.tags().map(|tag| tag.unwrap()).map(|tag| {
            (tag.key.unescaped().into_owned(), tag.value.unescaped().into_owned())
        }).collect();
        prop_assert_eq!(read, tags);
        let numbers: Vec<f64> =
            line.fields().filter_map(|field| field.unwrap().number()?.parse().ok()).collect();
        prop_assert_eq!(numbers, [power]);
        prop_assert_eq!(line.timestamp, timestamp);
    }
}
