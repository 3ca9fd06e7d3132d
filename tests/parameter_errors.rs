//! The response to invalid parameters: all errors at once, each with its place, and nothing about
//! the framework.

use serde_json::{Value, json};

use crate::common::documents::{document, operations};
use crate::common::http::{Http, Reply};
use crate::common::product::{ingestion_api, processing_service};
use crate::common::redis::RedisServer;

fn faults(reply: &Reply) -> Vec<Value> {
    assert_eq!(reply.status, 422, "{reply:?}");
    reply.json()["detail"].as_array().expect("a list").clone()
}

#[tokio::test]
async fn all_errors_of_a_query_are_reported_at_once_with_their_loc() {
    let redis = RedisServer::start().await;
    let processing = processing_service(&redis).start().await;
    let reply = processing.get("/pipeline/dead-letters?limit=0&cursor=zzz").await;
    let expected = json!([
        {
            "type": "greater_than_equal", "loc": ["query", "limit"],
            "msg": "Input should be greater than or equal to 1", "input": "0", "ctx": { "ge": 1 },
        },
        {
            "type": "value_error", "loc": ["query", "cursor"],
            "msg": "Value error, a cursor is the `next_cursor` of a page", "input": "zzz",
            "ctx": { "error": "a cursor is the `next_cursor` of a page" },
        },
    ]);
    assert_eq!(Value::from(faults(&reply)), expected);
}

#[tokio::test]
async fn each_query_parameter_has_its_own_validation_error() {
    let redis = RedisServer::start().await;
    let processing = processing_service(&redis).start().await;
    for (query, kind, name) in [
        ("limit=1001", "less_than_equal", "limit"),
        ("limit=-1", "greater_than_equal", "limit"),
        ("limit=ten", "int_parsing", "limit"),
        ("limit=", "int_parsing", "limit"),
        ("limit=1.5", "int_parsing", "limit"),
        ("cursor=", "value_error", "cursor"),
        ("cursor=5", "value_error", "cursor"),
        ("cursor=99999999999999999999-0", "value_error", "cursor"),
    ] {
        let reply = processing.get(&format!("/pipeline/dead-letters?{query}")).await;
        let [fault] = &faults(&reply)[..] else { panic!("{query}: {reply:?}") };
        assert_eq!((&fault["type"], &fault["loc"]), (&json!(kind), &json!(["query", name])));
    }
}

#[tokio::test]
async fn a_path_segment_that_is_not_utf_8_is_reported_by_its_name() {
    let redis = RedisServer::start().await;
    let ingestion = ingestion_api(&redis).start().await;
    let processing = processing_service(&redis).start().await;
    let services: [(&str, &Http); 2] =
        [("ingestion-api", &ingestion), ("processing-service", &processing)];
    for (role, service) in services {
        for operation in operations(&document(role)) {
            let (names, path) = (operation.names(), operation.path_with("%FF"));
            if names.is_empty() {
                continue;
            }
            let reply = Reply::of(service.request(operation.method.clone(), &path)).await;
            let faults = faults(&reply);
            assert_eq!(faults.len(), names.len(), "{path}: {reply:?}");
            for (fault, name) in faults.iter().zip(names) {
                assert_eq!(fault["loc"], json!(["path", name]), "{path}");
                assert_eq!(fault["type"], "string_unicode", "{path}");
            }
        }
    }
}
