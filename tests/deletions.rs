//! `DELETE` of stored readings: one by its stream id, or those of a range.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use crate::common::http::{Http, Reply};
use crate::common::keys::KeysFile;
use crate::common::product::{Role, processing_service, query_api};
use crate::common::readings::{add_backlog, fields};
use crate::common::redis::RedisServer;
use crate::common::stored::{self, insert_members, wait_until_settled};
use crate::common::wait;

const KEY: &str = "site:s:readings";
const ROLLUPS: &str = "site:s:rollups";
const DELETED_IDS: &str = "energy_readings:deleted";

/// A service, and the readings 0 to `count` - 1 of the site `s`: one a second from the epoch on, stream ids 1-0 on.
async fn service_with(count: usize) -> (RedisServer, Role) {
    let redis = RedisServer::start().await;
    stored::insert(&redis, "s", 0..count).await;
    let query = query_api(&redis).start().await;
    (redis, query)
}

async fn delete(service: &Http, path: &str) -> Reply {
    Reply::of(service.request(Method::DELETE, path)).await
}

async fn delete_range(service: &Http, parameters: &str) -> Reply {
    delete(service, &format!("/sites/s/readings?{parameters}")).await
}

async fn deleted(service: &Http, parameters: &str) -> u64 {
    let reply = delete_range(service, parameters).await;
    assert_eq!(reply.status, 200, "{parameters}: {reply:?}");
    let body = reply.json();
    assert_eq!(body.as_object().unwrap().len(), 1, "{body}");
    body["deleted"].as_u64().unwrap()
}

fn code(reply: &Reply) -> (u16, String) {
    (reply.status, reply.json()["code"].as_str().unwrap().to_owned())
}

/// The numbers before the `-` of the stream ids that are stored.
async fn ids(service: &Http) -> Vec<u64> {
    let body = service.get("/sites/s/readings").await.json();
    let id = |reading: &Value| {
        let id = reading["stream_id"].as_str().unwrap();
        id.split('-').next().unwrap().parse().unwrap()
    };
    body["readings"].as_array().unwrap().iter().map(id).collect()
}

fn member(id: &str, device: &str, timestamp: &str) -> String {
    format!(
        r#"{{"stream_id": "{id}", "site_id": "s", "device_id": "{device}", "power_reading": 1.5, "timestamp": "{timestamp}", "ingested_at": "2024-01-15T10:30:00.000000"}}"#
    )
}

#[tokio::test]
async fn a_reading_is_deleted_by_its_stream_id_once() {
    let (_redis, query) = service_with(5).await;
    let reply = delete(&query, "/sites/s/readings/3-0").await;
    assert_eq!((reply.status, reply.body.len()), (204, 0), "{reply:?}");
    assert_eq!(ids(&query).await, [1, 2, 4, 5]);
    for path in ["3-0", "77-0", "nonsense", "3"] {
        let reply = delete(&query, &format!("/sites/s/readings/{path}")).await;
        assert_eq!(code(&reply), (404, "reading_not_found".to_owned()), "{path}");
    }
    let unknown = delete(&query, "/sites/nowhere/readings/1-0").await;
    assert_eq!(code(&unknown), (404, "reading_not_found".to_owned()));
    let invalid = delete(&query, "/sites/s/readings/%FF?force=true").await;
    assert_eq!(code(&invalid), (422, "validation_failed".to_owned()));
    assert_eq!(invalid.json()["detail"].as_array().unwrap().len(), 2, "{invalid:?}");
}

#[tokio::test]
async fn a_reading_is_found_wherever_its_timestamp_is() {
    let (redis, query) = service_with(5_000).await;
    let members = [
        (f64::from(-1_000_000), member("1700000000000-0", "a", "1969-12-20T10:13:20Z")),
        (1_700_000_000.0, member("1700000000000-1", "a", "2023-11-14T22:13:20Z")),
        (253_402_300_799.0, member("1700000000000-2", "a", "9999-12-31T23:59:59Z")),
    ];
    insert_members(&redis, "s", members.into_iter()).await;
    for id in ["1700000000000-0", "1700000000000-1", "1700000000000-2", "2500-0"] {
        assert_eq!(delete(&query, &format!("/sites/s/readings/{id}")).await.status, 204, "{id}");
        assert_eq!(delete(&query, &format!("/sites/s/readings/{id}")).await.status, 404, "{id}");
    }
    assert_eq!(redis.run::<usize>(&["ZCARD", KEY]).await, 4_999);
}

