use serde_json::Value;

use super::*;
use crate::input::row::InvalidRow;
use crate::input::row_fault::RowFault;
use readings::rows::csv::header::COLUMNS;
use readings::rows::lines::MAX_LINE_BYTES;

const HEADER: &str = "site_id,device_id,power_reading,timestamp\n";

fn read(text: &[u8]) -> Vec<ParsedRow> {
    let mut table = CsvRows::open(Lines::new(text)).unwrap().expect("a header");
    let mut rows = Vec::new();
    while let Some(row) = table.next_row().unwrap() {
        rows.push(row);
    }
    rows
}

/// A row as its line and its members in the order of [`COLUMNS`], or its line and fault.
#[derive(Debug, Clone, PartialEq)]
enum Found {
    Row(u64, [String; 4]),
    No(u64, RowFault),
}

fn rejected(line: u64, error: RowError) -> Found {
    Found::No(line, error.into())
}

fn rows(text: &str) -> Vec<Found> {
    let member = |body: &Value, name| body[name].as_str().unwrap().to_owned();
    let found = |next| match next {
        Ok(Row { line, body, .. }) => {
            let body: Value = serde_json::from_str(&body).unwrap();
            Found::Row(line, COLUMNS.map(|name| member(&body, name)))
        }
        Err(InvalidRow { line, error, .. }) => Found::No(line, error),
    };
    read(text.as_bytes()).into_iter().map(found).collect()
}

fn row(line: u64, fields: [&str; 4]) -> Found {
    Found::Row(line, fields.map(str::to_owned))
}

fn header_error(text: &str) -> String {
    CsvRows::open(Lines::new(text.as_bytes())).err().expect("no header").to_string()
}

#[test]
fn columns_may_be_in_any_order_with_others_between() {
    let text = "note,timestamp, power_reading ,site_id,\"device_id\"\nx,t,1.50,s,d\n";
    assert_eq!(rows(text), [row(2, ["s", "d", "1.50", "t"])]);
}

#[test]
fn fields_keep_quotes_separators_and_space() {
    let text = format!("{HEADER}\" a,\"\"b\"\" \",é, 12 ,t\r\n");
    assert_eq!(rows(&text), [row(2, [" a,\"b\" ", "é", " 12 ", "t"])]);
}

#[test]
fn line_numbers_are_those_of_the_file() {
    let fields = ["s", "d", "1", "t"];
    for end in ["\n", "\r\n"] {
        let text = format!("{HEADER}\ns,d,1,t\n\"s\n\n2\",d,1,t\n\n\ns,d,1,t").replace('\n', end);
        let lines = ["s", "s\n\n2"].map(|site| [site, "d", "1", "t"]);
        assert_eq!(rows(&text), [row(3, lines[0]), row(4, lines[1]), row(9, fields)], "{end:?}");
    }
}

#[test]
fn a_missing_column_is_named_with_the_columns_of_the_file() {
    assert_eq!(
        header_error("site_id,meter,power,timestamp\n1,2,3,4\n"),
        "the CSV header has no column `device_id`, `power_reading`; its columns are `site_id`, \
         `meter`, `power`, `timestamp`"
    );
    let no_header = header_error("house,meter,5,2024-01-15T10:30:00Z\n");
    assert!(no_header.contains("must be a header such as site_id,device_id,power"), "{no_header}");
    let other_case = header_error("Site_ID,device_id,powerReading,timestamp\n");
    let hint = ": `Site_ID` must be `site_id`, `powerReading` must be `power_reading`";
    assert!(other_case.ends_with(hint), "{other_case}");
}

#[test]
fn a_long_header_is_truncated_in_the_error() {
    let (long, many) = ("é".repeat(20_000), ["column"; 1_000].join(","));
    let error = header_error(&format!("{long},{many}\n"));
    assert!(error.len() < 1_000, "{error}");
    assert!(error.ends_with("`column` and 989 more") && error.contains("éé…`"), "{error}");
    assert!(header_error(&format!("{}\n", "x,".repeat(100_000))).contains("more than 65536 bytes"));
}

#[test]
fn other_first_lines_than_a_header_are_identified() {
    for (text, what) in [
        ("site_id;device_id;power_reading;timestamp\n1;2;3,5;4\n", "separated by `;`"),
        ("Datum;Zeit;Leistung (kW, Mittel)\n", "separated by `;`"),
        ("site_id\tdevice_id\tpower_reading\ttimestamp\n", "separated by tabs"),
        ("site_id|device_id|power_reading|timestamp\n", "separated by `|`"),
        ("{\"site_id\":\"a\"}\n", "--format ndjson"),
        ("[\n", "--format ndjson"),
        ("site_id,device_id,power_reading,timestamp\rs,d,1,t\r", "tr '\\r' '\\n'"),
        ("site\0id,device_id\n", "binary data"),
        ("\"site_id\"x,device_id\n", "quotation mark"),
    ] {
        let error = header_error(text);
        assert!(error.contains(what), "{text:?}: {error}");
    }
}

