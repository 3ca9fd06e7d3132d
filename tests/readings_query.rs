//! `GET /sites/{site_id}/readings` with parameters: ranges, devices, order, pages and formats.

use serde_json::{Value, json};

use crate::common::http::{Http, Reply};
use crate::common::product::{Role, query_api};
use crate::common::redis::RedisServer;
use crate::common::stored::{self, member};

const KEY: &str = "site:s:readings";

/// A service, and the readings 0 to `count` - 1 of the site `s`: one a second from the epoch on, stream ids 1-0 on.
async fn service_with(count: usize) -> (RedisServer, Role) {
    let redis = RedisServer::start().await;
    stored::insert(&redis, "s", 0..count).await;
    let query = query_api(&redis).start().await;
    (redis, query)
}

async fn get(query: &Http, parameters: &str) -> Reply {
    query.get(&format!("/sites/s/readings?{parameters}")).await
}

/// The numbers before the `-` of the stream ids.
fn ids(body: &Value) -> Vec<u64> {
    let id = |reading: &Value| {
        let id = reading["stream_id"].as_str().unwrap();
        id.split('-').next().unwrap().parse().unwrap()
    };
    body["readings"].as_array().unwrap().iter().map(id).collect()
}

async fn ids_of(query: &Http, parameters: &str) -> Vec<u64> {
    let reply = get(query, parameters).await;
    assert_eq!(reply.status, 200, "{parameters}: {reply:?}");
    ids(&reply.json())
}

/// The target of `Link`, which is relative to the request: its query.
fn next(reply: &Reply) -> Option<String> {
    let link = reply.headers.get("link")?.to_str().unwrap();
    let target = link.strip_prefix("<?").and_then(|link| link.strip_suffix(">; rel=\"next\""));
    Some(target.unwrap_or_else(|| panic!("{link}")).to_owned())
}

/// All pages by `Link`.
async fn pages(query: &Http, first: &str) -> Vec<Vec<u64>> {
    let (mut found, mut parameters) = (Vec::new(), Some(first.to_owned()));
    while let Some(wanted) = parameters {
        let reply = get(query, &wanted).await;
        assert_eq!(reply.status, 200, "{wanted}: {reply:?}");
        found.push(ids(&reply.json()));
        parameters = next(&reply);
    }
    found
}

#[tokio::test]
async fn a_range_has_its_start_and_not_its_end_in_every_spelling() {
    let (_redis, query) = service_with(10).await;
    for (start, end) in [
        ("1970-01-01T00:00:03Z", "1970-01-01T00:00:06Z"),
        ("1970-01-01T02:00:03%2B02:00", "1970-01-01T00:00:06"),
        ("3", "6"),
    ] {
        assert_eq!(ids_of(&query, &format!("start={start}&end={end}")).await, [4, 5, 6]);
    }
    assert_eq!(ids_of(&query, "start=8").await, [9, 10]);
    assert_eq!(ids_of(&query, "end=2").await, [1, 2]);
    assert_eq!(ids_of(&query, "start=8&order=desc").await, [10, 9]);
    assert_eq!(ids_of(&query, "start=3&end=6&order=desc").await, [6, 5, 4]);
    assert_eq!(ids_of(&query, "start=5&end=5").await, [0; 0]);
    assert_eq!(ids_of(&query, "start=now-24h").await, [0; 0]);
    assert_eq!(ids_of(&query, "end=now-24h").await.len(), 10);
}

#[tokio::test]
async fn a_range_of_many_readings_is_streamed_completely_in_either_order() {
    let (_redis, query) = service_with(25_000).await;
    let expected: Vec<u64> = (101..=24_900).collect();
    assert_eq!(ids_of(&query, "start=100&end=24900").await, expected);
    let expected: Vec<u64> = expected.into_iter().rev().collect();
    let reply = get(&query, "start=100&end=24900&order=desc").await;
    assert_eq!(reply.header("transfer-encoding"), "chunked");
    assert_eq!(ids(&reply.json()), expected);
    assert!(next(&reply).is_none() && reply.json().get("next_cursor").is_none());
}

#[tokio::test]
async fn several_devices_can_be_selected() {
    let (redis, query) = service_with(4).await;
    let of = |n: usize, device: &str| member("s", n).replace("\"meter\"", &format!("\"{device}\""));
    stored::insert_members(&redis, "s", [(4.0, of(4, "a+b")), (5.0, of(5, "c"))].into_iter()).await;
    assert_eq!(ids_of(&query, "device_id=a%2Bb&device_id=c").await, [5, 6]);
    assert_eq!(ids_of(&query, "device_id=c&limit=1").await, [6]);
    assert_eq!(ids_of(&query, "device_id=none").await, [0; 0]);
}