#[tokio::test]
async fn a_range_has_its_start_and_not_its_end_in_every_spelling() {
    let (_redis, query) = service_with(20).await;
    assert_eq!(deleted(&query, "start=3&end=6").await, 3);
    assert_eq!(ids(&query).await, [&[1, 2, 3][..], &(7..=20).collect::<Vec<_>>()].concat());
    let zoned = "start=1970-01-01T02:00:10%2B02:00&end=1970-01-01T00:00:12Z";
    assert_eq!(deleted(&query, zoned).await, 2);
    assert_eq!(deleted(&query, zoned).await, 0, "they are deleted");
    assert_eq!(deleted(&query, "start=5&end=5").await, 0);
    assert_eq!(deleted(&query, "start=now-24h&end=now").await, 0);
    assert_eq!(deleted(&query, "start=1969-01-01&end=now").await, 15);
    assert_eq!(ids(&query).await, [0; 0]);
}

#[tokio::test]
async fn only_readings_of_the_devices_are_deleted_when_some_are_named() {
    let redis = RedisServer::start().await;
    let device = |n: usize| ["a", "b", "ü \\\" b"][n % 3];
    let members = (0..30_usize).map(|n| {
        let member = member(&format!("{n}-0"), device(n), &format!("1970-01-01T00:00:{n:02}Z"));
        (f64::from(u32::try_from(n).unwrap()), member)
    });
    insert_members(&redis, "s", members).await;
    let query = query_api(&redis).start().await;
    assert_eq!(deleted(&query, "start=0&end=15&device_id=a&device_id=%C3%BC%20%22%20b").await, 10);
    assert_eq!(deleted(&query, "start=0&end=15&device_id=nothing").await, 0);
    let left = redis.run::<usize>(&["ZCARD", KEY]).await;
    assert_eq!(left, 20);
}

#[tokio::test]
async fn instants_are_compared_exactly_where_scores_are_rounded() {
    let redis = RedisServer::start().await;
    let times = ["9998-01-01T00:00:00.000001Z", "9998-01-01T00:00:00.000003Z"];
    let score = 253_339_228_800.0;
    let member = |n: usize| (score, member(&format!("{n}-0"), "a", times[n]));
    insert_members(&redis, "s", (0..2).map(member)).await;
    let query = query_api(&redis).start().await;
    let range = "start=9998-01-01T00:00:00.000002Z&end=9998-01-01T00:00:01Z";
    assert_eq!(deleted(&query, range).await, 1);
    assert_eq!(ids(&query).await, [0]);
    let range = "start=9998-01-01T00:00:00Z&end=9998-01-01T00:00:00.000001Z";
    assert_eq!(deleted(&query, range).await, 0);
    let range = "start=9998-01-01T00:00:00Z&end=9998-01-01T00:00:00.000002Z";
    assert_eq!(deleted(&query, range).await, 1);
}

#[tokio::test]
async fn a_site_without_readings_is_unknown_unless_it_had_some() {
    let (redis, query) = service_with(3).await;
    let nowhere = delete(&query, "/sites/nowhere/readings?start=0&end=1").await;
    assert_eq!(code(&nowhere), (404, "site_not_found".to_owned()));
    redis.run::<()>(&["ZADD", "energy_readings:sites", "0", "s"]).await;
    assert_eq!(deleted(&query, "start=0&end=10").await, 3);
    assert_eq!(redis.run::<usize>(&["EXISTS", KEY]).await, 0, "the key ends with its readings");
    assert_eq!(deleted(&query, "start=0&end=10").await, 0, "a repetition is no error");
}

#[tokio::test]
async fn both_bounds_are_required_and_unknown_parameters_rejected_with_a_hint() {
    let (redis, query) = service_with(3).await;
    let errors = async |parameters: &str| {
        let reply = delete_range(&query, parameters).await;
        assert_eq!(reply.status, 422, "{parameters}: {reply:?}");
        let detail = reply.json()["detail"].clone();
        let error =
            |error: &Value| format!("{} {}", error["loc"][1], error["type"]).replace('"', "");
        detail.as_array().unwrap().iter().map(error).collect::<BTreeSet<_>>()
    };
    for (parameters, expected) in [
        ("", &["start missing", "end missing"][..]),
        ("device_id=meter", &["start missing", "end missing"]),
        ("start=0", &["end missing"]),
        ("end=9", &["start missing"]),
        ("start=yesterday&end=9", &["start value_error"]),
        ("start=9&end=0", &["start value_error"]),
        ("start=now-99999999w&end=9", &["start value_error"]),
        ("start=0&end=9&device=meter", &["device extra_forbidden"]),
        ("start=0&end=9&limit=1", &["limit extra_forbidden"]),
    ] {
        let expected = expected.iter().map(ToString::to_string).collect();
        assert_eq!(errors(parameters).await, expected, "{parameters}");
    }
    let hint = delete_range(&query, "start=0&end=9&device=meter").await;
    assert!(hint.text().contains("is `device_id` meant?"), "{hint:?}");
    assert_eq!(redis.run::<usize>(&["ZCARD", KEY]).await, 3, "nothing is deleted");
}

