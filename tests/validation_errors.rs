//! The response to a body that is not a reading: all errors at once, in field order, with the
//! original's types.

use reqwest::Method;
use serde_json::{Value, json};

use crate::common::http::Reply;
use crate::common::product::{Role, ingestion_api};
use crate::common::readings::reading;
use crate::common::redis::{RedisServer, STREAM};

async fn start() -> (RedisServer, Role) {
    let redis = RedisServer::start().await;
    let ingestion = ingestion_api(&redis).start().await;
    (redis, ingestion)
}

/// The response to a reading with one member replaced by a JSON text.
async fn post_with(ingestion: &Role, member: &str, json_text: &str) -> Reply {
    let mut body = reading("site");
    body[member] = "<here>".into();
    ingestion.post("/readings", body.to_string().replace("\"<here>\"", json_text)).await
}

fn faults(reply: &Reply) -> Vec<(String, Value)> {
    assert_eq!(reply.status, 422, "{reply:?}");
    let body = reply.json();
    let faults = body["detail"].as_array().unwrap().iter();
    faults.map(|fault| (fault["type"].as_str().unwrap().to_owned(), fault["loc"].clone())).collect()
}

fn fault(kind: &str, loc: Value) -> Vec<(String, Value)> {
    vec![(kind.to_owned(), loc)]
}

/// White space after a body only makes it longer.
fn padded(body: &str, size: usize) -> String {
    format!("{body}{}", " ".repeat(size - body.len()))
}

#[tokio::test]
async fn all_validation_errors_are_reported_at_once_in_field_order() {
    let (_redis, ingestion) = start().await;
    let body = r#"{"timestamp": 5, "unknown": 1, "power_reading": -1, "device_id": ""}"#;
    let reply = ingestion.post("/readings", body).await;
    let expected = [
        ("missing", "site_id"),
        ("string_too_short", "device_id"),
        ("greater_than_equal", "power_reading"),
        ("string_type", "timestamp"),
    ];
    let expected = expected.map(|(kind, field)| (kind.to_owned(), json!(["body", field])));
    assert_eq!(faults(&reply), expected);
    for fault in reply.json()["detail"].as_array().unwrap() {
        assert!(fault["msg"].is_string() && fault.get("input").is_some(), "{fault}");
    }
}

