use std::io::Write;
use std::path::Path;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::client::fake_service::{Reply, Stub};
use crate::input::format::FormatChoice;
use crate::tracking::console::Silent;
use crate::tracking::stats::Counts;

async fn run_silently(
    arguments: ImportArguments,
    interrupted: &CancellationToken,
) -> anyhow::Result<Conclusion> {
    run(arguments, "energy-pipeline".to_owned(), &Silent, interrupted).await
}

/// Imports into a stub what a file holds.
struct Attempt {
    directory: TempDir,
    arguments: ImportArguments,
}

impl Attempt {
    fn new(stub: &Stub, name: &str, content: impl AsRef<[u8]>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join(name);
        std::fs::write(&file, content).unwrap();
        let arguments = ImportArguments {
            file,
            url: stub.url.clone(),
            concurrency: 4,
            retry_for: Duration::from_mins(1),
            rejects: Some(directory.path().join("rejects")),
            format: FormatChoice::Auto,
            from_line: 1,
            no_idempotency_keys: false,
        };
        Self { directory, arguments }
    }

    /// The conclusion, and the lines of the rejects file.
    async fn run(self) -> (Conclusion, Vec<Value>) {
        let conclusion = run_silently(self.arguments, &CancellationToken::new()).await.unwrap();
        let rejects = std::fs::read_to_string(self.directory.path().join("rejects")).unwrap();
        let mut rejects: Vec<Value> =
            rejects.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        rejects.sort_by_key(|entry| entry["line"].as_u64());
        (conclusion, rejects)
    }
}

fn numbered(rows: std::ops::Range<usize>) -> String {
    let rows: Vec<String> = rows.map(|number| format!("{{\"n\":{number}}}")).collect();
    rows.join("\n")
}

fn failure(conclusion: &Conclusion) -> String {
    format!("{:#}", conclusion.stop.reason().expect("a failure"))
}