#[tokio::test]
async fn a_large_range_is_deleted_in_many_short_scripts() {
    let (redis, query) = service_with(30_000).await;
    redis.run::<()>(&["CONFIG", "RESETSTAT"]).await;
    assert_eq!(deleted(&query, "start=100&end=29000").await, 28_900);
    let stats: String = redis.run(&["INFO", "commandstats"]).await;
    let calls = |name: &str| -> usize {
        let line =
            stats.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{name}:calls=")));
        line.map_or(0, |line| line.split(',').next().unwrap().parse().unwrap())
    };
    assert!(calls("evalsha") >= 28_900 / 500, "{stats}");
    assert_eq!(redis.run::<usize>(&["ZCARD", KEY]).await, 1_100);
}

#[tokio::test]
async fn rollups_of_the_days_that_lose_readings_are_invalidated_and_no_others() {
    let (redis, query) = service_with(10).await;
    let (day, score) = ("19737", 1_705_276_800.0);
    let members = [(score, member("1705276800000-0", "a", "2024-01-15T00:00:00Z"))];
    insert_members(&redis, "s", members.into_iter()).await;
    redis.run::<()>(&["HSET", ROLLUPS, "0", "x", "1", "y", day, "z"]).await;
    assert_eq!(deleted(&query, "start=5&end=7").await, 2);
    assert_eq!(redis.run::<Vec<String>>(&["HKEYS", ROLLUPS]).await, ["1", day, "generation"]);
    assert_eq!(deleted(&query, "start=5&end=7").await, 0);
    let generation = async || redis.run::<u64>(&["HGET", ROLLUPS, "generation"]).await;
    assert_eq!(generation().await, 1, "a deletion of nothing changes nothing");
    assert_eq!(delete(&query, "/sites/s/readings/1705276800000-0").await.status, 204);
    assert_eq!(redis.run::<Vec<String>>(&["HKEYS", ROLLUPS]).await, ["1", "generation"]);
    assert_eq!(generation().await, 2);
}

#[tokio::test]
async fn a_query_api_that_may_only_read_says_so_and_goes_on_reading() {
    let (redis, _) = service_with(3).await;
    let user = "reader on >secret ~energy_readings* ~site:* +zrange +zrank +xinfo +xpending +xrange +xlen +time +evalsha \
                +script|load +ping +info +hget +hmget +hgetall";
    let words: Vec<_> = ["ACL", "SETUSER"].into_iter().chain(user.split(' ')).collect();
    redis.run::<()>(&words).await;
    let url = format!("redis://reader:secret@127.0.0.1:{}", redis.port());
    let query = query_api(&redis).env("REDIS_URL", url).start().await;
    for path in ["?start=0&end=9", "/2-0"] {
        let reply = delete(&query, &format!("/sites/s/readings{path}")).await;
        assert_eq!(code(&reply), (503, "store_access_denied".to_owned()), "{path}");
    }
    assert_eq!(ids(&query).await, [1, 2, 3]);
    assert_eq!(query.get("/readyz").await.status, 200);
}

#[tokio::test]
async fn a_deletion_needs_the_scope_operate_and_the_site_and_is_logged_with_the_name_of_the_key() {
    let redis = RedisServer::start().await;
    stored::insert(&redis, "s", 0..5).await;
    let keys = KeysFile::new();
    let operator = keys.create(&["--name", "ops", "--scope", "operate", "--site", "s"]).await;
    let other = keys.create(&["--name", "other", "--scope", "operate", "--site", "t*"]).await;
    let reader = keys.create(&["--name", "reader", "--scope", "read,write"]).await;
    let service = processing_service(&redis).env("API_KEYS_FILE", keys.path().display());
    let service = service.start().await;
    let request = async |key: &str, path: &str| {
        let path = format!("/sites/s/readings{path}");
        Reply::of(service.request(Method::DELETE, &path).bearer_auth(key)).await
    };
    for path in ["?start=0&end=9", "/2-0"] {
        assert_eq!(code(&request(&reader, path).await), (403, "scope_missing".to_owned()));
        assert_eq!(code(&request(&other, path).await), (403, "site_forbidden".to_owned()));
    }
    assert_eq!(redis.run::<usize>(&["ZCARD", KEY]).await, 5);
    assert_eq!(request(&operator, "/2-0").await.status, 204);
    assert_eq!(request(&operator, "?start=0&end=3").await.json(), json!({"deleted": 2}));
    let lines: Vec<Value> = wait::until_some("both are logged", async || {
        let log = service.stderr();
        let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let lines: Vec<_> =
            lines.filter(|line| line["message"] == "readings were deleted on demand").collect();
        (lines.len() == 2).then_some(lines)
    })
    .await;
    let said = |line: &Value| (line["deleted"].clone(), line["site"].clone(), line["key"].clone());
    assert_eq!(said(&lines[0]), (json!(1), json!("s"), json!("ops")));
    assert_eq!(said(&lines[1]), (json!(2), json!("s"), json!("ops")));
}