#[tokio::test]
async fn malformed_json_is_reported_with_the_offending_character() {
    let (_redis, ingestion) = start().await;
    for (body, offset) in [
        (r#"{"site_id":"#, 11),
        (r"x", 0),
        (r#"{"é": x}"#, 6),
        ("{\"a\": 1,\n \"b\": ?}", 15),
        (r#"{"a": 1} trailing"#, 9),
    ] {
        let reply = ingestion.post("/readings", body).await;
        assert_eq!(faults(&reply), fault("json_invalid", json!(["body", offset])), "{body}");
    }
}

#[tokio::test]
async fn a_body_that_is_not_an_object_is_reported_as_a_whole() {
    let (_redis, ingestion) = start().await;
    for (body, kind) in [
        ("", "missing"),
        ("null", "missing"),
        ("[]", "model_attributes_type"),
        ("\"text\"", "model_attributes_type"),
        ("5", "model_attributes_type"),
    ] {
        let reply = ingestion.post("/readings", body).await;
        assert_eq!(faults(&reply), fault(kind, json!(["body"])), "{body:?}");
    }
}

#[tokio::test]
async fn json_is_recognised_by_its_content_type() {
    let (_redis, ingestion) = start().await;
    for (content_type, status) in [
        (None, 201),
        (Some("application/json"), 201),
        (Some("APPLICATION/JSON; charset=UTF-8"), 201),
        (Some("application/vnd.meter+json"), 201),
        (Some("application/json ; charset=utf-8"), 201),
        (Some("application/json;charset=\"utf-8\";;x"), 201),
        (Some("text/plain; application/json"), 422),
        (Some("text/plain"), 422),
        (Some("application/x-www-form-urlencoded"), 422),
        (Some("nonsense"), 422),
    ] {
        let request = ingestion.request(Method::POST, "/readings").body(reading("s").to_string());
        let request = content_type.into_iter().fold(request, |r, t| r.header("content-type", t));
        let reply = Reply::of(request).await;
        assert_eq!(reply.status, status, "{content_type:?}: {reply:?}");
        if status == 422 {
            assert_eq!(faults(&reply), fault("model_attributes_type", json!(["body"])));
        }
    }
}

#[tokio::test]
async fn numbers_that_are_not_a_finite_power_have_distinct_errors() {
    let (_redis, ingestion) = start().await;
    for (power, kind) in [
        ("NaN", "finite_number"),
        ("Infinity", "finite_number"),
        ("-Infinity", "finite_number"),
        ("1e400", "finite_number"),
        ("\"1e400\"", "finite_number"),
        ("\"NaN\"", "finite_number"),
        ("\"inf\"", "finite_number"),
        ("-0.001", "greater_than_equal"),
        ("\"-1\"", "greater_than_equal"),
        ("true", "float_type"),
        ("null", "float_type"),
        ("{}", "float_type"),
        ("\"12 W\"", "float_parsing"),
        ("\"0x10\"", "float_parsing"),
    ] {
        let reply = post_with(&ingestion, "power_reading", power).await;
        assert_eq!(faults(&reply), fault(kind, json!(["body", "power_reading"])), "{power}");
    }
}

#[tokio::test]
async fn a_number_in_a_string_is_accepted_as_a_number() {
    let (redis, ingestion) = start().await;
    let texts = ["\"1500.5\"", "\" 12 \"", "\"1e3\"", "1E3", "-0.0", "5"];
    for power in texts {
        assert_eq!(post_with(&ingestion, "power_reading", power).await.status, 201, "{power}");
    }
    let entries = redis.entries(STREAM).await;
    let powers: Vec<_> = entries.iter().map(|entry| entry.fields[2].1.as_str()).collect();
    assert_eq!(powers, ["1500.5", "12.0", "1000.0", "1000.0", "0.0", "5.0"]);
}

#[tokio::test]
async fn ids_are_measured_in_bytes_and_have_no_control_characters() {
    let (_redis, ingestion) = start().await;
    for (id, kind) in [
        (json!("é".repeat(128)), None),
        (json!("é".repeat(129)), Some("string_too_long")),
        (json!("x".repeat(257)), Some("string_too_long")),
        (json!(""), Some("string_too_short")),
        (json!("a\u{0}b"), Some("value_error")),
        (json!("a\u{85}b"), Some("value_error")),
        (json!(["a"]), Some("string_type")),
    ] {
        for member in ["site_id", "device_id"] {
            let reply = post_with(&ingestion, member, &id.to_string()).await;
            match kind {
                None => assert_eq!(reply.status, 201, "{reply:?}"),
                Some(kind) => assert_eq!(faults(&reply), fault(kind, json!(["body", member]))),
            }
        }
    }
    let reply = post_with(&ingestion, "site_id", r#""\ud800""#).await;
    assert_eq!(faults(&reply), fault("value_error", json!(["body", "site_id"])));
}

#[tokio::test]
async fn unknown_members_are_ignored_and_the_last_duplicate_wins() {
    let (redis, ingestion) = start().await;
    let body = r#"{"site_id": 5, "x": {}, "device_id": "d", "power_reading": 1, "power_reading": 2,
                   "timestamp": "2024-01-15T10:30:00Z", "site_id": "last"}"#;
    assert_eq!(ingestion.post("/readings", body).await.status, 201);
    let entry = &redis.entries(STREAM).await[0];
    assert_eq!((entry.fields[0].1.as_str(), entry.fields[2].1.as_str()), ("last", "2.0"));
}

#[tokio::test]
async fn a_deeply_nested_body_is_reported_like_any_other() {
    let (_redis, ingestion) = start().await;
    let deep = ["[", "]"].map(|bracket| bracket.repeat(30_000)).concat();
    let reply = ingestion.post("/readings", deep.as_str()).await;
    assert_eq!(faults(&reply), fault("model_attributes_type", json!(["body"])));
    let reply = post_with(&ingestion, "power_reading", &deep).await;
    assert_eq!(faults(&reply), fault("float_type", json!(["body", "power_reading"])));
    let mut ignored = reading("site").to_string();
    ignored.insert_str(1, &format!("\"x\":{deep},"));
    assert_eq!(ingestion.post("/readings", ignored).await.status, 201);
    let unended = "{\"a\":".repeat(10_000);
    assert_eq!(ingestion.post("/readings", unended).await.status, 422);
}

#[tokio::test]
async fn a_trailing_slash_is_redirected() {
    let (_redis, ingestion) = start().await;
    let reply = ingestion.post("/readings/", reading("site").to_string()).await;
    assert_eq!(reply.status, 201, "{reply:?}");
}

#[tokio::test]
async fn a_body_above_64_kib_is_too_large() {
    let (_redis, ingestion) = start().await;
    let body = reading("site").to_string();
    for (size, status) in [(64 * 1024, 201), (64 * 1024 + 1, 413), (1024 * 1024, 413)] {
        let padded = padded(&body, size);
        let reply = ingestion.post("/readings", padded).await;
        assert_eq!(reply.status, status, "{size} bytes: {reply:?}");
        assert!(!reply.header("x-request-id").is_empty());
    }
}

#[tokio::test]
async fn a_chunked_body_is_accepted_up_to_64_kib() {
    let (_redis, ingestion) = start().await;
    let body = reading("site").to_string();
    for (size, status) in [(body.len(), 201), (64 * 1024 + 1, 413)] {
        let padded = padded(&body, size);
        let mut connection = ingestion.raw().await;
        connection
            .send("POST /readings HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n")
            .await;
        for chunk in padded.as_bytes().chunks(10_000) {
            connection.send(format!("{:x}\r\n", chunk.len())).await;
            connection.send([chunk, b"\r\n"].concat()).await;
        }
        connection.send("0\r\n\r\n").await;
        assert_eq!(connection.reply().await.status, status, "{size} bytes");
    }
}

#[tokio::test]
async fn a_wrong_method_and_an_unknown_path_get_the_responses_of_the_original() {
    let (_redis, ingestion) = start().await;
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let reply = Reply::of(ingestion.request(method, "/readings")).await;
        assert_eq!((reply.status, reply.detail()), (405, "Method Not Allowed".to_owned()));
        assert_eq!(reply.header("allow"), "POST");
    }
    for path in ["/", "/unknown", "/readings/1", "/sites/a/readings"] {
        let reply = ingestion.get(path).await;
        assert_eq!((reply.status, reply.detail()), (404, "Not Found".to_owned()), "{path}");
    }
}

#[tokio::test]
async fn a_rejected_key_is_quoted_as_text() {
    let (_redis, ingestion) = start().await;
    let post = async |power: &str| {
        let request = ingestion.request(Method::POST, "/readings").header("Idempotency-Key", "0");
        let body = reading("site").to_string().replace("1500.5", power);
        Reply::of(request.body(body)).await
    };
    assert_eq!(post("1").await.status, 201);
    let again = post("2").await;
    assert_eq!(faults(&again), fault("value_error", json!(["header", "Idempotency-Key"])));
    assert_eq!(again.json()["detail"][0]["input"], "0");
}
