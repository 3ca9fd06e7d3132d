//! `GET /sites/{site_id}/aggregates`: its parameters, and answers that stay right while readings come and go.

use serde_json::{Value, json};

use crate::common::http::{Http, Reply};
use crate::common::product::{Role, processing_service, query_api};
use crate::common::redis::RedisServer;
use crate::common::stored::insert_readings;
use crate::common::wait;

const DAY: &str = "start=2024-01-15&end=2024-01-16";

/// Power of a device at a time of 2024-01-15, or at a timestamp.
fn reading(device: &str, time: &str, watts: f64) -> Value {
    let timestamp = if time.len() > 8 { time.to_owned() } else { format!("2024-01-15T{time}Z") };
    json!({ "site_id": "s", "device_id": device, "power_reading": watts, "timestamp": timestamp })
}

async fn service_with(readings: &[Value]) -> (RedisServer, Role) {
    let redis = RedisServer::start().await;
    insert_readings(&redis, readings).await;
    let query = query_api(&redis).start().await;
    (redis, query)
}

async fn get(query: &Http, parameters: &str) -> Reply {
    query.get(&format!("/sites/s/aggregates?{parameters}")).await
}

async fn body(query: &Http, parameters: &str) -> Value {
    let reply = get(query, parameters).await;
    assert_eq!(reply.status, 200, "{parameters}: {reply:?}");
    reply.json()
}

/// The series of a body.
async fn series(query: &Http, parameters: &str) -> Vec<Value> {
    body(query, parameters).await["series"].as_array().unwrap().clone()
}

/// The buckets of the only series.
async fn buckets(query: &Http, parameters: &str) -> Vec<Value> {
    let series = series(query, parameters).await;
    let [one] = &series[..] else { panic!("{parameters}: {series:?}") };
    one["buckets"].as_array().unwrap().clone()
}

