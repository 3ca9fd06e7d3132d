//! `ALLOW_NEGATIVE_POWER`: power below 0 is energy that is fed into the grid.

use serde_json::{Value, json};

use crate::common::product::{Launch, ingestion_api, processing_service};
use crate::common::readings::reading;
use crate::common::redis::{DEAD_LETTERS, RedisServer};
use crate::common::stored::{self, wait_until_settled};
use crate::common::wait;

fn allowing(launch: Launch) -> Launch {
    launch.env("ALLOW_NEGATIVE_POWER", "true")
}

fn with_power(power: &Value, timestamp: &str) -> String {
    let mut reading = reading("s");
    reading["power_reading"] = power.clone();
    reading["timestamp"] = json!(timestamp);
    reading.to_string()
}

#[tokio::test]
async fn negative_power_is_accepted_and_stored_and_export_is_apart_from_import() {
    let redis = RedisServer::start().await;
    let ingestion = allowing(ingestion_api(&redis)).start().await;
    let processing = allowing(processing_service(&redis)).start().await;
    for (power, hour) in [(json!(1000), 10), (json!("-500.5"), 11), (json!(-0.0), 12)] {
        let body = with_power(&power, &format!("2024-01-15T{hour}:00:00Z"));
        assert_eq!(ingestion.post("/readings", body).await.status, 201, "{power}");
    }
    let csv = "site_id,device_id,power_reading,timestamp\ns,meter,-1e-05,2024-01-15T13:00:00Z\n";
    let request = ingestion.request(reqwest::Method::POST, "/readings/batch");
    let batch = request.header("content-type", "text/csv").body(csv).send().await.unwrap();
    assert_eq!(batch.status(), 200);
    for power in ["-inf", "-1e400", "-NaN"] {
        let body = with_power(&json!(power), "2024-01-15T10:00:00Z");
        assert_eq!(ingestion.post("/readings", body).await.status, 422, "{power}");
    }
    wait_until_settled(&redis).await;
    let path = "/sites/s/energy?start=2024-01-15T10:00:00Z&end=2024-01-15T12:00:00Z";
    let energy = processing.get(path).await.json()["devices"][0].clone();
    let kwh = |name: &str| energy[name].as_f64().unwrap();
    assert!((kwh("import_kwh") - 1.0).abs() < 1e-9, "{energy}");
    assert!((kwh("export_kwh") - 0.5005).abs() < 1e-9, "{energy}");
    assert!((kwh("net_kwh") - 0.4995).abs() < 1e-9, "{energy}");
    let members = stored::members(&redis, "s").await;
    let text = |n: usize| members[n].text.as_str();
    assert!(text(1).contains("\"power_reading\": -500.5,"), "{members:?}");
    assert!(text(2).contains("\"power_reading\": 0.0,"), "{members:?}");
    assert!(text(3).contains("\"power_reading\": -1e-05,"), "{members:?}");
}

#[tokio::test]
async fn without_the_setting_it_is_rejected_and_an_entry_with_it_is_dead_lettered() {
    let redis = RedisServer::start().await;
    let strict = ingestion_api(&redis).start().await;
    let body = with_power(&json!(-5), "2024-01-15T10:00:00Z");
    let reply = strict.post("/readings", body.clone()).await;
    assert_eq!(
        (reply.status, &reply.json()["detail"][0]["type"]),
        (422, &json!("greater_than_equal"))
    );
    let allowing_one = allowing(ingestion_api(&redis)).start().await;
    assert_eq!(allowing_one.post("/readings", body).await.status, 201);
    let processing = processing_service(&redis).start().await;
    let letters = wait::until_some("it is dead-lettered", async || {
        let letters = redis.entries(DEAD_LETTERS).await;
        (!letters.is_empty()).then_some(letters)
    })
    .await;
    assert!(format!("{letters:?}").contains("power is negative"), "{letters:?}");
    drop(processing);
    let allowing_two = allowing(processing_service(&redis)).start().await;
    let retry = format!("/pipeline/dead-letters/{}/retry", letters[0].id);
    assert_eq!(allowing_two.post(&retry, "").await.status, 200);
    wait::until("it is stored", async || stored::members(&redis, "s").await.len() == 1).await;
    // Stored readings are returned by every service.
    drop(allowing_two);
    let strict = processing_service(&redis).start().await;
    let body = strict.get("/sites/s/readings").await.json();
    assert_eq!(body["readings"][0]["power_reading"], json!(-5.0));
}
