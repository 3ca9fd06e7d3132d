mod exports;

use std::io::Write;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::client::fake_service::{FakeService, Reply};
use crate::client::tls_files::TlsFiles;
use crate::input::format::FormatChoice;
use crate::shape_arguments::ShapeArguments;
use crate::tracking::console::Silent;
use crate::tracking::stats::Snapshot;

async fn run_silently(
    arguments: ImportArguments,
    interrupted: &CancellationToken,
) -> anyhow::Result<ImportResult> {
    run(arguments, None, "energy-pipeline", &Silent, interrupted).await
}

/// An import of a file into a fake service.
struct Import {
    directory: TempDir,
    arguments: ImportArguments,
}

impl Import {
    fn new(service: &FakeService, name: &str, content: impl AsRef<[u8]>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join(name);
        std::fs::write(&file, content).unwrap();
        let arguments = ImportArguments {
            file: Some(file),
            shape: ShapeArguments::default(),
            url: service.url.clone(),
            api_key_file: None,
            tls: TlsFiles::default(),
            batch_size: 1,
            concurrency: Some(4),
            retry_for: Duration::from_mins(1),
            rejects: Some(directory.path().join("rejects")),
            format: FormatChoice::Auto,
            from_line: 1,
            no_idempotency_keys: false,
        };
        Self { directory, arguments }
    }

    /// The result, and the lines of the rejects file.
    async fn run(self) -> (ImportResult, Vec<Value>) {
        let result = run_silently(self.arguments, &CancellationToken::new()).await.unwrap();
        let rejects = std::fs::read_to_string(self.directory.path().join("rejects")).unwrap();
        let mut rejects: Vec<Value> =
            rejects.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        rejects.sort_by_key(|entry| entry["line"].as_u64());
        (result, rejects)
    }
}

fn numbered(rows: std::ops::Range<usize>) -> String {
    let rows: Vec<String> = rows.map(|number| format!("{{\"n\":{number}}}")).collect();
    rows.join("\n")
}

fn failure(result: &ImportResult) -> String {
    format!("{:#}", result.abort.reason().expect("a failure"))
}

