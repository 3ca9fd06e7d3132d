//! The contract's request bodies as rows of a batch: each has the outcome and the errors that it has alone.

use serde_json::{Value, json};

use crate::common::batch::{JSON, NDJSON, send};
use crate::common::files;
use crate::common::http::{Http, Reply};
use crate::common::product::ingestion_api;
use crate::common::redis::RedisServer;

/// Sends a body as a row between two valid ones; returns its errors.
async fn errors(server: &Http, media_type: &str, row: &str) -> Option<Value> {
    let valid = crate::common::readings::reading("site").to_string();
    let body = match media_type {
        JSON => format!("[{valid},\n{row},\n{valid}]"),
        _ => format!("{valid}\n{row}\n{valid}\n"),
    };
    let reply = send(server, media_type, body).await;
    assert_eq!(reply.status, 200, "{row}: {reply:?}");
    let errors = reply.json()["errors"].as_array().unwrap().clone();
    let accepted = 3 - errors.len();
    assert_eq!(reply.json()["accepted"], json!(accepted), "{row}");
    errors.first().map(|row| {
        assert_eq!((&row["index"], &row["line"]), (&json!(1), &json!(2)));
        row["detail"].clone()
    })
}

/// Whether a body can be an element of a JSON array, and a line.
fn can_be_a_row(case: &Value) -> bool {
    let body = case["raw"].as_str().unwrap();
    let json = case["content_type"].as_str().is_none_or(|media_type| media_type.contains("json"));
    json && !body.trim().is_empty() && !body.contains('\n')
}

#[tokio::test]
async fn each_body_has_the_same_outcome_as_a_row() {
    let redis = RedisServer::start().await;
    let ingestion = ingestion_api(&redis).start().await;
    let cases = files::ndjson("tests/data/post_cases.ndjson");
    let mut compared = 0;
    for case in cases.iter().filter(|case| can_be_a_row(case)) {
        let body = case["raw"].as_str().unwrap();
        let single: Reply = ingestion.post("/readings", body).await;
        let expected = (single.status != 201).then(|| single.json()["detail"].clone());
        assert_eq!(errors(&ingestion, NDJSON, body).await, expected, "{body}");
        let is_syntax = expected.as_ref().is_some_and(|detail| detail[0]["type"] == "json_invalid");
        if !is_syntax && !body.starts_with('\u{feff}') {
            assert_eq!(errors(&ingestion, JSON, body).await, expected, "{body}");
        }
        compared += 1;
    }
    assert!(compared > 60, "{compared}");
}