#[test]
fn an_id_is_never_guessed_from_stray_quotation_marks() {
    let stray = |line| rejected(line, RowError::StrayQuote);
    let text = r#""house \"A\"",m,1,t
"q1" x,m,1,t
"q4 5" pipe",m,1,t
5" pipe,m,1,t
"a ""b""",m,1,t
"#;
    let good = row(6, ["a \"b\"", "m", "1", "t"]);
    assert_eq!(rows(&format!("{HEADER}{text}")), [stray(2), stray(3), stray(4), stray(5), good]);
}

#[test]
fn hour_24_is_sent_as_hour_0_of_the_next_day() {
    let text = format!("{HEADER}s,d,1,2023-12-31T24:00:00Z\ns,d,1,2024-01-01T24:30:00Z\n");
    assert_eq!(
        rows(&text),
        [
            row(2, ["s", "d", "1", "2024-01-01T00:00:00Z"]),
            row(3, ["s", "d", "1", "2024-01-01T24:30:00Z"])
        ]
    );
}

#[test]
fn a_column_that_occurs_twice_is_ambiguous() {
    let error = header_error("site_id,device_id,power_reading,timestamp,site_id\n");
    assert_eq!(error, "the CSV header has the column `site_id` more than once");
}

#[test]
fn an_empty_file_has_no_header_and_no_rows() {
    assert!(CsvRows::open(Lines::new(&b"\n \n"[..])).unwrap().is_none());
    assert_eq!(rows(HEADER), []);
}

#[test]
fn a_row_with_more_or_fewer_fields_than_the_header_is_rejected() {
    let error = |found| RowError::FieldCount { expected: 4, found };
    assert_eq!(
        rows(&format!("{HEADER}s,d,1,5,t\ns,d,1,t\ns,d,1\n")),
        [rejected(2, error(5)), row(3, ["s", "d", "1", "t"]), rejected(4, error(3))]
    );
}

#[test]
fn an_unclosed_quote_rejects_only_its_line() {
    let text = format!("{HEADER}s,\"d,1,t\ns,d,1,t\n\"s\",d,2,t\n");
    let open = rejected(2, RowError::OpenQuote);
    assert_eq!(
        rows(&text),
        [open.clone(), row(3, ["s", "d", "1", "t"]), row(4, ["s", "d", "2", "t"])]
    );
    let many = "s,d,1,t\n".repeat(MAX_LINE_BYTES / 4);
    let rows = rows(&format!("{HEADER}s,\"d,1,t\n{many}"));
    assert_eq!(rows[0], open);
    assert_eq!(rows.len(), 1 + MAX_LINE_BYTES / 4);
    assert!(rows[1..].iter().all(|found| matches!(found, Found::Row(..))));
}

#[test]
fn a_row_that_is_too_long_is_rejected_and_reading_continues() {
    let long = "x".repeat(MAX_LINE_BYTES);
    let commas = ",".repeat(MAX_LINE_BYTES);
    let blank = "\n".repeat(MAX_LINE_BYTES);
    let text = format!("{HEADER}{long},d,1,t\n{commas}\n\"{blank}\ns,d,1,t\n");
    assert_eq!(
        rows(&text),
        [
            rejected(2, RowError::TooLong),
            rejected(3, RowError::FieldCount { expected: 4, found: MAX_LINE_BYTES + 1 }),
            rejected(4, RowError::OpenQuote),
            row(5 + MAX_LINE_BYTES as u64, ["s", "d", "1", "t"])
        ]
    );
}

#[test]
fn a_row_that_is_not_utf8_is_rejected_with_its_text() {
    let rows = read(&[HEADER.as_bytes(), b"s,\xff,1,t\ns,d,1,t\n"].concat());
    let invalid = rows[0].as_ref().expect_err("no text");
    assert_eq!((invalid.line, invalid.error.clone()), (2, RowError::NotUtf8.into()));
    assert_eq!(invalid.text, "s,\u{fffd},1,t");
    assert!(rows[1].is_ok());
}

#[test]
fn a_row_keeps_the_text_of_the_file() {
    let rows = read(format!("{HEADER}\"s\nx\",d,abc,t\r\n").as_bytes());
    assert_eq!(rows[0].as_ref().unwrap().text(), "\"s\nx\",d,abc,t");
}
