//! `GET /sites/{site_id}` and `GET /sites/{site_id}/devices`: what is known of a site and its devices.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::common::catalog::{Stored, index, store, utc};
use crate::common::http::Http;
use crate::common::product::query_api;
use crate::common::redis::RedisServer;
use crate::common::stored::insert_members;
use crate::common::wait;

/// More readings than are read for each question.
const MANY: i64 = 3_000;

async fn site(query: &Http) -> Value {
    let reply = query.get("/sites/house").await;
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.json()
}

async fn devices(query: &Http) -> Vec<Value> {
    let reply = query.get("/sites/house/devices").await;
    assert_eq!(reply.status, 200, "{reply:?}");
    let json = reply.json();
    assert_eq!((&json["site_id"], &json["complete"]), (&json!("house"), &json!(true)));
    json["devices"].as_array().unwrap().clone()
}

/// A device, each minute until this many seconds before now.
fn minutely(device: &'static str, count: i64, until: i64) -> Vec<Stored> {
    (0..count).rev().map(|n| Stored::ago(device, until + n * 60)).collect()
}

fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

#[tokio::test]
async fn a_summary_and_its_devices_have_counts_ends_and_status() {
    let redis = RedisServer::start().await;
    let (main, solar) = (minutely("main", 10, 0), minutely("solar", 5, 500));
    store(&redis, "house", &[&main[..], &solar[..]].concat()).await;
    let query = query_api(&redis).start().await;
    let summary = site(&query).await;
    let members: Vec<_> = summary.as_object().unwrap().keys().map(String::as_str).collect();
    let names = "site_id readings first last last_ingested_at status devices interval_s";
    assert_eq!(members, names.split(' ').collect::<Vec<_>>());
    assert_eq!((&summary["devices"], &summary["readings"]), (&json!(2), &json!(15)));
    assert_eq!(
        (&summary["first"], &summary["last"]),
        (&json!(solar[0].utc()), &json!(main[9].utc()))
    );
    assert_eq!(summary["status"], "fresh");
    let [first, second] = &devices(&query).await[..] else { panic!("two devices") };
    let interval = second["interval_s"].as_f64().unwrap();
    assert!((59.0..61.0).contains(&interval), "{interval}");
    let expected = json!({
        "device_id": "solar", "readings": 5, "first": solar[0].utc(), "last": solar[4].utc(),
        "last_power_reading": 1500.5, "last_ingested_at": utc(solar[4].ingested),
        "interval_s": interval, "status": "stale",
    });
    assert_eq!(second, &expected);
    assert_eq!((&first["device_id"], &first["status"]), (&json!("main"), &json!("fresh")));
}

#[tokio::test]
async fn devices_of_a_site_with_many_readings_are_those_of_all_of_them() {
    let redis = RedisServer::start().await;
    let silent = Stored::at("silent", time("2020-02-02T02:02:02Z")).watts(7.0);
    let main = minutely("main", MANY, 0);
    store(&redis, "house", &[vec![silent.clone()], main.clone()].concat()).await;
    let query = query_api(&redis).start().await;
    let all = devices(&query).await;
    let named: Vec<_> = all.iter().map(|it| (&it["device_id"], &it["readings"])).collect();
    assert_eq!(named, [(&json!("main"), &json!(MANY)), (&json!("silent"), &json!(1))]);
    assert_eq!(
        (&all[0]["first"], &all[0]["last"]),
        (&json!(main[0].utc()), &json!(main.last().unwrap().utc()))
    );
    assert_eq!((&all[1]["last"], &all[1]["status"]), (&json!(silent.utc()), &json!("offline")));
    assert_eq!(all[1]["last_power_reading"], 7.0);
    assert_eq!(all[1]["last_ingested_at"], utc(silent.ingested));
    assert_eq!(site(&query).await["devices"], 2);
}