#[tokio::test]
async fn deletions_are_counted() {
    let (_redis, query) = service_with(5).await;
    deleted(&query, "start=0&end=3").await;
    delete(&query, "/sites/s/readings/5-0").await;
    delete(&query, "/sites/s/readings/5-0").await;
    assert_eq!(query.counter("energy_pipeline_readings_deleted_total").await, 4);
}

#[tokio::test]
async fn when_redis_is_killed_in_the_middle_the_response_says_so_and_a_repetition_deletes_the_rest()
{
    let mut redis = RedisServer::start_durable().await;
    stored::insert(&redis, "s", 0..60_000).await;
    let query = query_api(&redis).start().await;
    // It is connected.
    assert_eq!(deleted(&query, "start=0&end=10").await, 10);
    let deletion = delete_range(&query, "start=0&end=50000");
    let killing = async {
        wait::until("it has begun", async || redis.run::<usize>(&["ZCARD", KEY]).await < 59_000)
            .await;
        redis.kill9();
    };
    let (reply, ()) = tokio::join!(deletion, killing);
    assert_eq!(reply.status, 503, "{reply:?}");
    let counted = usize::try_from(reply.json()["deleted"].as_u64().unwrap()).unwrap();
    assert!(!reply.header("retry-after").is_empty());
    redis.restart().await;
    let left: usize = redis.run(&["ZCARD", KEY]).await;
    let really = 60_000 - 10 - left;
    assert!((counted..=counted + 500).contains(&really), "{counted} of {really}: {reply:?}");
    wait::until("it is connected", async || query.get("/readyz").await.status == 200).await;
    let rest = deleted(&query, "start=0&end=50000").await;
    assert_eq!(usize::try_from(rest).unwrap(), 49_990 - really);
    assert_eq!(redis.run::<usize>(&["ZCARD", KEY]).await, 10_000);
}

#[tokio::test]
async fn readings_that_are_stored_during_a_deletion_are_kept_outside_of_its_range() {
    let redis = RedisServer::start().await;
    stored::insert(&redis, "site-0", 0..20_000).await;
    let service = processing_service(&redis).start().await;
    let writing = async {
        let mut ids = Vec::new();
        for _ in 0..20 {
            ids.extend(add_backlog(&redis, 200, 1).await);
        }
        wait_until_settled(&redis).await;
        ids
    };
    let path = "/sites/site-0/readings?start=0&end=20000";
    let (ids, reply) = tokio::join!(writing, delete(&service, path));
    assert_eq!(reply.json(), json!({"deleted": 20_000}));
    stored::assert_each_is_stored_once(&redis, &ids).await;
}

#[tokio::test]
async fn only_ids_of_entries_that_may_be_delivered_again_are_kept() {
    let (redis, query) = service_with(5).await;
    assert_eq!(deleted(&query, "start=0&end=3").await, 3);
    assert_eq!(redis.run::<usize>(&["EXISTS", DELETED_IDS]).await, 0);
    let service = processing_service(&redis).start().await;
    let entry = fields("s", "1.0", "1970-01-01T00:00:00Z");
    let id = crate::common::readings::add(&redis, "*", &entry).await;
    wait_until_settled(&redis).await;
    assert_eq!(deleted(&query, "start=0&end=1").await, 1);
    redis.run::<()>(&["ZADD", DELETED_IDS, "5", "5-0"]).await;
    wait::until("old ones are forgotten", async || {
        redis.run::<Vec<String>>(&["ZRANGE", DELETED_IDS, "0", "-1"]).await == [id.as_str()]
    })
    .await;
    drop(service);
}
