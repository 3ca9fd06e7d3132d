//! Readings to send, and stream entries as senders of every kind leave them.

use std::fs::File;
use std::io::{BufRead, BufReader};

use flate2::read::GzDecoder;
use redis::pipe;
use serde_json::{Value, json};

use super::files;
use super::redis::{RedisServer, STREAM};

pub const NOON: &str = "2024-01-15T12:00:00Z";

/// A valid body.
pub fn reading(site: &str) -> Value {
    json!({ "site_id": site, "device_id": "meter", "power_reading": 1500.5, "timestamp": NOON })
}

/// The fields of a stream entry.
pub fn fields(site: &str, power: &str, timestamp: &str) -> Vec<(String, String)> {
    let ingested_at = "2024-01-15T10:30:00.123456";
    [
        ("site_id", site),
        ("device_id", "meter"),
        ("power_reading", power),
        ("timestamp", timestamp),
        ("ingested_at", ingested_at),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

/// Adds an entry to the stream; `id` may be `*`.
pub async fn add(redis: &RedisServer, id: &str, fields: &[(String, String)]) -> String {
    let words = ["XADD", STREAM, id].map(str::to_owned).into_iter();
    let fields = fields.iter().flat_map(|(name, value)| [name.clone(), value.clone()]);
    redis.run(&words.chain(fields).collect::<Vec<_>>()).await
}

/// Fills the stream with a backlog of readings, one per second, spread over `sites` sites, and
/// returns the entries' ids.
pub async fn add_backlog(redis: &RedisServer, count: usize, sites: usize) -> Vec<String> {
    let entry = |n: usize| {
        let time = format!("{:02}:{:02}:{:02}", n / 3600 % 24, n / 60 % 60, n % 60);
        fields(&format!("site-{}", n % sites), "1500.5", &format!("2024-01-15T{time}Z"))
    };
    add_all(redis, (0..count).map(entry)).await
}

/// Fills the stream with the readings of the houses' year, and returns the entries' ids.
pub async fn add_houses(redis: &RedisServer) -> Vec<String> {
    add_readings(redis, houses()).await
}

/// Fills the stream with readings, and returns the entries' ids.
pub async fn add_readings(redis: &RedisServer, readings: Vec<Value>) -> Vec<String> {
    let entry = |line: Value| {
        let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
        let power = line["power_reading"].to_string();
        let mut entry = fields(&text("site_id"), &power, &text("timestamp"));
        entry[1].1 = text("device_id");
        entry
    };
    add_all(redis, readings.into_iter().map(entry)).await
}

/// The readings of the houses' year.
pub fn houses() -> Vec<Value> {
    of_file("data/houses_hourly.ndjson.gz")
}

/// The readings of a compressed file, in its order.
pub fn of_file(path: &str) -> Vec<Value> {
    let file = File::open(files::path(path)).unwrap();
    let lines = BufReader::new(GzDecoder::new(file)).lines();
    lines.map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect()
}

async fn add_all(
    redis: &RedisServer,
    entries: impl Iterator<Item = Vec<(String, String)>>,
) -> Vec<String> {
    let mut connection = redis.connect().await;
    let mut ids = Vec::new();
    for chunk in entries.collect::<Vec<_>>().chunks(5_000) {
        let mut pipeline = pipe();
        for fields in chunk {
            pipeline.xadd(STREAM, "*", fields);
        }
        ids.extend(pipeline.query_async::<Vec<String>>(&mut connection).await.unwrap());
    }
    ids
}
