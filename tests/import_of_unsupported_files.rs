//! The kind of a file that `import` cannot read is named before anything is sent.

use crate::common::import::{Input, figure, gzip, import, rows};
use crate::common::product::{Role, ingestion_api};
use crate::common::readings::NOON;
use crate::common::redis::{RedisServer, STREAM};

const HEADER: &str = "site_id,device_id,power_reading,timestamp";

async fn start() -> (RedisServer, Role) {
    let redis = RedisServer::start().await;
    let ingestion = ingestion_api(&redis).start().await;
    (redis, ingestion)
}

/// The header of a member of a zip archive, and its first bytes.
fn member(name: &str) -> Vec<u8> {
    let mut header = b"PK\x03\x04\x14\0\x06\0\x08\0\0\0\x21\0".to_vec();
    header.extend([0; 12]);
    header.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
    header.extend([0, 0]);
    header.extend(name.as_bytes());
    header.extend([0x9d, 0x55, 0xcd, 0x6e, 0xc2, 0x30, 0x0c, 0x0a]);
    header
}

fn wide(text: &str, width: usize) -> Vec<u8> {
    text.bytes().flat_map(|byte| (0..width).map(move |at| if at == 0 { byte } else { 0 })).collect()
}

fn files() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let xlsx = [member("[Content_Types].xml"), member("_rels/.rels"), member("xl/workbook.xml")];
    let table = format!("{HEADER}\nhouse,meter,5,{NOON}\n");
    vec![
        ("a.xlsx", xlsx.concat(), "this is an Excel workbook (.xlsx); save the sheet as CSV"),
        (
            "a.csv",
            [member("readings.csv"), member("b")].concat(),
            "a zip archive with `readings.csv`",
        ),
        ("a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0\0".to_vec(), ".xls"),
        ("a.csv", b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n1 0 obj\n".to_vec(), "a PDF document"),
        ("a.csv.gz", gzip("%PDF-1.4\n"), "a PDF document"),
        ("a.xml", b"<?xml version=\"1.0\"?>\n<feed/>\n".to_vec(), "this is XML"),
        ("a.csv", b"<!DOCTYPE html>\n<html>\n".to_vec(), "an HTML page"),
        ("a.ndjson", b"<html>".to_vec(), "an HTML page"),
        ("a.db", b"SQLite format 3\0\x10\0\x01\x01".to_vec(), "an SQLite database"),
        ("a.parquet", b"PAR1\x15\x04\x15\x10".to_vec(), "a Parquet file"),
        ("a.csv", [&b"\xff\xfe\0\0"[..], &wide(&table, 4)].concat(), "UTF-32"),
        ("a.csv", [&b"\xff\xfe"[..], &wide(&table, 2)].concat(), "UTF-16"),
        ("a.csv", wide(&table, 2), "UTF-16"),
        ("a.csv", vec![7, 0, 1, 2, 0xff, 0xfe], "binary data"),
        ("a.csv", table.replace(',', ";").into(), "separated by `;`"),
        ("a.csv", table.replace(',', "\t").into(), "separated by tabs"),
        ("a.csv", table.replace('\n', "\r").into(), "carriage return"),
        ("a.csv", rows(3).into(), "--format ndjson"),
        ("a.ndjson", table.clone().into(), "--format csv"),
        ("a.ndjson", rows(3).replace('\n', "\r").into(), "carriage return"),
        ("a.json", b"[\n{}\n]".to_vec(), "JSON array"),
        ("a.json", b"{\n \"site_id\": \"a\"\n}\n".to_vec(), "jq -c"),
        ("a.csv", table.to_uppercase().into(), "`SITE_ID` must be `site_id`"),
    ]
}

#[tokio::test]
async fn the_kind_of_an_unsupported_file_is_named() {
    let (redis, ingestion) = start().await;
    for (name, bytes, what) in files() {
        let input = Input::new(name, bytes);
        let ended = import(&input.file, ingestion.base()).run().await;
        let file = input.file.display().to_string();
        assert_eq!((ended.status.code(), figure(&ended, "rows")), (Some(1), 0), "{ended:?}");
        assert!(ended.stderr.contains(what), "{name}, {what}: {}", ended.stderr);
        assert!(ended.stderr.contains(&format!("energy-pipeline: {file}: ")), "{}", ended.stderr);
        assert!(ended.stderr.lines().count() < 4 && ended.stderr.len() < 1_000, "{}", ended.stderr);
    }
    assert_eq!(redis.run::<usize>(&["XLEN", STREAM]).await, 0);
}

