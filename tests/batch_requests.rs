//! `POST /readings/batch`: many readings in one request, as JSON, NDJSON or CSV.

use reqwest::Method;
use serde_json::{Value, json};

use crate::common::batch::{CSV, JSON, NDJSON, PATH, devices, ndjson, rows, send};
use crate::common::http::Reply;
use crate::common::product::{Role, ingestion_api, processing_service};
use crate::common::readings::reading;
use crate::common::redis::{RedisServer, STREAM};
use crate::common::stored::assert_each_is_stored_once;

async fn started() -> (RedisServer, Role) {
    let redis = RedisServer::start().await;
    let ingestion = ingestion_api(&redis).start().await;
    (redis, ingestion)
}

/// The devices of the stream's entries, in its order.
async fn appended(redis: &RedisServer) -> Vec<String> {
    let entries = redis.entries(STREAM).await;
    entries.into_iter().map(|entry| entry.fields[1].1.clone()).collect()
}

/// For each error of the response: index, line, and the types of the validation errors.
fn errors(reply: &Reply) -> Vec<(u64, u64, Vec<String>)> {
    let body = reply.json();
    let types = |row: &Value| {
        let detail = row["detail"].as_array().unwrap().iter();
        detail.map(|item| item["type"].as_str().unwrap().to_owned()).collect()
    };
    let number = |row: &Value, name: &str| row[name].as_u64().unwrap();
    let rows = body["errors"].as_array().unwrap().iter();
    rows.map(|row| (number(row, "index"), number(row, "line"), types(row))).collect()
}

#[tokio::test]
async fn every_format_appends_its_rows_in_order_with_the_fields_of_the_contract() {
    let (redis, ingestion) = started().await;
    let rows = rows(3);
    let header = "note,timestamp,power_reading,device_id,site_id\n";
    let csv = rows.iter().map(|row| {
        let text = |name: &str| row[name].as_str().unwrap().to_owned();
        format!("\"a,b\",{},1500.5,{},{}\n", text("timestamp"), text("device_id"), text("site_id"))
    });
    let csv = header.to_owned() + &csv.collect::<String>();
    for (media_type, body) in [
        (JSON, json!(rows).to_string()),
        (JSON, json!({ "readings": rows }).to_string()),
        ("", json!(rows).to_string()),
        (NDJSON, ndjson(&rows)),
        ("Application/X-NDJSON; charset=utf-8", ndjson(&rows)),
        (CSV, csv.clone()),
        ("text/csv; header=present", format!("\u{feff}{}", csv.replace('\n', "\r\n"))),
    ] {
        redis.run::<()>(&["DEL", STREAM]).await;
        let reply = if media_type.is_empty() {
            Reply::of(ingestion.request(Method::POST, PATH).body(body)).await
        } else {
            send(&ingestion, media_type, body).await
        };
        assert_eq!(reply.status, 200, "{media_type}: {reply:?}");
        let entries = redis.entries(STREAM).await;
        let ids: Vec<_> = entries.iter().map(|entry| entry.id.clone()).collect();
        let expected = json!({
            "accepted": 3, "replayed": 0, "rejected": 0, "first_stream_id": ids[0], "last_stream_id": ids[2],
            "errors": [], "errors_truncated": false,
        });
        assert_eq!(reply.json(), expected, "{media_type}");
        assert_eq!(appended(&redis).await, devices(3), "{media_type}");
        for entry in &entries {
            let names: Vec<_> = entry.fields.iter().map(|(name, _)| name.as_str()).collect();
            let expected = ["site_id", "device_id", "power_reading", "timestamp", "ingested_at"];
            assert_eq!(names, expected);
            assert_eq!(entry.fields[2].1, "1500.5");
        }
    }
}

