//! Importing a file again adds only rows that are new.

use std::path::Path;

use crate::common::http::Reply;
use crate::common::import::{Input, figure, gzip, import, named_command, powers, rows};
use crate::common::process::Process;
use crate::common::product::{Role, ingestion_api, launch};
use crate::common::readings::reading;
use crate::common::redis::{RedisServer, STREAM};
use crate::common::wait;

async fn start() -> (RedisServer, Role) {
    let redis = RedisServer::start().await;
    let ingestion = ingestion_api(&redis).start().await;
    (redis, ingestion)
}

async fn entries(redis: &RedisServer) -> usize {
    redis.run(&["XLEN", STREAM]).await
}

/// Imports a file, and returns how many rows were accepted, and how many of these were duplicates.
async fn accepted(file: &Path, ingestion: &Role) -> [u64; 2] {
    let ended = import(file, ingestion.base()).run().await;
    ["accepted", "replayed"].map(|name| figure(&ended, name))
}

#[tokio::test]
async fn a_file_that_is_imported_again_adds_nothing() {
    let (redis, ingestion) = start().await;
    let input = Input::new("a.ndjson", rows(500));
    assert_eq!(accepted(&input.file, &ingestion).await, [500, 0]);
    let again = import(&input.file, ingestion.base()).arg("--concurrency").arg("7").run().await;
    assert_eq!(again.status.code(), Some(0), "{again:?}");
    assert_eq!((figure(&again, "accepted"), figure(&again, "replayed")), (500, 500));
    assert!(
        again.stderr.contains("500 of the accepted rows had been accepted before"),
        "{again:?}"
    );
    let packed = Input::new("b.gz", gzip(&rows(500)));
    assert_eq!(accepted(&packed.file, &ingestion).await, [500, 500]);
    assert_eq!(powers(&redis).await, (0..500).map(f64::from).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_file_that_has_grown_adds_its_new_rows() {
    let (redis, ingestion) = start().await;
    let input = Input::new("a.ndjson", rows(300));
    assert_eq!(accepted(&input.file, &ingestion).await, [300, 0]);
    std::fs::write(&input.file, rows(350)).unwrap();
    assert_eq!(accepted(&input.file, &ingestion).await, [350, 300]);
    assert_eq!(powers(&redis).await, (0..350).map(f64::from).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_overlapping_file_adds_only_rows_that_are_new() {
    let (redis, ingestion) = start().await;
    let all = rows(300);
    let part = |from: usize, to: usize| {
        let lines: Vec<_> = all.lines().skip(from).take(to - from).collect();
        Input::new("a.ndjson", lines.join("\n"))
    };
    assert_eq!(accepted(&part(0, 200).file, &ingestion).await, [200, 0]);
    assert_eq!(accepted(&part(100, 300).file, &ingestion).await, [200, 100]);
    assert_eq!(powers(&redis).await, (0..300).map(f64::from).collect::<Vec<_>>());
}

#[tokio::test]
async fn equal_rows_of_a_file_are_all_kept() {
    let (redis, ingestion) = start().await;
    let row = reading("house").to_string();
    let input = Input::new("a.ndjson", format!("{row}\nno json\n{row}\n{row}\n"));
    for replayed in [0, 3] {
        assert_eq!(accepted(&input.file, &ingestion).await, [3, replayed]);
        assert_eq!(entries(&redis).await, 3);
    }
    // A row that is corrected between them is the fourth.
    std::fs::write(&input.file, format!("{row}\n{row}\n{row}\n{row}\n")).unwrap();
    assert_eq!(accepted(&input.file, &ingestion).await, [4, 3]);
    assert_eq!(entries(&redis).await, 4);
}

#[tokio::test]
async fn a_row_is_recognised_in_every_file_format() {
    let (redis, ingestion) = start().await;
    let table = "site_id,device_id,power_reading,timestamp\nhouse,meter,5,2024-01-15T12:00:00Z\n";
    let other = "note,timestamp,power_reading,\"device_id\",site_id\r\n\"a\r\nb\",2024-01-15T12:00:00Z,5,meter,house\r\n";
    assert_eq!(accepted(&Input::new("a.csv", table).file, &ingestion).await, [1, 0]);
    assert_eq!(accepted(&Input::new("b.csv", other).file, &ingestion).await, [1, 1]);
    let row = reading("house").to_string();
    let object = row.replace(',', " , ").replace('{', "{\"note\": [1, null], ");
    assert_eq!(accepted(&Input::new("a.ndjson", row).file, &ingestion).await, [1, 0]);
    assert_eq!(accepted(&Input::new("b.ndjson", object).file, &ingestion).await, [1, 1]);
    assert_eq!(entries(&redis).await, 2);
}

#[tokio::test]
async fn keys_are_those_of_the_request_header_that_any_client_may_send() {
    let (redis, ingestion) = start().await;
    let body = r#"{"site_id":"house","device_id":"meter","power_reading":1500.5,"timestamp":"2024-01-15T12:00:00Z"}"#;
    let input = Input::new("a.ndjson", body);
    assert_eq!(accepted(&input.file, &ingestion).await, [1, 0]);
    // `printf %s "$body" | sha256sum | cut -c -32`
    let key = "6273f5159d450d98f9fdf09cd3b69c52";
    let request = ingestion.request(reqwest::Method::POST, "/readings");
    let reply = Reply::of(request.header("idempotency-key", key).body(body)).await;
    assert_eq!((reply.status, reply.header("idempotent-replayed")), (201, "true"));
    assert_eq!(entries(&redis).await, 1);
}

#[tokio::test]
async fn without_keys_every_row_is_added_each_time() {
    let (redis, ingestion) = start().await;
    let input = Input::new("a.ndjson", rows(50));
    for count in [50, 100] {
        let import = import(&input.file, ingestion.base()).arg("--no-idempotency-keys");
        let ended = import.run().await;
        assert_eq!((ended.status.code(), figure(&ended, "replayed")), (Some(0), 0), "{ended:?}");
        assert_eq!(entries(&redis).await, count);
    }
}

#[tokio::test]
async fn after_ctrl_c_the_command_to_resume_is_printed_and_completes_the_import() {
    let (redis, ingestion) = start().await;
    let input = Input::new("a.ndjson", rows(20_000));
    let first = import(&input.file, ingestion.base()).arg("--batch-size").arg("100");
    let mut first = first.start_process();
    wait::until("the import is under way", async || entries(&redis).await > 500).await;
    first.signal("INT");
    let first = first.ended().await;
    assert_eq!(first.status.code(), Some(130), "{first:?}");
    let command = named_command(&first);
    assert_eq!(command[0], env!("CARGO_BIN_EXE_energy-pipeline"));
    let line: u64 = command.last().unwrap().parse().unwrap();
    assert_eq!(line, figure(&first, "accepted") + 1, "all rows before it are settled");
    let arguments: Vec<_> = command[1..].iter().map(String::as_str).collect();
    let second = launch(&arguments).run().await;
    assert_eq!(second.status.code(), Some(0), "{second:?}");
    assert_eq!(figure(&second, "accepted") + line - 1, 20_000);
    assert_eq!(powers(&redis).await, (0..20_000).map(f64::from).collect::<Vec<_>>());
}

#[tokio::test]
async fn resuming_from_too_early_a_line_duplicates_nothing_and_keeps_earlier_rejects() {
    let (redis, ingestion) = start().await;
    let input = Input::new("a.ndjson", format!("no json\n{}\nno json\n", rows(100)));
    let import = || import(&input.file, ingestion.base()).arg("--rejects").arg(input.rejects());
    assert_eq!(import().run().await.status.code(), Some(3));
    let again = import().arg("--from-line").arg("50").run().await;
    assert_eq!(figure(&again, "accepted"), 52);
    assert_eq!(figure(&again, "replayed"), 52);
    let lines: Vec<_> = input.rejected().iter().map(|entry| entry["line"].as_u64()).collect();
    assert_eq!(lines, [Some(1), Some(102)]);
    assert_eq!(entries(&redis).await, 100);
    let beyond = import().arg("--from-line").arg("1000").run().await;
    assert_eq!((beyond.status.code(), figure(&beyond, "rows")), (Some(4), 0));
}

#[tokio::test]
async fn a_table_is_resumed_from_a_line_as_well() {
    let (redis, ingestion) = start().await;
    let rows: Vec<_> = (0..10).map(|n| format!("house,meter,{n},2024-01-15T12:00:00Z")).collect();
    let table = format!("site_id,device_id,power_reading,timestamp\n{}\n", rows.join("\n"));
    let input = Input::new("a.csv", table);
    let mut shell = std::process::Command::new("sh");
    let line = "cat \"$0\" | \"$1\" import - --from-line 8 --url \"$2\"";
    shell.args(["-c", line]).arg(&input.file);
    shell.args([env!("CARGO_BIN_EXE_energy-pipeline"), ingestion.base()]);
    let ended = Process::start("import", &mut shell).ended().await;
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    assert_eq!(powers(&redis).await, [6.0, 7.0, 8.0, 9.0]);
}
