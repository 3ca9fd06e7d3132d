//! `import` sends each row of a file once, and reports each that was not accepted.

use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::common::import::{Input, figure, gzip, import, powers, rows};
use crate::common::process::Process;
use crate::common::product::{Role, ingestion_api, launch};
use crate::common::readings::{NOON, reading};
use crate::common::redis::{RedisServer, STREAM, free_port};
use crate::common::wait;

async fn start() -> (RedisServer, Role) {
    let redis = RedisServer::start().await;
    let ingestion = ingestion_api(&redis).start().await;
    (redis, ingestion)
}

#[tokio::test]
async fn invalid_rows_go_to_the_rejects_file_and_the_others_are_accepted() {
    let (redis, ingestion) = start().await;
    let bad = r#"{"site_id":"","device_id":"d","power_reading":-1,"timestamp":"2024-01-15"}"#;
    let good = reading("house");
    let input = Input::new("a.ndjson", format!("{good}\r\n\n{bad}\nnot json\n{good}"));
    let import = import(&input.file, ingestion.base()).arg("--rejects").arg(input.rejects());
    let ended = import.run().await;
    assert_eq!(ended.status.code(), Some(3), "{ended:?}");
    let figures = ["rows", "accepted", "rejected", "failed"].map(|name| figure(&ended, name));
    assert_eq!(figures, [4, 2, 2, 0]);
    assert_eq!(redis.entries(STREAM).await.len(), 2);
    let rejected = input.rejected();
    assert_eq!((&rejected[0]["line"], &rejected[0]["row"]), (&json!(3), &json!(bad)));
    let reasons = rejected[0]["reasons"].as_array().unwrap();
    let reasons: Vec<_> = reasons.iter().map(|reason| [&reason["type"], &reason["loc"]]).collect();
    assert_eq!(
        json!(reasons),
        json!([
            ["string_too_short", ["body", "site_id"]],
            ["greater_than_equal", ["body", "power_reading"]]
        ])
    );
    assert_eq!((&rejected[1]["line"], rejected.len()), (&json!(4), 2));
    assert_eq!(rejected[1]["reasons"][0]["type"], "json_invalid");
}

#[tokio::test]
async fn without_a_rejects_file_the_first_rejections_are_shown() {
    let (_redis, ingestion) = start().await;
    let input = Input::new("a.ndjson", "{}\n".repeat(30));
    let ended = import(&input.file, ingestion.base()).run().await;
    assert_eq!(figure(&ended, "rejected"), 30);
    let shown = ended.stderr.lines().filter(|line| line.contains(" rejected: site_id: Field"));
    assert_eq!(shown.count(), 10, "{}", ended.stderr);
}

#[tokio::test]
async fn a_table_is_accepted_whatever_the_order_of_its_columns() {
    let (redis, ingestion) = start().await;
    let table = format!(
        "timestamp,note,device_id,power_reading,site_id\r\n{NOON},\"a, \"\"b\"\"\r\nc\",main meter,1500.50,\"house, 1\"\r\n"
    );
    let input = Input::new("table", gzip(&table));
    let ended = import(&input.file, ingestion.base()).run().await;
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    let entry = redis.entries(STREAM).await.remove(0);
    let values: Vec<_> = entry.fields[..4].iter().map(|(_, value)| value.as_str()).collect();
    assert_eq!(values, ["house, 1", "main meter", "1500.5", NOON]);
}

#[tokio::test]
async fn a_table_without_a_required_column_is_rejected_before_anything_is_sent() {
    let (redis, ingestion) = start().await;
    let table = format!("site_id,device_id,power,timestamp\nhouse,meter,5,{NOON}\n");
    let input = Input::new("a.csv", table);
    let ended = import(&input.file, ingestion.base()).run().await;
    assert_eq!(ended.status.code(), Some(1));
    assert!(ended.stderr.contains("no column `power_reading`"), "{}", ended.stderr);
    assert_eq!(redis.entries(STREAM).await.len(), 0);
}

#[tokio::test]
async fn standard_input_is_read_when_the_file_is_a_dash() {
    let (redis, ingestion) = start().await;
    let input = Input::new("rows", rows(100));
    let mut shell = Command::new("sh");
    shell.args(["-c", "cat \"$0\" | \"$1\" import - --url \"$2\""]).arg(&input.file);
    shell.args([env!("CARGO_BIN_EXE_energy-pipeline"), ingestion.base()]);
    let ended = Process::start("import", &mut shell).ended().await;
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    assert_eq!(powers(&redis).await, (0..100).map(f64::from).collect::<Vec<_>>());
}

#[tokio::test]
async fn complete_rows_of_truncated_gzip_are_sent() {
    let (redis, ingestion) = start().await;
    let whole = gzip(&rows(3_000));
    let input = Input::new("a.ndjson.gz", &whole[..whole.len() / 2]);
    let ended = import(&input.file, ingestion.base()).run().await;
    assert_eq!(ended.status.code(), Some(1));
    let accepted = figure(&ended, "accepted");
    assert!(ended.stderr.contains(&format!("cut off; nothing after line {accepted} could")));
    assert!(accepted > 500);
    assert_eq!(redis.entries(STREAM).await.len() as u64, accepted);
}

#[tokio::test]
async fn rows_are_retried_until_redis_is_back_and_stored_once() {
    let (mut redis, ingestion) = start().await;
    let input = Input::new("a.ndjson", rows(3_000));
    let mut import = import(&input.file, ingestion.base()).arg("--concurrency").arg("8");
    import = import.arg("--rejects").arg(input.rejects());
    redis.kill9();
    let mut import = import.start_process();
    wait::until("the import says that Redis is away", async || import.stderr().contains(" 503 "))
        .await;
    redis.restart().await;
    let ended = import.ended().await;
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    assert_eq!(powers(&redis).await, (0..3_000).map(f64::from).collect::<Vec<_>>());
}