/// The message of the only validation error, and its `loc`.
async fn invalid(query: &Http, parameters: &str) -> (Value, String) {
    let reply = get(query, parameters).await;
    assert_eq!(reply.status, 422, "{parameters}: {reply:?}");
    let body = reply.json();
    let [error] = &body["detail"].as_array().unwrap()[..] else { panic!("{parameters}: {body}") };
    (error["loc"][1].clone(), error["msg"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_bucket_has_its_lowest_highest_and_mean_power_and_its_energy() {
    let (_redis, query) = service_with(&[
        reading("m", "10:00:00", 1_000.0),
        reading("m", "10:30:00", 3_000.0),
        reading("m", "10:45:00", 500.0),
        reading("m", "11:00:00", 500.0),
    ])
    .await;
    let found = body(&query, "start=2024-01-15T12:00:00%2B02:00&end=1705316400&interval=1h").await;
    let expected = json!({
        "site_id": "s", "start": "2024-01-15T10:00:00Z", "end": "2024-01-15T11:00:00Z",
        "interval": "1h", "tz": "UTC", "power_unit": "W", "energy_unit": "kWh",
        "integration": "step", "max_gap_s": 7200,
        "series": [{ "device_id": "m", "buckets": [{
            "start": "2024-01-15T10:00:00Z", "end": "2024-01-15T11:00:00Z", "count": 3, "repeats": 0,
            "min": 500.0, "min_at": "2024-01-15T10:45:00Z",
            "max": 3000.0, "max_at": "2024-01-15T10:30:00Z",
            "mean": 1375.0, "energy_kwh": 1.375, "import_kwh": 1.375, "export_kwh": 0.0,
            "coverage": 1.0,
        }] }],
    });
    assert_eq!(found, expected);
}

#[tokio::test]
async fn export_is_apart_from_import() {
    let (_redis, query) = service_with(&[
        reading("m", "10:00:00", 2_000.0),
        reading("m", "10:30:00", -1_000.0),
        reading("m", "11:00:00", 0.0),
    ])
    .await;
    let bucket = &buckets(&query, &format!("{DAY}&interval=1h")).await[0];
    let energy = ["import_kwh", "export_kwh", "energy_kwh", "mean"].map(|name| &bucket[name]);
    assert_eq!(energy, [&json!(1.0), &json!(0.5), &json!(0.5), &json!(500.0)]);
}

#[tokio::test]
async fn a_gap_has_no_energy_and_lowers_the_coverage() {
    let (_redis, query) = service_with(&[
        reading("m", "10:00:00", 1_000.0),
        reading("m", "12:00:00", 1_000.0),
        reading("m", "18:00:00", 1_000.0),
    ])
    .await;
    for (max_gap, kwh, coverage) in [
        ("", json!(2.0), 2.0 / 24.0),
        ("&max_gap=2h", json!(2.0), 2.0 / 24.0),
        ("&max_gap=7199", json!(null), 0.0),
        ("&max_gap=6h", json!(8.0), 8.0 / 24.0),
        ("&max_gap=1m", json!(null), 0.0),
    ] {
        let bucket = &buckets(&query, &format!("{DAY}&interval=1d{max_gap}")).await[0];
        assert_eq!((&bucket["energy_kwh"], &bucket["coverage"]), (&kwh, &json!(coverage)));
        assert_eq!(bucket["count"], 3);
    }
}

#[tokio::test]
async fn the_trapezoid_joins_two_values_by_a_line() {
    let (_redis, query) =
        service_with(&[reading("m", "10:00:00", 0.0), reading("m", "11:00:00", 1_000.0)]).await;
    let energy = async |integration: &str| {
        buckets(&query, &format!("{DAY}&interval=1h&integration={integration}")).await[0]
            ["energy_kwh"]
            .clone()
    };
    assert_eq!((energy("step").await, energy("trapezoid").await), (json!(0.0), json!(0.5)));
}

#[tokio::test]
async fn buckets_without_anything_are_left_out_or_null() {
    let (_redis, query) = service_with(&[reading("m", "10:00:00", 1_000.0)]).await;
    let range = "start=2024-01-15T09:00:00Z&end=2024-01-15T12:00:00Z&interval=1h";
    let one = buckets(&query, range).await;
    assert_eq!((one.len(), &one[0]["count"], &one[0]["energy_kwh"]), (1, &json!(1), &json!(null)));
    assert_eq!(buckets(&query, &format!("{range}&fill=none")).await, one);
    let all = buckets(&query, &format!("{range}&fill=null")).await;
    assert_eq!(all[1], one[0]);
    let empty = json!({
        "start": "2024-01-15T11:00:00Z", "end": "2024-01-15T12:00:00Z", "count": 0, "repeats": 0,
        "min": null, "min_at": null, "max": null, "max_at": null, "mean": null,
        "energy_kwh": null, "import_kwh": null, "export_kwh": null, "coverage": 0.0,
    });
    assert_eq!((all.len(), &all[2]), (3, &empty));
}

#[tokio::test]
async fn devices_are_summed_on_demand_only_and_can_be_selected() {
    let (_redis, query) = service_with(&[
        reading("m", "10:00:00", 1_000.0),
        reading("m", "11:00:00", 1_000.0),
        reading("pv", "10:00:00", 500.0),
        reading("pv", "10:30:00", 500.0),
    ])
    .await;
    let range = "start=2024-01-15T10:00:00Z&end=2024-01-15T11:00:00Z&interval=1h";
    // The second request is answered from rollups.
    for _ in 0..2 {
        let ids = async |devices: &str| -> Vec<Value> {
            let all = series(&query, &format!("{range}{devices}")).await;
            all.iter().map(|series| series["device_id"].clone()).collect()
        };
        assert_eq!(ids("").await, ["m", "pv"]);
        assert_eq!(ids("&device_id=pv").await, ["pv"]);
        assert_eq!(ids("&device_id=pv&device_id=m").await, ["m", "pv"]);
        assert_eq!(ids("&device_id=other").await, [""; 0]);
        let sum = &series(&query, &format!("{range}&combine=sum")).await[0];
        assert_eq!((&sum["device_id"], &sum["devices"]), (&json!(null), &json!(["m", "pv"])));
        let bucket = &sum["buckets"][0];
        let found = ["count", "mean", "energy_kwh", "coverage", "max"].map(|name| &bucket[name]);
        assert_eq!(found, [&json!(3), &json!(1500.0), &json!(1.25), &json!(0.75), &json!(null)]);
        let filled = format!("{DAY}&interval=1h&combine=sum&fill=null");
        assert_eq!(buckets(&query, &filled).await.len(), 24);
        assert_eq!(series(&query, &format!("{filled}&device_id=other")).await, [json!(null); 0]);
    }
}

#[tokio::test]
async fn days_have_23_and_25_hours_where_clocks_change() {
    let (_redis, query) = service_with(&[
        reading("m", "2016-11-06T07:00:00Z", 1_000.0),
        reading("m", "2016-11-07T08:00:00Z", 1_000.0),
        reading("m", "2017-03-12T12:00:00Z", 1_000.0),
    ])
    .await;
    for (range, zone, lengths) in [
        (
            "start=2016-11-05T07:00:00Z&end=2016-11-08T08:00:00Z",
            "America/Los_Angeles",
            [24, 25, 24],
        ),
        (
            "start=2017-03-11T08:00:00Z&end=2017-03-14T07:00:00Z",
            "America/Los_Angeles",
            [24, 23, 24],
        ),
        ("start=2016-11-05&end=2016-11-08", "UTC", [24, 24, 24]),
    ] {
        let parameters = format!("{range}&interval=1d&fill=null&tz={zone}&max_gap=2d");
        let found = buckets(&query, &parameters).await;
        let hours = |bucket: &Value| {
            let at = |name: &str| {
                chrono::DateTime::parse_from_rfc3339(bucket[name].as_str().unwrap()).unwrap()
            };
            (at("end") - at("start")).num_hours()
        };
        let found: Vec<_> = found.iter().map(hours).collect();
        assert_eq!(found, lengths, "{range} {zone}");
    }
    let long = "start=2016-11-06T07:00:00Z&end=2016-11-07T08:00:00Z&tz=America/Los_Angeles";
    let hours = buckets(&query, &format!("{long}&interval=1h&fill=null&max_gap=2d")).await;
    assert_eq!(hours.len(), 25);
    let starts: Vec<_> = hours[1..3].iter().map(|hour| hour["start"].as_str().unwrap()).collect();
    assert_eq!(starts, ["2016-11-06T01:00:00-07:00", "2016-11-06T01:00:00-08:00"]);
    let day = &buckets(&query, &format!("{long}&interval=1d&max_gap=2d")).await[0];
    assert_eq!((&day["energy_kwh"], &day["coverage"]), (&json!(25.0), &json!(1.0)));
}

#[tokio::test]
async fn of_one_instant_the_reading_that_was_accepted_last_counts() {
    let (_redis, query) = service_with(&[
        reading("m", "10:00:00", 1_000.0),
        reading("m", "10:00:00", 1_000.0),
        reading("m", "11:00:00", 5.0),
        reading("m", "2024-01-15T12:00:00+02:00", 3_000.0),
    ])
    .await;
    let bucket = &buckets(&query, &format!("{DAY}&interval=1h")).await[0];
    let found = ["count", "repeats", "max", "energy_kwh"].map(|name| &bucket[name]);
    assert_eq!(found, [&json!(1), &json!(2), &json!(3000.0), &json!(3.0)]);
}

#[tokio::test]
async fn readings_of_wrong_clocks_neither_move_a_range_nor_are_lost() {
    let now = chrono::Utc::now();
    let stamp = |minutes: i64| {
        (now + chrono::TimeDelta::minutes(minutes)).format("%Y-%m-%dT%H:%M:%SZ").to_string()
    };
    let (_redis, query) = service_with(&[
        reading("m", "0001-01-01T00:00:00Z", 1.0),
        reading("m", "1970-01-01T00:00:00Z", 2.0),
        reading("m", &stamp(-90), 3.0),
        reading("m", &stamp(-60), 4.0),
        reading("m", &stamp(3 * 60), 5.0),
        reading("m", "9999-12-31T23:00:00Z", 6.0),
    ])
    .await;
    let found = body(&query, "").await;
    let start = chrono::DateTime::parse_from_rfc3339(found["start"].as_str().unwrap()).unwrap();
    assert!((now - start.to_utc()).num_hours() <= 25, "{found}");
    let of_all = |buckets: &[Value]| -> u64 {
        buckets.iter().map(|bucket| bucket["count"].as_u64().unwrap()).sum()
    };
    assert_eq!(of_all(found["series"][0]["buckets"].as_array().unwrap()), 2);
    let all = "start=0001-01-01&end=9999-12-31T23:59:59Z&interval=1y&max_gap=31d";
    for _ in 0..2 {
        let years = buckets(&query, all).await;
        assert_eq!((of_all(&years), &years[0]["start"]), (6, &json!("0001-01-01T00:00:00Z")));
    }
}

#[tokio::test]
async fn sums_that_overflow_are_null() {
    let (_redis, query) = service_with(&[
        reading("m", "10:00:00", 1e308),
        reading("m", "10:10:00", 1e308),
        reading("m", "10:20:00", 1e308),
        reading("pv", "10:00:00", 1e300),
        reading("pv", "11:00:00", 1e300),
    ])
    .await;
    for parameters in ["interval=1h", "interval=1d", "interval=5m", "combine=sum", "interval=1d"] {
        let reply = get(&query, &format!("{DAY}&{parameters}")).await;
        assert_eq!(reply.status, 200);
        assert!(!reply.text().contains("inf") && !reply.text().contains("NaN"), "{reply:?}");
    }
    let all = series(&query, &format!("{DAY}&interval=1h")).await;
    let found = |series: &Value| {
        ["max", "energy_kwh", "mean"].map(|name| series["buckets"][0][name].clone())
    };
    assert_eq!(found(&all[0]), [json!(1e308), json!(null), json!(null)]);
    assert_eq!(found(&all[1])[0], json!(1e300));
    assert!(found(&all[1])[1].as_f64().is_some_and(f64::is_finite));
}

#[tokio::test]
async fn the_interval_can_be_left_to_the_service() {
    let (_redis, query) = service_with(&[reading("m", "10:00:00", 1.0)]).await;
    for (parameters, interval) in [
        ("", "5m"),
        ("&interval=auto", "5m"),
        ("&points=2000", "1m"),
        ("&interval=auto&points=24", "1h"),
        ("&points=1", "1d"),
    ] {
        assert_eq!(body(&query, &format!("{DAY}{parameters}")).await["interval"], interval);
    }
    for interval in ["1m", "5m", "10m", "15m", "30m", "1h", "2h", "6h", "12h", "1d", "1w", "1mo"] {
        let found = body(&query, &format!("{DAY}&interval={interval}")).await;
        assert_eq!(found["interval"], interval);
    }
}

#[tokio::test]
async fn too_many_buckets_are_an_error_that_names_the_interval_that_fits() {
    let (_redis, query) = service_with(&[reading("m", "10:00:00", 1.0)]).await;
    let year = "start=2023-01-01&end=2024-01-01";
    let (place, message) = invalid(&query, &format!("{year}&interval=1m")).await;
    assert_eq!(place, "interval");
    assert!(message.contains("more than 20000") && message.contains("interval=30m"), "{message}");
    assert_eq!(body(&query, &format!("{year}&interval=30m")).await["interval"], "30m");
}

#[tokio::test]
async fn each_invalid_parameter_is_named() {
    let (_redis, query) = service_with(&[]).await;
    for (parameters, place, text) in [
        ("tz=Europe/Atlantis", "tz", "time zone"),
        ("tz=%2B01:00", "tz", "Europe/Berlin"),
        ("interval=7m", "interval", "'1mo'"),
        ("interval=", "interval", "'auto'"),
        ("points=0", "points", "greater than or equal to 1"),
        ("points=20001", "points", "less than or equal to 20000"),
        ("interval=1h&points=5", "points", "interval=auto"),
        ("max_gap=0", "max_gap", "31 days"),
        ("max_gap=32d", "max_gap", "31 days"),
        ("max_gap=1w", "max_gap", "30m, 2h"),
        ("fill=0", "fill", "'none' or 'null'"),
        ("combine=mean", "combine", "'none' or 'sum'"),
        ("integration=right", "integration", "'step' or 'trapezoid'"),
        ("start=2024-01-15T10:30:00+02:00", "start", "%2B"),
        ("end=tomorrow", "end", "now-24h"),
        ("start=2024-01-16&end=2024-01-15", "start", "after the start"),
        ("start=now&end=now-1h", "start", "after the start"),
        ("end=now-4000000000w", "start", "calendar"),
        ("intervall=1h", "intervall", "is `interval` meant?"),
        ("limit=5", "limit", "permitted"),
    ] {
        let (found, message) = invalid(&query, parameters).await;
        assert_eq!(found, place, "{parameters}: {message}");
        assert!(message.contains(text), "{parameters}: {message}");
    }
    let reply = get(&query, "tz=x&interval=y&max_gap=z&unknown=1").await;
    assert_eq!(reply.json()["detail"].as_array().unwrap().len(), 4);
    assert_eq!(query.get("/sites//aggregates").await.status, 404);
    assert_eq!(query.get("/sites/%FF/aggregates").await.status, 422);
    assert_eq!(series(&query, "").await, [json!(null); 0], "of an unknown site");
}

#[tokio::test]
async fn a_late_reading_and_a_removal_are_seen_by_the_next_question() {
    let readings: Vec<_> =
        (0..24).map(|hour| reading("m", &format!("{hour:02}:00:00"), 1_000.0)).collect();
    let (redis, query) = service_with(&readings).await;
    let kwh =
        async || buckets(&query, &format!("{DAY}&interval=1d")).await[0]["energy_kwh"].clone();
    assert_eq!(kwh().await, 23.0);
    let fields: u64 = redis.run(&["HLEN", "site:s:rollups"]).await;
    assert_eq!(fields, 2, "the rollup of the day, and the generation");
    let late = member_of(&reading("m", "10:30:00", 3_000.0));
    let score = "1705314600";
    redis.run::<()>(&["ZADD", "site:s:readings", score, &late]).await;
    assert_eq!(kwh().await, 24.0);
    redis.run::<()>(&["ZREM", "site:s:readings", &late]).await;
    assert_eq!(kwh().await, 23.0);
    assert_eq!(kwh().await, 23.0);
}

fn member_of(reading: &Value) -> String {
    let mut member = reading.clone();
    member["stream_id"] = "1800000000000-0".into();
    member["ingested_at"] = "2024-01-15T10:30:00.123456".into();
    member.to_string()
}

#[tokio::test]
async fn readings_that_expire_leave_the_answer() {
    let redis = RedisServer::start().await;
    let date = |days: i64| chrono::Utc::now().date_naive() + chrono::TimeDelta::days(days);
    let hours = |days: i64| {
        [1, 2].map(|hour| reading("m", &format!("{}T{hour:02}:00:00Z", date(days)), 1_000.0))
    };
    insert_readings(&redis, &[hours(-9), hours(1)].concat()).await;
    redis.run::<()>(&["ZADD", "energy_readings:sites", "0", "s"]).await;
    let query = query_api(&redis).start().await;
    let range = format!("start={}&end={}&interval=1d", date(-10), date(2));
    let days = async || buckets(&query, &range).await.len();
    assert_eq!((days().await, days().await), (2, 2));
    let _processing = processing_service(&redis).env("READINGS_RETENTION", "2s").start().await;
    wait::until("the old day has expired", async || days().await == 1).await;
}

#[tokio::test]
async fn many_buckets_are_streamed_completely() {
    let minutes = (0..1_440).map(|minute| {
        let time = format!("{:02}:{:02}:00", minute / 60, minute % 60);
        reading("m", &time, f64::from(minute))
    });
    let (_redis, query) = service_with(&minutes.collect::<Vec<_>>()).await;
    let reply = get(&query, &format!("{DAY}&interval=1m")).await;
    assert_eq!(reply.header("transfer-encoding"), "chunked");
    let body = reply.json();
    let buckets = body["series"][0]["buckets"].as_array().unwrap();
    assert_eq!(buckets.len(), 1_440);
    for (minute, bucket) in buckets.iter().enumerate() {
        assert_eq!(bucket["max"], json!(u32::try_from(minute).map(f64::from).unwrap()));
    }
}
