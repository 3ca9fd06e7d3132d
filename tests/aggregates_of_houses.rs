//! Energy by day of real houses, over HTTP, has the values of `data/*.expected.json`.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::common::files;
use crate::common::http::Http;
use crate::common::product::query_api;
use crate::common::readings::{houses, of_file};
use crate::common::redis::RedisServer;
use crate::common::stored::insert_readings;

/// All days of both files; in Los Angeles the days of UTC begin earlier.
const RANGE: &str = "start=2016-07-30T00:00:00-07:00&end=2017-09-01T00:00:00-07:00";

fn assert_close(found: f64, expected: &Value, what: &str) {
    let expected = expected.as_f64().unwrap();
    let tolerance = 1e-6 * expected.abs().max(1e-3);
    assert!((found - expected).abs() <= tolerance, "{what}: {found} instead of {expected}");
}

/// The buckets of each device.
async fn days(query: &Http, site: &str, zone: &str) -> BTreeMap<String, Vec<Value>> {
    let path = format!("/sites/{site}/aggregates?{RANGE}&interval=1d&tz={zone}");
    let reply = query.get(&path).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    let body = reply.json();
    let series = |series: &Value| {
        let buckets = series["buckets"].as_array().unwrap().clone();
        (series["device_id"].as_str().unwrap().to_owned(), buckets)
    };
    body["series"].as_array().unwrap().iter().map(series).collect()
}

fn seconds(bucket: &Value) -> f64 {
    let instant =
        |name: &str| chrono::DateTime::parse_from_rfc3339(bucket[name].as_str().unwrap()).unwrap();
    (instant("end") - instant("start")).as_seconds_f64()
}

/// Compares each day with `[kwh, covered seconds, readings]`.
fn assert_days(found: &[Value], expected: &Value, zone: &str) {
    let expected = expected.as_object().unwrap();
    assert_eq!(found.len(), expected.len(), "days in {zone}");
    for bucket in found {
        let date = &bucket["start"].as_str().unwrap()[..10];
        let columns = &expected[date];
        let kwh = bucket["energy_kwh"].as_f64().unwrap_or_default();
        assert_close(kwh, &columns[0], &format!("kWh on {date} in {zone}"));
        assert_eq!(bucket["energy_kwh"], bucket["import_kwh"], "nothing is exported");
        let covered = bucket["coverage"].as_f64().unwrap() * seconds(bucket);
        assert_close(covered, &columns[1], &format!("seconds on {date} in {zone}"));
        assert_eq!(bucket["count"], columns[2], "readings on {date} in {zone}");
        let day = chrono::NaiveDate::parse_from_str(date, "%Y-%m-%d").unwrap();
        let hours = match (zone, day.format("%m-%d").to_string().as_str()) {
            ("America/Los_Angeles", "11-06") => 25.0,
            ("America/Los_Angeles", "03-12") => 23.0,
            _ => 24.0,
        };
        assert_close(seconds(bucket), &Value::from(hours * 3_600.0), date);
    }
}

async fn assert_series(query: &Http, name: &str) {
    for series in files::json(name)["series"].as_array().unwrap() {
        let site = series["site_id"].as_str().unwrap();
        let device = series["device_id"].as_str().unwrap();
        for (zone, expected) in series["daily"].as_object().unwrap() {
            let cold = days(query, site, zone).await;
            assert_days(&cold[device], expected, zone);
            assert_eq!(days(query, site, zone).await, cold, "from rollups");
        }
    }
}

#[tokio::test]
async fn days_of_a_year_of_houses_have_the_expected_energy_coverage_and_readings() {
    let redis = RedisServer::start().await;
    insert_readings(&redis, &houses()).await;
    let query = query_api(&redis).start().await;
    assert_series(&query, "data/houses_hourly.expected.json").await;
    let fields: u64 = redis.run(&["HLEN", "site:house-01:rollups"]).await;
    assert_eq!(fields, 366 + 1, "a rollup of each day, and the generation");
}

#[tokio::test]
async fn resends_and_corrections_that_are_stored_beside_each_other_do_not_change_energy() {
    let redis = RedisServer::start().await;
    insert_readings(&redis, &of_file("data/houses_messy.ndjson.gz")).await;
    let query = query_api(&redis).start().await;
    assert_series(&query, "data/houses_messy.expected.json").await;
    let stored = &files::json("data/houses_messy.expected.json");
    for (site, expected) in
        stored["if_every_post_is_stored_like_the_seed"]["sites"].as_object().unwrap()
    {
        let buckets = &days(&query, site, "UTC").await["main-meter"];
        let sum = |name: &str| -> u64 { buckets.iter().map(|b| b[name].as_u64().unwrap()).sum() };
        assert_eq!(Value::from(sum("count") + sum("repeats")), *expected, "readings of {site}");
    }
}
