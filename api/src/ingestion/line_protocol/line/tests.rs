use super::*;

fn parsed(text: &str) -> Result<Line<'_>, LineError> {
    let mut lines = Lines::new(text.as_bytes());
    let line = lines.next().unwrap();
    assert_eq!(lines.next(), None, "{text}");
    line.line
}

fn pairs<'a>(pairs: impl Iterator<Item = Option<Pair<'a>>>) -> Vec<(String, String)> {
    let text = |text: Text<'_>| text.unescaped().into_owned();
    pairs.map(|pair| pair.map(|pair| (text(pair.key), text(pair.value))).unwrap()).collect()
}

#[test]
fn a_line_is_a_measurement_with_tags_fields_and_a_timestamp() {
    let line = parsed(
        r#"my\ power,site=h\,1,entity_id=a\=b value=1.5e3,n=2i,u=3u,on=t,s="x, \"y\" z=1" 17"#,
    );
    let line = line.unwrap();
    assert_eq!(line.measurement.unescaped(), "my power");
    assert_eq!(pairs(line.tags()), [("site", "h,1"), ("entity_id", "a=b")].map(own));
    let fields =
        [("value", "1.5e3"), ("n", "2i"), ("u", "3u"), ("on", "t"), ("s", r#""x, \"y\" z=1""#)];
    assert_eq!(pairs(line.fields()), fields.map(own));
    assert_eq!(line.timestamp, Some(17));
    let numbers: Vec<_> = line.fields().map(|field| field.unwrap().number()).collect();
    assert_eq!(numbers, [Some("1.5e3"), Some("2"), Some("3"), None, None]);
}

fn own((key, value): (&str, &str)) -> (String, String) {
    (key.to_owned(), value.to_owned())
}

#[test]
fn a_line_without_tags_or_timestamp_is_valid_and_spaces_are_permitted() {
    for text in ["m v=1", "  m v=1  ", "m  v=1\r\n", "m v=-1. \n\n", "m v=+.5", "m v=1 -5"] {
        assert!(parsed(text).is_ok(), "{text:?} {:?}", parsed(text));
    }
}

#[test]
fn a_quotation_mark_in_a_tag_is_a_character_as_any_other() {
    let line = parsed(r#"m,a="x,b=""y,c=" v=1"#).unwrap();
    assert_eq!(pairs(line.tags()), [("a", "\"x"), ("b", "\"\"y"), ("c", "\"")].map(own));
}

#[test]
fn each_rule_has_its_error() {
    for (text, error) in [
        (",a=b v=1", LineError::NoMeasurement),
        ("m, v=1", LineError::Tag),
        ("m,a v=1", LineError::Tag),
        ("m,a= v=1", LineError::Tag),
        ("m,=b v=1", LineError::Tag),
        ("m", LineError::NoField),
        ("m ", LineError::NoField),
        ("m,a=b", LineError::NoField),
        ("m v", LineError::Field),
        ("m v=", LineError::Field),
        ("m =1", LineError::Field),
        ("m v=1,", LineError::Field),
        ("m v=nan", LineError::Field),
        ("m v=inf", LineError::Field),
        ("m v=1.5i", LineError::Field),
        ("m v=-i", LineError::Field),
        ("m v=yes", LineError::Field),
        ("m v=\"a\"b", LineError::Field),
        ("m v=\"a", LineError::OpenText),
        ("m v=1 x", LineError::Timestamp),
        ("m v=1 1.5", LineError::Timestamp),
        ("m v=1 9223372036854775808", LineError::Timestamp),
        ("m v=1 1 2", LineError::Timestamp),
    ] {
        assert_eq!(parsed(text), Err(error), "{text}");
    }
    let bytes = b"m,a=\xff v=1";
    assert_eq!(Lines::new(bytes).next().unwrap().line, Err(LineError::NotUtf8));
}

#[test]
fn lines_are_numbered_as_they_were_sent_and_one_that_is_invalid_ends_at_its_line_break() {
    let body = "# comment\n\nm s=\"two\nlines\",v=1 5\nm v=\"open\nm v=2\n  \nm v=3";
    let lines: Vec<_> = Lines::new(body.as_bytes()).collect();
    let numbers: Vec<_> = lines.iter().map(|line| (line.number, line.line.is_ok())).collect();
    assert_eq!(numbers, [(3, true), (5, false), (6, true), (8, true)]);
    assert_eq!(lines[0].text, b"m s=\"two\nlines\",v=1 5");
    assert_eq!(lines[1].text, b"m v=\"open");
}