#[tokio::test]
async fn rows_with_an_unknown_outcome_are_retried_and_stored_once() {
    let (mut redis, ingestion) = start().await;
    let input = Input::new("a.ndjson", rows(3_000));
    let import = import(&input.file, ingestion.base()).arg("--rejects").arg(input.rejects());
    let mut import = import.arg("--batch-size").arg("10").start_process();
    wait::until("the import is under way", async || redis.entries(STREAM).await.len() > 100).await;
    redis.signal("STOP");
    wait::until("the import notices", async || import.stderr().contains("may have taken")).await;
    redis.signal("CONT");
    let ended = import.ended().await;
    assert_eq!((ended.status.code(), figure(&ended, "accepted")), (Some(0), 3_000), "{ended:?}");
    assert_eq!(powers(&redis).await, (0..3_000).map(f64::from).collect::<Vec<_>>());
}

#[tokio::test]
async fn without_keys_rows_with_an_unknown_outcome_are_reported_as_unknown() {
    let (mut redis, ingestion) = start().await;
    let input = Input::new("a.ndjson", rows(3_000));
    let import = import(&input.file, ingestion.base()).arg("--rejects").arg(input.rejects());
    let import = import.arg("--no-idempotency-keys").arg("--concurrency").arg("8");
    let import = import.arg("--batch-size").arg("1");
    let mut import = import.start_process();
    wait::until("the import is under way", async || redis.entries(STREAM).await.len() > 100).await;
    redis.signal("STOP");
    wait::until("the import notices", async || import.stderr().contains("may have taken")).await;
    redis.signal("CONT");
    let ended = import.ended().await;
    let [accepted, unknown] = ["accepted", "unknown"].map(|name| figure(&ended, name));
    assert_eq!((ended.status.code(), accepted + unknown), (Some(1), 3_000), "{ended:?}");
    assert!((1..=16).contains(&unknown), "{unknown}");
    assert!(input.rejected().iter().all(|line| line["outcome"] == "unknown"));
    let mut stored = powers(&redis).await;
    assert!(stored.len() as u64 >= accepted);
    let all = stored.len();
    stored.dedup();
    assert_eq!(stored.len(), all, "sent twice");
}

#[tokio::test]
async fn an_unreachable_service_is_reported_at_once_and_given_up_in_time() {
    let input = Input::new("a.ndjson", rows(1_000));
    let url = format!("http://127.0.0.1:{}", free_port());
    let import = import(&input.file, &url).arg("--retry-for").arg("2");
    let ended = import.run().await;
    assert_eq!(ended.status.code(), Some(1));
    assert!(ended.stderr.starts_with(&format!("{url} cannot be reached: ")), "{}", ended.stderr);
    assert!(ended.stderr.contains("gave up"), "{}", ended.stderr);
    assert!((1..=64).contains(&figure(&ended, "failed")), "{ended:?}");
}

#[tokio::test]
async fn ctrl_c_finishes_the_rows_in_flight() {
    let (redis, ingestion) = start().await;
    let input = Input::new("a.ndjson", rows(50_000));
    let mut import = import(&input.file, ingestion.base()).start_process();
    wait::until("the import is under way", async || redis.entries(STREAM).await.len() > 100).await;
    import.signal("INT");
    let ended = import.ended().await;
    assert_eq!(ended.status.code(), Some(130), "{ended:?}");
    let accepted = figure(&ended, "accepted");
    assert!(accepted < 50_000);
    assert_eq!(redis.entries(STREAM).await.len() as u64, accepted);
    assert!(ended.stderr.contains(&format!("stopped at line {accepted};")), "{}", ended.stderr);
}

#[tokio::test]
async fn exit_codes_distinguish_usage_errors() {
    let (_redis, ingestion) = start().await;
    let empty = Input::new("empty.csv", "");
    let ended = import(&empty.file, ingestion.base()).run().await;
    assert_eq!((ended.status.code(), figure(&ended, "rows")), (Some(4), 0));
    assert!(ended.stderr.contains("the file has no rows"), "{}", ended.stderr);
    let ended = import(Path::new("/no/such/file"), ingestion.base()).run().await;
    assert_eq!(ended.status.code(), Some(1));
    assert!(ended.stderr.contains("cannot read /no/such/file: No such file"), "{}", ended.stderr);
    for arguments in [["--concurrency", "0"], ["--url", "localhost"], ["--retry-for", "-1"]] {
        let ended = launch(&["import", "-"]).arg(arguments[0]).arg(arguments[1]).run().await;
        assert_eq!(ended.status.code(), Some(2), "{ended:?}");
    }
}

#[tokio::test]
async fn a_wrong_address_is_detected_by_the_first_response_and_the_right_one_named() {
    let (redis, ingestion) = start().await;
    let input = Input::new("a.ndjson", rows(10_000));
    let url = format!("{}/wrong", ingestion.base());
    let ended = import(&input.file, &url).run().await;
    assert_eq!(ended.status.code(), Some(1));
    assert_eq!((figure(&ended, "rows"), figure(&ended, "failed")), (1, 1));
    assert!(ended.stderr.contains("404"), "{}", ended.stderr);
    assert!(ended.stderr.contains("no Ingestion API; --url must be"), "{}", ended.stderr);
    assert_eq!(redis.entries(STREAM).await.len(), 0);
}
