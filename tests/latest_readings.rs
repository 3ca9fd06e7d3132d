//! `GET /sites/{site_id}/latest`: the latest reading of each device.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::common::catalog::{Stored, store};
use crate::common::http::Http;
use crate::common::product::query_api;
use crate::common::redis::RedisServer;
use crate::common::stored::insert_members;
use crate::common::wait;

async fn latest(query: &Http, parameters: &str) -> Value {
    let reply = query.get(&format!("/sites/house/latest{parameters}")).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.json()
}

/// Device, stream id and whether it is ahead.
fn named(latest: &Value) -> Vec<(String, String, bool)> {
    let text = |it: &Value, name: &str| it[name].as_str().unwrap().to_owned();
    let readings = latest["readings"].as_array().unwrap().iter();
    readings
        .map(|it| (text(it, "device_id"), text(it, "stream_id"), it["ahead"].as_bool().unwrap()))
        .collect()
}

fn expected<const N: usize>(all: [(&str, &str, bool); N]) -> Vec<(String, String, bool)> {
    all.map(|(device, id, ahead)| (device.to_owned(), id.to_owned(), ahead)).into()
}

fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

#[tokio::test]
async fn each_device_has_one_reading_with_its_age() {
    let redis = RedisServer::start().await;
    let readings = [
        Stored::ago("a", 120).id("1-0"),
        Stored::ago("a", 60).id("2-0").watts(2.5),
        Stored::ago("b", 3_600).id("3-0"),
    ];
    store(&redis, "house", &readings).await;
    let query = query_api(&redis).start().await;
    let reply = latest(&query, "").await;
    assert_eq!((&reply["site_id"], &reply["complete"]), (&json!("house"), &json!(true)));
    assert_eq!(named(&reply), expected([("a", "2-0", false), ("b", "3-0", false)]));
    let reading = &reply["readings"][0];
    assert_eq!(reading["power_reading"], 2.5);
    assert_eq!(reading["timestamp"], readings[1].utc());
    let age = reading["age_s"].as_f64().unwrap();
    assert!((60.0..120.0).contains(&age), "{age}");
    let only = latest(&query, "?device_id=b&device_id=unknown").await;
    assert_eq!(named(&only), expected([("b", "3-0", false)]));
    assert_eq!(query.get("/sites/house/latest?device=b").await.status, 422);
}

#[tokio::test]
async fn of_equal_instants_the_higher_stream_id_is_the_latest() {
    let redis = RedisServer::start().await;
    let at = Utc::now() - chrono::TimeDelta::hours(1);
    let ids = ["9-0", "10-0", "10-9", "10-10", "2-0"];
    let same = ids.map(|id| Stored::at("a", at).id(id));
    store(&redis, "house", &same).await;
    let query = query_api(&redis).start().await;
    assert_eq!(named(&latest(&query, "").await), expected([("a", "10-10", false)]));
    // Many, of a device that is silent since.
    let newer = (0..3_000).map(|n| Stored::ago("b", n).id(&format!("{}-1", 9_000 - n)));
    store(&redis, "house", &newer.collect::<Vec<_>>()).await;
    let others = (0..200).map(|n| Stored::at("c", at).id(&format!("{n}-7")));
    store(&redis, "house", &others.collect::<Vec<_>>()).await;
    wait_until_complete(&query).await;
    let all = [("a", "10-10", false), ("b", "9000-1", false), ("c", "199-7", false)];
    assert_eq!(named(&latest(&query, "").await), expected(all));
}

async fn wait_until_complete(query: &Http) {
    wait::until("all devices are known", async || latest(query, "").await["complete"] == true)
        .await;
}

#[tokio::test]
async fn a_reading_that_is_ahead_is_the_latest_only_of_a_device_that_has_no_others() {
    let redis = RedisServer::start().await;
    let readings = [
        Stored::ago("both", 60).id("1-0"),
        Stored::ago("both", -900).id("2-0"),
        Stored::at("far", time("9999-12-31T23:59:59Z")).id("3-0"),
        Stored::ago("far", -3_600).id("4-0"),
        Stored::ago("little", -200).id("5-0"),
        Stored::at("never set", time("1970-01-01T00:00:00Z")).id("6-0"),
    ];
    store(&redis, "house", &readings).await;
    let query = query_api(&redis).start().await;
    let reply = latest(&query, "").await;
    let all = [
        ("both", "1-0", true),
        ("far", "4-0", true),
        ("little", "5-0", false),
        ("never set", "6-0", false),
    ];
    assert_eq!(named(&reply), expected(all));
    let ages: Vec<_> = (0..4).map(|n| reply["readings"][n]["age_s"].as_f64().unwrap()).collect();
    assert!(ages[1] < -3_500.0 && (-200.0..0.0).contains(&ages[2]) && ages[3] > 1e9, "{ages:?}");
}

#[tokio::test]
async fn devices_that_are_silent_for_long_are_found_and_until_then_the_answer_is_not_complete() {
    let redis = RedisServer::start().await;
    let silent = Stored::at("silent", time("2020-02-02T02:02:02Z")).id("1-0");
    let many = (0..20_000).map(|n| Stored::ago("main", 10 * n).id(&format!("{}-0", 30_000 - n)));
    store(&redis, "house", &[vec![silent], many.collect()].concat()).await;
    let query = query_api(&redis).start().await;
    let first = latest(&query, "").await;
    assert_eq!((&first["complete"], named(&first).len()), (&json!(false), 1), "{first}");
    wait_until_complete(&query).await;
    let all = [("main", "30000-0", false), ("silent", "1-0", false)];
    assert_eq!(named(&latest(&query, "").await), expected(all));
    // Stored since, of a device that is known, of a new one, and late.
    let since = [Stored::ago("main", 0).id("40000-0"), Stored::ago("new", 200).id("40001-0")];
    store(&redis, "house", &since).await;
    let now = latest(&query, "").await;
    let all = [("main", "40000-0", false), ("new", "40001-0", false), ("silent", "1-0", false)];
    assert_eq!((named(&now), &now["complete"]), (expected(all), &json!(true)));
    store(&redis, "house", &[Stored::ago("late", 190_000).id("50000-0")]).await;
    wait_until_complete(&query).await;
    assert_eq!(named(&latest(&query, "").await).len(), 4);
}

#[tokio::test]
async fn members_that_are_no_readings_are_left_out() {
    let redis = RedisServer::start().await;
    store(&redis, "house", &[Stored::ago("a", 60).id("1-0")]).await;
    #[expect(clippy::cast_precision_loss, reason = "as scores are")]
    let now = Utc::now().timestamp() as f64;
    insert_members(&redis, "house", [(now, "junk".to_owned())].into_iter()).await;
    let query = query_api(&redis).start().await;
    assert_eq!(named(&latest(&query, "").await), expected([("a", "1-0", false)]));
}