#[tokio::test]
async fn control_characters_of_a_header_do_not_reach_the_terminal() {
    let (_redis, ingestion) = start().await;
    for header in ["\u{1b}[31msite\u{1b}]0;title\u{7}_id,device_id", "\u{9b}2J,\u{202e}x", "a\0b,c"]
    {
        let ended = import(&Input::new("a.csv", header).file, ingestion.base()).run().await;
        let text = ended.stderr.replace('\n', "");
        assert!(!text.chars().any(|c| c.is_control() || c == '\u{202e}'), "{text:?}");
    }
}

#[tokio::test]
async fn a_long_header_is_shown_truncated() {
    let (_redis, ingestion) = start().await;
    for header in ["x".repeat(60_000), "x,".repeat(20_000), "x".repeat(1 << 20)] {
        let input = Input::new("a.csv", header);
        let ended = import(&input.file, ingestion.base()).run().await;
        assert_eq!(ended.status.code(), Some(1));
        assert!(ended.stderr.len() < 1_000, "{}", ended.stderr.len());
    }
}

#[tokio::test]
async fn quotation_marks_are_as_in_rfc_4180_or_the_row_is_rejected() {
    let (redis, ingestion) = start().await;
    let row = |site: &str| format!("{site},meter,5,{NOON}\n");
    let table = [
        r#""house \"A\"""#,
        r#""q1" x"#,
        r#""q4 5" pipe""#,
        r#"5" pipe"#,
        r#" "q""#,
        r#""a ""b"" c""#,
        "\"over\ntwo lines\"",
    ];
    let table: String = table.map(row).concat();
    let input = Input::new("a.csv", format!("{HEADER}\n{table}"));
    let import = import(&input.file, ingestion.base()).arg("--rejects").arg(input.rejects());
    let ended = import.run().await;
    assert_eq!((ended.status.code(), figure(&ended, "accepted")), (Some(3), 1), "{ended:?}");
    let rejected: Vec<_> = input.rejected();
    let lines: Vec<_> = rejected.iter().map(|entry| entry["line"].as_u64().unwrap()).collect();
    assert_eq!(lines, [2, 3, 4, 5, 6, 8]);
    let kind = |entry: &serde_json::Value| entry["reasons"][0]["type"] == "stray_quote";
    assert!(rejected[..5].iter().all(kind), "{rejected:?}");
    let entries = redis.entries(STREAM).await;
    let mut sites: Vec<_> = entries.iter().map(|entry| entry.fields[0].1.as_str()).collect();
    sites.sort_unstable();
    // The last is a row of two lines, but the service rejects an id with a line feed.
    assert_eq!(sites, ["a \"b\" c"]);
}

#[tokio::test]
async fn the_hour_24_of_a_table_is_the_hour_0_of_the_next_day() {
    let (redis, ingestion) = start().await;
    let row = |time: &str| format!("house,meter,5,{time}\n");
    let times = ["2023-12-31T24:00:00-07:00", "2024-02-28 24:00", "2024-01-15T24:01:00Z"];
    let input = Input::new("a.csv", format!("{HEADER}\n{}", times.map(row).concat()));
    let ended = import(&input.file, ingestion.base()).run().await;
    assert_eq!((figure(&ended, "accepted"), figure(&ended, "rejected")), (2, 1), "{ended:?}");
    let entries = redis.entries(STREAM).await;
    let mut times: Vec<_> = entries.iter().map(|entry| entry.fields[3].1.as_str()).collect();
    times.sort_unstable();
    assert_eq!(times, ["2024-01-01T00:00:00-07:00", "2024-02-29 00:00"]);
}

#[tokio::test]
async fn an_error_in_ndjson_is_reported_with_its_line_and_reason() {
    let (_redis, ingestion) = start().await;
    let input = Input::new("a.ndjson", format!("{}\n{{\"site_id\": house}}\n", rows(1)));
    let ended = import(&input.file, ingestion.base()).run().await;
    let told =
        ended.stderr.lines().find(|line| line.starts_with("line 2 rejected: JSON decode error"));
    let told = told.unwrap_or_else(|| panic!("{}", ended.stderr));
    assert!(told.contains(" at character 12: "), "{told}");
}
