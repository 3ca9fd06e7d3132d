//! `GET /sites/{site_id}/energy`: energy of a range, of today unless the request says otherwise.

use serde_json::{Value, json};

use crate::common::http::Http;
use crate::common::product::{Role, query_api};
use crate::common::readings::houses;
use crate::common::redis::RedisServer;
use crate::common::stored::insert_readings;

fn reading(device: &str, timestamp: &str, watts: f64) -> Value {
    json!({ "site_id": "s", "device_id": device, "power_reading": watts, "timestamp": timestamp })
}

async fn service_with(readings: &[Value]) -> (RedisServer, Role) {
    let redis = RedisServer::start().await;
    insert_readings(&redis, readings).await;
    let query = query_api(&redis).start().await;
    (redis, query)
}

async fn energy(query: &Http, site: &str, parameters: &str) -> Value {
    let reply = query.get(&format!("/sites/{site}/energy?{parameters}")).await;
    assert_eq!(reply.status, 200, "{parameters}: {reply:?}");
    reply.json()
}

#[tokio::test]
async fn each_device_has_its_import_its_export_and_how_much_of_the_range_is_covered() {
    let (_redis, query) = service_with(&[
        reading("m", "2024-01-15T10:00:00Z", 2_000.0),
        reading("m", "2024-01-15T11:00:00Z", -1_000.0),
        reading("m", "2024-01-15T12:00:00Z", 0.0),
        reading("pv", "2024-01-15T10:00:00Z", 500.0),
    ])
    .await;
    let range = "start=2024-01-15T10:00:00Z&end=2024-01-15T14:00:00Z";
    let expected = json!({
        "site_id": "s", "start": "2024-01-15T11:00:00+01:00", "end": "2024-01-15T15:00:00+01:00",
        "tz": "Europe/Berlin", "energy_unit": "kWh", "integration": "step", "max_gap_s": 3600,
        "devices": [
            { "device_id": "m", "count": 3, "import_kwh": 2.0, "export_kwh": 1.0, "net_kwh": 1.0, "coverage": 0.5 },
            { "device_id": "pv", "count": 1, "import_kwh": null, "export_kwh": null, "net_kwh": null, "coverage": 0.0 },
        ],
    });
    for _ in 0..2 {
        let parameters = format!("{range}&tz=Europe/Berlin&max_gap=1h");
        assert_eq!(energy(&query, "s", &parameters).await, expected);
    }
    let one = energy(&query, "s", &format!("{range}&device_id=pv")).await;
    assert_eq!(one["devices"].as_array().unwrap().len(), 1);
    assert_eq!(energy(&query, "unknown", "").await["devices"], json!([]));
}

#[tokio::test]
async fn without_a_range_it_is_that_of_today_in_the_time_zone() {
    let (_redis, query) = service_with(&[]).await;
    for zone in ["UTC", "Asia/Kathmandu", "America/Los_Angeles"] {
        let found = energy(&query, "s", &format!("tz={zone}")).await;
        let local = |name: &str| {
            let text = found[name].as_str().unwrap();
            chrono::DateTime::parse_from_rfc3339(text).unwrap()
        };
        assert_eq!(local("start").time(), chrono::NaiveTime::MIN, "{found}");
        let minutes = (chrono::Utc::now() - local("end").to_utc()).num_minutes();
        assert!(minutes < 2 && (local("end") - local("start")).num_hours() <= 25, "{found}");
    }
}

#[tokio::test]
async fn a_year_of_houses_has_the_energy_of_the_file() {
    let redis = RedisServer::start().await;
    insert_readings(&redis, &houses()).await;
    let query = query_api(&redis).start().await;
    let expected = crate::common::files::json("data/houses_hourly.expected.json");
    for series in expected["series"].as_array().unwrap() {
        let site = series["site_id"].as_str().unwrap();
        let parameters = format!(
            "start=2016-08-01&end=2017-08-02&device_id={}",
            series["device_id"].as_str().unwrap()
        );
        let found = energy(&query, site, &parameters).await;
        let device = &found["devices"][0];
        let kwh = device["import_kwh"].as_f64().unwrap();
        let wanted = series["kwh_step_hold"].as_f64().unwrap();
        assert!((kwh - wanted).abs() <= 1e-6 * wanted, "{kwh} instead of {wanted}");
        assert_eq!(device["count"], series["count"]);
    }
}

#[tokio::test]
async fn invalid_and_unknown_parameters_are_errors() {
    let (_redis, query) = service_with(&[]).await;
    for (parameters, place) in [
        ("tz=Mars", "tz"),
        ("max_gap=-1", "max_gap"),
        ("start=x", "start"),
        ("interval=1h", "interval"),
        ("tzz=UTC", "tzz"),
        ("start=2024-01-16&end=2024-01-16", "start"),
    ] {
        let reply = query.get(&format!("/sites/s/energy?{parameters}")).await;
        assert_eq!(reply.status, 422, "{parameters}: {reply:?}");
        assert_eq!(reply.json()["detail"][0]["loc"], json!(["query", place]), "{parameters}");
    }
    assert_eq!(query.get("/sites//energy").await.status, 404);
}