#[tokio::test]
async fn invalid_rows_are_listed_with_index_line_and_the_errors_of_a_single_reading() {
    let (redis, ingestion) = started().await;
    let mut invalid = reading("site");
    invalid["power_reading"] = json!(-5);
    invalid["site_id"] = json!("");
    let rows = [reading("a"), invalid.clone(), reading("b"), json!({})];
    let single = ingestion.post("/readings", invalid.to_string()).await.json()["detail"].clone();
    let missing = vec!["missing".to_owned(); 4];
    let types = vec!["string_too_short".to_owned(), "greater_than_equal".to_owned()];
    let body = rows.each_ref().map(ToString::to_string).join("\n\n");
    let reply = send(&ingestion, NDJSON, body).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(errors(&reply), [(1, 3, types.clone()), (3, 7, missing.clone())]);
    assert_eq!(reply.json()["errors"][0]["detail"], single);
    let counts =
        |reply: &Reply| (reply.json()["accepted"].clone(), reply.json()["rejected"].clone());
    assert_eq!(counts(&reply), (json!(2), json!(2)));
    let body = format!("[\n{}]", rows.each_ref().map(ToString::to_string).join(",\n"));
    let reply = send(&ingestion, JSON, body).await;
    assert_eq!(errors(&reply), [(1, 3, types), (3, 5, missing)]);
    let csv = "site_id,device_id,power_reading,timestamp\n\n,d,x,2024\na,d,1,2024-01-15\na,d\n\"a";
    let reply = send(&ingestion, CSV, csv).await;
    let of = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    let expected = [
        (0, 3, of(&["string_too_short", "float_parsing", "value_error"])),
        (2, 5, of(&["csv_invalid"])),
        (3, 6, of(&["csv_invalid"])),
    ];
    assert_eq!(errors(&reply), expected);
    assert_eq!(counts(&reply), (json!(1), json!(3)));
    assert_eq!(redis.run::<usize>(&["XLEN", STREAM]).await, 2 + 2 + 1);
}