fn numbers(counts: Snapshot) -> [u64; 4] {
    [counts.accepted, counts.rejected, counts.failed, counts.unknown]
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn every_row_is_sent_once_and_roughly_in_order() {
    let service = FakeService::start(|_, _| Reply::accepted()).await;
    let (result, rejects) = Import::new(&service, "a.ndjson", numbered(0..1_000)).run().await;
    assert_eq!(numbers(result.summary.counts), [1_000, 0, 0, 0]);
    assert_eq!(rejects, Vec::<Value>::new());
    let place = |body: &String| -> usize {
        serde_json::from_str::<Value>(body).unwrap()["n"].as_u64().unwrap().try_into().unwrap()
    };
    let mut sent: Vec<usize> = service.bodies().iter().map(place).collect();
    assert!(sent.iter().enumerate().all(|(place, number)| place.abs_diff(*number) < 100));
    sent.sort_unstable();
    assert!(sent.into_iter().eq(0..1_000));
    assert!(service.connections() <= 4);
}

#[tokio::test]
async fn rejected_rows_are_written_to_the_rejects_file_and_the_others_sent() {
    let service = FakeService::start(|_, body| match body {
        "bad" => {
            let fault = json!({ "type": "missing", "loc": ["body", "x"], "msg": "no", "input": 1 });
            Reply::Respond(422, "", json!({ "detail": [fault] }).to_string())
        }
        _ => Reply::accepted(),
    });
    let long = "x".repeat(100_000);
    let text = format!("{{}}\r\nbad\n\n{long}\n{{}}");
    let (result, rejects) = Import::new(&service.await, "a.jsonl", text).run().await;
    assert_eq!(numbers(result.summary.counts), [2, 2, 0, 0]);
    assert!(result.abort.reason().is_none());
    let reason = json!({ "type": "missing", "loc": ["body", "x"], "msg": "no" });
    assert_eq!(
        rejects[0],
        json!({ "line": 2, "row": "bad", "outcome": "rejected", "reasons": [reason] })
    );
    assert_eq!((&rejects[1]["line"], rejects.len()), (&json!(4), 2));
    assert_eq!(rejects[1]["reasons"][0]["type"], "row_too_long");
}

#[tokio::test]
async fn a_csv_file_is_sent_as_readings() {
    let service = FakeService::start(|_, _| Reply::accepted()).await;
    let text = gzip("timestamp,site_id,device_id,power_reading\n2024-01-15T10:30:00Z,s,d,1.50\n");
    let (result, _) = Import::new(&service, "a.csv.gz", text).run().await;
    assert_eq!(numbers(result.summary.counts), [1, 0, 0, 0]);
    let body: Value = serde_json::from_str(&service.bodies()[0]).unwrap();
    let (power_reading, timestamp) = ("1.50", "2024-01-15T10:30:00Z");
    assert_eq!(
        body,
        json!({ "site_id": "s", "device_id": "d", "power_reading": power_reading,
            "timestamp": timestamp })
    );
}

#[tokio::test]
async fn of_truncated_gzip_the_intact_rows_are_sent_and_the_line_is_named() {
    let service = FakeService::start(|_, _| Reply::accepted()).await;
    let whole = gzip(&numbered(0..5_000));
    let (result, _) = Import::new(&service, "a.gz", &whole[..whole.len() / 2]).run().await;
    let accepted = result.summary.counts.accepted;
    assert!((1_000..4_999).contains(&accepted), "{accepted}");
    let reason = failure(&result);
    assert!(reason.contains(&format!("cut off; nothing after line {accepted} could")), "{reason}");
}

#[tokio::test]
async fn without_a_column_nothing_is_sent() {
    let service = FakeService::start(|_, _| Reply::accepted()).await;
    let text = "site_id,device_id,timestamp\ns,d,2024-01-15T10:30:00Z\n";
    let (result, _) = Import::new(&service, "a.csv", text).run().await;
    let reason = failure(&result);
    assert!(reason.contains("no column `power_reading`"), "{reason}");
    assert_eq!(service.bodies(), Vec::<String>::new());
}

#[tokio::test]
async fn an_empty_file_has_no_rows() {
    let service = FakeService::start(|_, _| Reply::accepted()).await;
    for (name, content) in [("a.ndjson", vec![]), ("a.csv", vec![]), ("a", gzip(""))] {
        let (result, _) = Import::new(&service, name, content).run().await;
        assert_eq!(result.summary.counts.rows(), 0, "{name}");
        assert!(result.abort.reason().is_none(), "{name}");
    }
}

#[tokio::test]
async fn an_import_is_aborted_when_a_hundred_rows_fail_in_succession() {
    let service = FakeService::start(|number, _| match number {
        0 => Reply::accepted(),
        _ => Reply::Respond(404, "", "{}".to_owned()),
    });
    let import = Import::new(&service.await, "a.ndjson", numbered(0..10_000));
    let (result, rejects) = import.run().await;
    let counts = result.summary.counts;
    assert!((100..110).contains(&counts.failed), "{counts:?}");
    assert_eq!(counts.failed, rejects.len() as u64);
    assert_eq!(counts.failed + 1, counts.last_line);
    assert_eq!(counts.first_unsettled_line, Some(2));
    let reason = failure(&result);
    assert!(reason.contains("100 rows failed in a row") && reason.contains("404"), "{reason}");
}

#[tokio::test]
async fn a_wrong_url_gets_one_request() {
    let service = FakeService::start(|_, _| Reply::Respond(404, "", "{}".to_owned())).await;
    let (result, rejects) = Import::new(&service, "a.ndjson", numbered(0..10_000)).run().await;
    assert_eq!((service.bodies().len(), rejects.len()), (1, 1));
    assert_eq!(numbers(result.summary.counts), [0, 0, 1, 0]);
    assert!(failure(&result).contains("no Ingestion API"));
}

#[tokio::test]
async fn the_first_line_to_send_does_not_change_keys() {
    let service = FakeService::start(|_, _| Reply::accepted()).await;
    let rows = "site_id,device_id,power_reading,timestamp\ns,d,1,t\n\ns,d,1,t\ns,d,2,t\ns,d,1,t\n";
    let whole = Import::new(&service, "a.csv", rows);
    assert_eq!(numbers(whole.run().await.0.summary.counts), [4, 0, 0, 0]);
    let mut part = Import::new(&service, "a.csv", rows);
    part.arguments.from_line = 4;
    assert_eq!(numbers(part.run().await.0.summary.counts), [3, 0, 0, 0]);
    let mut keys = service.keys();
    let mut part = keys.split_off(4);
    for keys in [&mut keys, &mut part] {
        keys.sort_unstable();
        keys.dedup();
    }
    assert_eq!((keys.len(), part.len()), (4, 3));
    assert!(part.iter().all(|key| key.is_some() && keys.contains(key)));
}

#[tokio::test]
async fn without_idempotency_keys_no_key_is_sent() {
    let service = FakeService::start(|_, _| Reply::accepted()).await;
    let mut import = Import::new(&service, "a.ndjson", numbered(0..10));
    import.arguments.no_idempotency_keys = true;
    import.run().await;
    assert_eq!(service.keys(), [const { None }; 10]);
}

#[tokio::test]
async fn an_interrupted_import_finishes_the_rows_in_flight() {
    let interrupted = CancellationToken::new();
    let interrupt = interrupted.clone();
    let service = FakeService::start(move |number, _| {
        if number == 100 {
            interrupt.cancel();
        }
        Reply::accepted()
    });
    let service = service.await;
    let import = Import::new(&service, "a.ndjson", numbered(0..10_000));
    let result = run_silently(import.arguments, &interrupted).await.unwrap();
    let counts = result.summary.counts;
    assert!(result.is_interrupted && result.abort.reason().is_none());
    assert!((101..110).contains(&counts.accepted), "{counts:?}");
    assert_eq!(counts.accepted, counts.last_line);
    assert_eq!(service.bodies().len() as u64, counts.accepted);
}

#[tokio::test]
async fn a_missing_file_is_named() {
    let service = FakeService::start(|_, _| Reply::accepted()).await;
    let mut import = Import::new(&service, "a.ndjson", "");
    import.arguments.file = Some(PathBuf::from("/no/such.csv"));
    let error =
        run_silently(import.arguments, &CancellationToken::new()).await.err().expect("no file");
    assert!(format!("{error:#}").starts_with("cannot read /no/such.csv: No such file"));
}