#[tokio::test]
async fn readings_that_are_added_and_deleted_later_change_what_is_known() {
    let redis = RedisServer::start().await;
    let main = minutely("main", MANY, 0);
    store(&redis, "house", &main).await;
    let query = query_api(&redis).start().await;
    assert_eq!(devices(&query).await.len(), 1);
    // Of yesterday, which is known already; of now; and of a time before all others.
    store(&redis, "house", &[Stored::ago("late", 90_000), Stored::ago("new", 0)]).await;
    store(&redis, "house", &[Stored::at("old", time("2001-01-01T00:00:00Z"))]).await;
    let names = async || {
        let reply = query.get("/sites/house/devices").await.json();
        let named =
            |it: &Value| format!("{} {}", it["device_id"].as_str().unwrap(), it["readings"]);
        let all = reply["devices"].as_array().unwrap().iter().map(named).collect::<Vec<_>>();
        (reply["complete"] == true).then_some(all)
    };
    let found = wait::until_some("all are read again", &names).await;
    assert_eq!(found, ["late 1", "main 3000", "new 1", "old 1"]);
    let all = "site:house:readings";
    let first = main[0].at.timestamp_micros();
    #[expect(clippy::cast_precision_loss, reason = "as scores are")]
    let before = format!("({}", first as f64 / 1e6);
    redis.run::<usize>(&["ZREMRANGEBYSCORE", all, "-inf", &before]).await;
    let found = wait::until_some("all are read again", &names).await;
    assert_eq!(found, ["late 1", "main 3000", "new 1"]);
}

#[tokio::test]
async fn timestamps_of_wrong_clocks_are_neither_first_nor_last_of_a_device() {
    let redis = RedisServer::start().await;
    let good = minutely("meter", 5, 0);
    let outliers = ["0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z"];
    let outliers = |device| outliers.map(|at| Stored::at(device, time(at)).ingested_ago(7_200));
    let ahead = [Stored::ago("ahead", 900), Stored::ago("ahead", -3_600)];
    let all = [&good[..], &outliers("meter"), &outliers("wrong"), &ahead].concat();
    store(&redis, "house", &all).await;
    let query = query_api(&redis).start().await;
    let all = devices(&query).await;
    let of = |n: usize, name: &str| all[n][name].clone();
    assert_eq!(of(0, "device_id"), "ahead");
    assert_eq!((of(0, "status"), of(0, "last")), (json!("ahead"), json!(ahead[0].utc())));
    assert_eq!(of(0, "last_ingested_at"), utc(ahead[1].ingested));
    assert_eq!((of(1, "readings"), of(1, "status")), (json!(8), json!("fresh")));
    assert_eq!((of(1, "first"), of(1, "last")), (json!(good[0].utc()), json!(good[4].utc())));
    assert_eq!((of(2, "device_id"), of(2, "readings")), (json!("wrong"), json!(3)));
    assert_eq!((of(2, "first"), of(2, "last")), (Value::Null, Value::Null));
    assert_eq!(of(2, "last_power_reading"), Value::Null);
    let site = site(&query).await;
    assert_eq!((&site["first"], &site["status"]), (&json!(ahead[0].utc()), &json!("ahead")));
}

#[tokio::test]
async fn an_unknown_site_is_404_with_a_code_and_an_empty_one_is_not() {
    let redis = RedisServer::start().await;
    index(&redis, ["empty".to_owned()]).await;
    insert_members(&redis, "only the original", [(0.0, "junk".to_owned())].into_iter()).await;
    let query = query_api(&redis).start().await;
    for path in ["/sites/unknown", "/sites/unknown/devices", "/sites/unknown/latest"] {
        let reply = query.get(path).await;
        assert_eq!(
            (reply.status, &reply.json()["code"]),
            (404, &json!("site_not_found")),
            "{path}"
        );
    }
    for path in ["/sites/%FF", "/sites/%FF/devices", "/sites/a?x=1", "/sites/a/devices?limit=1"] {
        assert_eq!(query.get(path).await.status, 422, "{path}");
    }
    assert_eq!(query.get("/sites//devices").await.json()["code"], "not_found");
    assert_eq!(query.get("/sites/empty").await.json()["status"], "empty");
    let devices = query.get("/sites/empty/devices").await.json();
    assert_eq!(devices, json!({ "site_id": "empty", "devices": [], "complete": true }));
    assert_eq!(query.get("/sites/only%20the%20original").await.json()["readings"], 1);
}