#[tokio::test]
async fn a_batch_without_a_valid_row_is_rejected() {
    let (redis, ingestion) = started().await;
    let body = send(&ingestion, NDJSON, "{}\nx\n").await;
    assert_eq!(body.status, 422);
    let types = |reply: &Reply| reply.json()["detail"][0]["type"].clone();
    assert_eq!(types(&body), "no_valid_row");
    let json = body.json();
    assert_eq!((&json["accepted"], &json["rejected"]), (&json!(0), &json!(2)));
    assert_eq!((&json["first_stream_id"], &json["last_stream_id"]), (&Value::Null, &Value::Null));
    assert_eq!((errors(&body).len(), &json["code"]), (2, &json!("validation_failed")));
    for (media_type, body, expected) in [
        (JSON, "[]", "too_short"),
        (JSON, "", "missing"),
        (JSON, r#"{"readings":[]}"#, "too_short"),
        (JSON, "{}", "missing"),
        (JSON, "1", "list_type"),
        (JSON, r#"{"readings":1}"#, "list_type"),
        (JSON, "[{}", "json_invalid"),
        (NDJSON, " \n", "too_short"),
        (CSV, "", "too_short"),
        (CSV, "site_id,device_id,power_reading,timestamp\n", "too_short"),
        (CSV, "site,device\n1,2\n", "csv_invalid"),
    ] {
        let reply = send(&ingestion, media_type, body).await;
        assert_eq!((reply.status, types(&reply)), (422, json!(expected)), "{media_type} {body}");
        assert_eq!(reply.json()["accepted"], 0);
    }
    assert_eq!(redis.run::<usize>(&["XLEN", STREAM]).await, 0);
}

#[tokio::test]
async fn an_atomic_batch_with_an_invalid_row_appends_nothing() {
    let (redis, ingestion) = started().await;
    let mut mixed = rows(2_500);
    mixed.push(json!({}));
    let post = async |query: &str, rows: &[Value]| {
        let request = ingestion.request(Method::POST, &format!("{PATH}{query}"));
        Reply::of(request.header("content-type", NDJSON).body(ndjson(rows))).await
    };
    let reply = post("?atomic=true", &mixed).await;
    assert_eq!((reply.status, &reply.json()["rejected"]), (422, &json!(1)), "{reply:?}");
    assert_eq!(reply.json()["detail"][0]["type"], "invalid_rows");
    assert_eq!(errors(&reply), [(2_500, 2_501, vec!["missing".to_owned(); 4])]);
    assert_eq!(redis.run::<usize>(&["XLEN", STREAM]).await, 0);
    assert_eq!(post("?atomic=true", &mixed[..2_500]).await.status, 200);
    assert_eq!(post("?atomic=false", &mixed).await.status, 200);
    for (query, name, hint) in [
        ("?atomc=true", "atomc", "`atomic`"),
        ("?atomic=yes", "atomic", "`true` or `false`"),
        ("?atomic=", "atomic", "`true` or `false`"),
    ] {
        let error = post(query, &mixed).await.json()["detail"][0].clone();
        assert_eq!(error["loc"], json!(["query", name]), "{error}");
        assert!(error["msg"].as_str().unwrap().contains(hint), "{error}");
    }
}

#[tokio::test]
async fn ten_thousand_rows_are_appended_in_order_and_one_more_is_too_many() {
    let (redis, ingestion) = started().await;
    let rows = rows(10_001);
    for (media_type, body) in [(NDJSON, ndjson(&rows)), (JSON, json!(rows).to_string())] {
        let reply = send(&ingestion, media_type, body).await;
        assert_eq!((reply.status, reply.json()["code"].clone()), (413, json!("body_too_large")));
    }
    let reply = send(&ingestion, NDJSON, ndjson(&rows[..10_000])).await;
    assert_eq!((reply.status, &reply.json()["accepted"]), (200, &json!(10_000)));
    let entries = redis.entries(STREAM).await;
    assert_eq!(appended(&redis).await, devices(10_000));
    assert_eq!(reply.json()["first_stream_id"], entries[0].id);
    assert_eq!(reply.json()["last_stream_id"], entries[9_999].id);
    let _service = processing_service(&redis).start().await;
    let ids: Vec<_> = entries.into_iter().map(|entry| entry.id).collect();
    assert_each_is_stored_once(&redis, &ids).await;
}

#[tokio::test]
async fn a_hundred_errors_are_reported_and_all_are_counted() {
    let (_redis, ingestion) = started().await;
    let reply = send(&ingestion, NDJSON, "{}\n".repeat(101) + &reading("s").to_string()).await;
    let body = reply.json();
    assert_eq!((reply.status, &body["rejected"]), (200, &json!(101)));
    assert_eq!((errors(&reply).len(), &body["errors_truncated"]), (100, &json!(true)));
    assert_eq!(ingestion.counter("energy_pipeline_readings_rejected_total").await, 101);
    assert_eq!(ingestion.counter("energy_pipeline_readings_accepted_total").await, 1);
    assert_eq!(ingestion.counter("energy_pipeline_readings_batch_rows_count").await, 1);
}

#[tokio::test]
async fn a_body_of_another_type_or_of_more_than_10_mib_is_rejected() {
    let (redis, ingestion) = started().await;
    for media_type in ["text/plain", "application/xml", "text/json", "multipart/form-data"] {
        let reply = send(&ingestion, media_type, ndjson(&rows(1))).await;
        assert_eq!(
            (reply.status, reply.json()["code"].clone()),
            (415, json!("unsupported_media_type"))
        );
        assert_eq!(reply.header("accept"), "application/json, application/x-ndjson, text/csv");
    }
    let row = ndjson(&rows(1));
    let largest = row.clone() + &" ".repeat(10 * 1024 * 1024 - row.len());
    assert_eq!(send(&ingestion, NDJSON, largest.clone()).await.json()["accepted"], 1);
    let reply = send(&ingestion, NDJSON, largest + " ").await;
    assert_eq!((reply.status, reply.json()["code"].clone()), (413, json!("body_too_large")));
    assert_eq!(redis.run::<usize>(&["XLEN", STREAM]).await, 1);
}

#[tokio::test]
async fn a_row_that_is_larger_than_a_reading_can_be_is_invalid() {
    let (_redis, ingestion) = started().await;
    let mut large = reading("site");
    large["note"] = "x".repeat(70_000).into();
    let rows = [reading("site"), large];
    for (media_type, body) in [(NDJSON, ndjson(&rows)), (JSON, json!(rows).to_string())] {
        let reply = send(&ingestion, media_type, body).await;
        assert_eq!(reply.json()["accepted"], 1, "{reply:?}");
        assert_eq!(reply.json()["errors"][0]["detail"][0]["type"], "too_long");
    }
}

#[tokio::test]
async fn above_the_backlog_limit_no_batch_is_accepted() {
    let redis = RedisServer::start().await;
    let ingestion = ingestion_api(&redis).env("MAX_BACKLOG", 5).start().await;
    assert_eq!(send(&ingestion, NDJSON, ndjson(&rows(5))).await.status, 200);
    crate::common::wait::until("the backlog is full", async || {
        let reply = send(&ingestion, NDJSON, ndjson(&rows(1))).await;
        reply.status == 503 && reply.json()["code"] == "backlog_full"
    })
    .await;
}