fn numbers(counts: Counts) -> [u64; 4] {
    [counts.accepted, counts.rejected, counts.failed, counts.unknown]
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn every_row_is_sent_once_and_roughly_in_order() {
    let stub = Stub::start(|_, _| Reply::accepted()).await;
    let (conclusion, rejects) = Attempt::new(&stub, "a.ndjson", numbered(0..1_000)).run().await;
    assert_eq!(numbers(conclusion.summary.counts), [1_000, 0, 0, 0]);
    assert_eq!(rejects, Vec::<Value>::new());
    let place = |body: &String| -> usize {
        serde_json::from_str::<Value>(body).unwrap()["n"].as_u64().unwrap().try_into().unwrap()
    };
    let mut sent: Vec<usize> = stub.bodies().iter().map(place).collect();
    assert!(sent.iter().enumerate().all(|(place, number)| place.abs_diff(*number) < 100));
    sent.sort_unstable();
    assert!(sent.into_iter().eq(0..1_000));
    assert!(stub.connections() <= 4);
}

#[tokio::test]
async fn rows_that_are_rejected_are_written_down_and_the_others_sent() {
    let stub = Stub::start(|_, body| match body {
        "bad" => {
            let fault = json!({ "type": "missing", "loc": ["body", "x"], "msg": "no", "input": 1 });
            Reply::Answer(422, "", json!({ "detail": [fault] }).to_string())
        }
        _ => Reply::accepted(),
    });
    let long = "x".repeat(100_000);
    let text = format!("{{}}\r\nbad\n\n{long}\n{{}}");
    let (conclusion, rejects) = Attempt::new(&stub.await, "a.jsonl", text).run().await;
    assert_eq!(numbers(conclusion.summary.counts), [2, 2, 0, 0]);
    assert!(conclusion.stop.reason().is_none());
    let reason = json!({ "type": "missing", "loc": ["body", "x"], "msg": "no" });
    assert_eq!(
        rejects[0],
        json!({ "line": 2, "row": "bad", "outcome": "rejected", "reasons": [reason] })
    );
    assert_eq!((&rejects[1]["line"], rejects.len()), (&json!(4), 2));
    assert_eq!(rejects[1]["reasons"][0]["type"], "row_too_long");
}

#[tokio::test]
async fn a_table_is_sent_as_readings() {
    let stub = Stub::start(|_, _| Reply::accepted()).await;
    let text = gzip("timestamp,site_id,device_id,power_reading\n2024-01-15T10:30:00Z,s,d,1.50\n");
    let (conclusion, _) = Attempt::new(&stub, "a.csv.gz", text).run().await;
    assert_eq!(numbers(conclusion.summary.counts), [1, 0, 0, 0]);
    let body: Value = serde_json::from_str(&stub.bodies()[0]).unwrap();
    let (power_reading, timestamp) = ("1.50", "2024-01-15T10:30:00Z");
    assert_eq!(
        body,
        json!({ "site_id": "s", "device_id": "d", "power_reading": power_reading,
            "timestamp": timestamp })
    );
}

#[tokio::test]
async fn of_gzip_that_is_cut_off_the_good_rows_are_sent_and_the_line_is_named() {
    let stub = Stub::start(|_, _| Reply::accepted()).await;
    let whole = gzip(&numbered(0..5_000));
    let (conclusion, _) = Attempt::new(&stub, "a.gz", &whole[..whole.len() / 2]).run().await;
    let accepted = conclusion.summary.counts.accepted;
    assert!((1_000..4_999).contains(&accepted), "{accepted}");
    let reason = failure(&conclusion);
    assert!(reason.contains(&format!("cut off; nothing after line {accepted} could")), "{reason}");
}

#[tokio::test]
async fn without_a_column_nothing_is_sent() {
    let stub = Stub::start(|_, _| Reply::accepted()).await;
    let text = "site_id,device_id,timestamp\ns,d,2024-01-15T10:30:00Z\n";
    let (conclusion, _) = Attempt::new(&stub, "a.csv", text).run().await;
    let reason = failure(&conclusion);
    assert!(reason.contains("no column `power_reading`"), "{reason}");
    assert_eq!(stub.bodies(), Vec::<String>::new());
}

#[tokio::test]
async fn an_empty_file_has_no_rows() {
    let stub = Stub::start(|_, _| Reply::accepted()).await;
    for (name, content) in [("a.ndjson", vec![]), ("a.csv", vec![]), ("a", gzip(""))] {
        let (conclusion, _) = Attempt::new(&stub, name, content).run().await;
        assert_eq!(conclusion.summary.counts.rows(), 0, "{name}");
        assert!(conclusion.stop.reason().is_none(), "{name}");
    }
}

#[tokio::test]
async fn an_import_ends_when_row_after_row_fails() {
    let stub = Stub::start(|number, _| match number {
        0 => Reply::accepted(),
        _ => Reply::Answer(404, "", "{}".to_owned()),
    });
    let attempt = Attempt::new(&stub.await, "a.ndjson", numbered(0..10_000));
    let (conclusion, rejects) = attempt.run().await;
    let counts = conclusion.summary.counts;
    assert!((100..110).contains(&counts.failed), "{counts:?}");
    assert_eq!(counts.failed, rejects.len() as u64);
    assert_eq!(counts.failed + 1, counts.last_line);
    assert_eq!(counts.first_open_line, Some(2));
    let reason = failure(&conclusion);
    assert!(reason.contains("100 rows failed in a row") && reason.contains("404"), "{reason}");
}

#[tokio::test]
async fn a_wrong_url_is_asked_once() {
    let stub = Stub::start(|_, _| Reply::Answer(404, "", "{}".to_owned())).await;
    let (conclusion, rejects) = Attempt::new(&stub, "a.ndjson", numbered(0..10_000)).run().await;
    assert_eq!((stub.bodies().len(), rejects.len()), (1, 1));
    assert_eq!(numbers(conclusion.summary.counts), [0, 0, 1, 0]);
    assert!(failure(&conclusion).contains("no Ingestion API"));
}

#[tokio::test]
async fn rows_before_the_first_to_be_sent_change_no_key() {
    let stub = Stub::start(|_, _| Reply::accepted()).await;
    let rows = "site_id,device_id,power_reading,timestamp\ns,d,1,t\n\ns,d,1,t\ns,d,2,t\ns,d,1,t\n";
    let whole = Attempt::new(&stub, "a.csv", rows);
    assert_eq!(numbers(whole.run().await.0.summary.counts), [4, 0, 0, 0]);
    let mut part = Attempt::new(&stub, "a.csv", rows);
    part.arguments.from_line = 4;
    assert_eq!(numbers(part.run().await.0.summary.counts), [3, 0, 0, 0]);
    let mut keys = stub.keys();
    let mut part = keys.split_off(4);
    for keys in [&mut keys, &mut part] {
        keys.sort_unstable();
        keys.dedup();
    }
    assert_eq!((keys.len(), part.len()), (4, 3));
    assert!(part.iter().all(|key| key.is_some() && keys.contains(key)));
}

#[tokio::test]
async fn rows_have_no_keys_where_none_are_wanted() {
    let stub = Stub::start(|_, _| Reply::accepted()).await;
    let mut attempt = Attempt::new(&stub, "a.ndjson", numbered(0..10));
    attempt.arguments.no_idempotency_keys = true;
    attempt.run().await;
    assert_eq!(stub.keys(), [const { None }; 10]);
}

#[tokio::test]
async fn an_interrupted_import_finishes_what_is_under_way() {
    let interrupted = CancellationToken::new();
    let interrupt = interrupted.clone();
    let stub = Stub::start(move |number, _| {
        if number == 100 {
            interrupt.cancel();
        }
        Reply::accepted()
    });
    let stub = stub.await;
    let attempt = Attempt::new(&stub, "a.ndjson", numbered(0..10_000));
    let conclusion = run_silently(attempt.arguments, &interrupted).await.unwrap();
    let counts = conclusion.summary.counts;
    assert!(conclusion.is_interrupted && conclusion.stop.reason().is_none());
    assert!((101..110).contains(&counts.accepted), "{counts:?}");
    assert_eq!(counts.accepted, counts.last_line);
    assert_eq!(stub.bodies().len() as u64, counts.accepted);
}

#[tokio::test]
async fn a_file_that_does_not_exist_is_named() {
    let stub = Stub::start(|_, _| Reply::accepted()).await;
    let mut attempt = Attempt::new(&stub, "a.ndjson", "");
    attempt.arguments.file = Path::new("/no/such.csv").to_owned();
    let error =
        run_silently(attempt.arguments, &CancellationToken::new()).await.err().expect("no file");
    assert!(format!("{error:#}").starts_with("cannot read /no/such.csv: No such file"));
}