#[tokio::test]
async fn pages_neither_repeat_nor_skip_readings_while_others_are_stored_and_deleted() {
    for (order, expected) in [("asc", vec![2, 4, 6, 8, 10]), ("desc", vec![10, 8, 6, 4, 2])] {
        let redis = RedisServer::start().await;
        let even = [1_usize, 3, 5, 7, 9];
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        let members = even.map(|n| (n as f64, member("s", n)));
        stored::insert_members(&redis, "s", members.into_iter()).await;
        let query = query_api(&redis).start().await;
        let mut found = Vec::new();
        let mut parameters = Some(format!("limit=2&order={order}"));
        while let Some(wanted) = parameters {
            let reply = get(&query, &wanted).await;
            let page = ids(&reply.json());
            // The readings of this page are deleted, and one is stored before them in the order.
            for id in &page {
                let deleted = member("s", usize::try_from(*id).unwrap() - 1);
                redis.run::<()>(&["ZREM", KEY, &deleted]).await;
            }
            let (score, n) = if order == "asc" { ("0", 0) } else { ("50", 50) };
            redis.run::<()>(&["ZADD", KEY, score, &member("s", n)]).await;
            found.extend(page);
            parameters = next(&reply);
        }
        assert_eq!(found, expected, "{order}");
    }
}

#[tokio::test]
async fn readings_of_one_instant_are_paged_by_stream_id_as_a_number() {
    let redis = RedisServer::start().await;
    // In the order of Redis 1, 10, 11, … 2, 20, …
    let member = |n: usize| member("s", 0).replace("\"1-0\"", &format!("\"{n}-0\""));
    stored::insert_members(&redis, "s", (1..=30).map(|n| (0.0, member(n)))).await;
    let query = query_api(&redis).start().await;
    let ascending: Vec<u64> = (1..=30).collect();
    let found = pages(&query, "limit=7").await;
    assert_eq!(found.iter().map(Vec::len).collect::<Vec<_>>(), [7, 7, 7, 7, 2]);
    assert_eq!(found.concat(), ascending);
    let descending: Vec<u64> = ascending.into_iter().rev().collect();
    assert_eq!(pages(&query, "limit=7&order=desc").await.concat(), descending);
}

#[tokio::test]
async fn readings_with_one_instant_and_one_stream_id_are_all_paged() {
    let redis = RedisServer::start().await;
    let member = |n: usize| member("s", 0).replace("\"meter\"", &format!("\"{n}\""));
    stored::insert_members(&redis, "s", (0..9).map(|n| (0.0, member(n)))).await;
    let query = query_api(&redis).start().await;
    let mut devices = std::collections::BTreeSet::new();
    let mut parameters = Some("limit=2".to_owned());
    while let Some(wanted) = parameters {
        let reply = get(&query, &wanted).await;
        for reading in reply.json()["readings"].as_array().unwrap() {
            assert!(devices.insert(reading["device_id"].to_string()), "repeated: {reading}");
        }
        parameters = next(&reply);
    }
    assert_eq!(devices.len(), 9);
}

#[tokio::test]
async fn a_page_has_the_cursor_of_the_next_one_in_its_body_and_its_head() {
    let (_redis, query) = service_with(3).await;
    let reply = get(&query, "limit=2&start=0").await;
    let cursor = reply.json()["next_cursor"].as_str().unwrap().to_owned();
    assert_eq!(next(&reply).unwrap(), format!("cursor={cursor}&limit=2&start=0"));
    let last = get(&query, &format!("cursor={cursor}&start=0")).await;
    assert_eq!(ids(&last.json()), [3]);
    assert!(next(&last).is_none() && last.json().get("next_cursor").is_none());
    assert_eq!(ids_of(&query, "limit=3").await, [1, 2, 3]);
    assert!(next(&get(&query, "limit=3").await).is_none());
}

#[tokio::test]
async fn a_large_page_has_up_to_10_000_readings() {
    let (_redis, query) = service_with(12_345).await;
    let found = pages(&query, "limit=10000").await;
    assert_eq!(found.iter().map(Vec::len).collect::<Vec<_>>(), [10_000, 2_345]);
    assert!(found.concat().into_iter().eq(1..=12_345));
}

#[tokio::test]
async fn a_cursor_of_other_filters_is_rejected() {
    let (_redis, query) = service_with(3).await;
    let cursor = get(&query, "limit=1").await.json()["next_cursor"].as_str().unwrap().to_owned();
    assert_eq!(ids_of(&query, &format!("limit=2&cursor={cursor}")).await, [2, 3]);
    let other_site = query.get(&format!("/sites/t/readings?cursor={cursor}")).await;
    assert_eq!(other_site.status, 422);
    for other in ["order=desc", "start=0", "end=9", "device_id=meter"] {
        let reply = get(&query, &format!("{other}&cursor={cursor}")).await;
        assert_eq!(reply.status, 422, "{other}: {reply:?}");
        assert_eq!(reply.json()["detail"][0]["loc"], json!(["query", "cursor"]), "{other}");
    }
}

#[tokio::test]
async fn each_invalid_parameter_is_an_error_and_all_are_reported() {
    let (_redis, query) = service_with(0).await;
    for (parameters, name, kind) in [
        ("start=tomorrow", "start", "value_error"),
        ("start=", "start", "value_error"),
        ("end=now-1y", "end", "value_error"),
        ("start=2&end=1", "start", "value_error"),
        ("limit=0", "limit", "greater_than_equal"),
        ("limit=10001", "limit", "less_than_equal"),
        ("limit=x", "limit", "int_parsing"),
        ("order=up", "order", "literal_error"),
        ("cursor=%FF", "cursor", "value_error"),
        ("cursor=", "cursor", "value_error"),
        ("format=xml", "format", "literal_error"),
    ] {
        let reply = get(&query, parameters).await;
        assert_eq!(reply.status, 422, "{parameters}: {reply:?}");
        let body = reply.json();
        assert_eq!(body["code"], "validation_failed");
        let detail = &body["detail"][0];
        assert_eq!((&detail["loc"], &detail["type"]), (&json!(["query", name]), &json!(kind)));
    }
    let all = get(&query, "start=x&end=x&limit=x&order=x&cursor=x&format=x").await;
    assert_eq!(all.json()["detail"].as_array().unwrap().len(), 6, "{all:?}");
}

#[tokio::test]
async fn a_plus_that_is_not_encoded_is_explained() {
    let (_redis, query) = service_with(0).await;
    let reply = get(&query, "start=2024-01-15T10:30:00+02:00").await;
    assert_eq!(reply.status, 422);
    assert!(reply.json()["detail"][0]["msg"].as_str().unwrap().contains("%2B"), "{reply:?}");
}

#[tokio::test]
async fn a_misspelt_parameter_is_ignored_with_a_warning() {
    let (_redis, query) = service_with(3).await;
    let bare = query.get("/sites/s/readings").await;
    let reply = get(&query, "star=2").await;
    assert_eq!(reply.body, bare.body);
    assert!(reply.header("warning").contains("is `start` meant?"), "{reply:?}");
    for reply in [bare, get(&query, "utm_source=x").await] {
        assert!(reply.headers.get("warning").is_none() && next(&reply).is_none(), "{reply:?}");
    }
}

#[tokio::test]
async fn ndjson_has_the_members_of_json_line_by_line() {
    let (_redis, query) = service_with(3_000).await;
    let reply = get(&query, "format=ndjson").await;
    assert_eq!(reply.header("content-type"), "application/x-ndjson");
    let text = reply.text();
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    let all = query.get("/sites/s/readings").await.json();
    assert_eq!(Value::from(lines.collect::<Vec<Value>>()), all["readings"]);
    let request = query.request(reqwest::Method::GET, "/sites/s/readings?limit=2");
    let page = Reply::of(request.header("accept", "application/x-ndjson")).await;
    assert_eq!(page.text().lines().count(), 2);
    let rest = get(&query, &format!("{}&format=ndjson", next(&page).unwrap())).await;
    assert!(rest.text().starts_with(&member("s", 2)), "{rest:?}");
}

#[tokio::test]
async fn csv_has_a_header_and_no_formulas() {
    let (redis, query) = service_with(1).await;
    let formula = member("s", 1).replace("\"meter\"", r#""=cmd,\"1\"""#);
    stored::insert_members(&redis, "s", [(1.0, formula)].into_iter()).await;
    let request = query.request(reqwest::Method::GET, "/sites/s/readings");
    let reply = Reply::of(request.header("accept", "text/csv")).await;
    assert_eq!(reply.header("content-type"), "text/csv; charset=utf-8");
    assert_eq!(reply.header("content-disposition"), "attachment; filename=\"readings.csv\"");
    let ingested = "2024-01-15T10:30:00.123456";
    assert_eq!(
        reply.text(),
        format!(
            "stream_id,site_id,device_id,power_reading,timestamp,ingested_at\r\n\
             1-0,s,meter,1500.5,1970-01-01T00:00:00Z,{ingested}\r\n\
             2-0,s,\"'=cmd,\"\"1\"\"\",1500.5,1970-01-01T00:00:01Z,{ingested}\r\n"
        )
    );
    let page = get(&query, "format=csv&limit=1").await;
    assert_eq!(page.text().lines().count(), 2);
    assert!(next(&page).is_some());
    let empty = query.get("/sites/none/readings?format=csv").await;
    assert_eq!(empty.text().lines().count(), 1);
}
