//! Readings of a house, and questions about its energy.

use ::redis::{cmd, pipe};
use readings::energy::calendar::{Buckets, Range, Zone};
use readings::energy::integration::{Aggregation, Rules, SiteBuckets};
use readings::store::StreamId;
use readings::store::codec::{StreamEntry, member, score};
use readings::store::rollups::Question;
use readings::{DeviceId, Instant, Power, Reading, SiteId, Timestamp};

use super::redis::RedisServer;

pub const FIRST_DAY: &str = "2024-01-10T00:00:00Z";
pub const MINUTE: i64 = 60_000_000;

pub fn at(text: &str) -> Instant {
    readings::iso8601::parse(text).unwrap().instant
}

pub fn site() -> SiteId {
    SiteId::new("house-01").unwrap()
}

pub fn entry(number: u64, device: &str, timestamp: &str, watts: f64) -> StreamEntry {
    StreamEntry {
        id: StreamId { ms: 1_700_000_000_000 + number, seq: 0 },
        reading: Reading {
            site_id: site(),
            device_id: DeviceId::new(device).unwrap(),
            power: Power::from_watts(watts).unwrap(),
            timestamp: Timestamp::parse(timestamp).unwrap(),
        },
        ingested_at: "2024-01-15T10:30:00.000000".to_owned(),
    }
}

/// Stores entries as the processing service does.
pub async fn store(redis: &RedisServer, entries: &[StreamEntry]) {
    let mut connection = redis.connect().await;
    for entries in entries.chunks(1_000) {
        let mut pipeline = pipe();
        for entry in entries {
            pipeline.add_command(
                cmd("ZADD")
                    .arg("site:house-01:readings")
                    .arg(score(entry))
                    .arg(member(entry))
                    .clone(),
            );
        }
        let _: Vec<u64> = pipeline.query_async(&mut connection).await.unwrap();
    }
}

/// Readings of two devices every ten minutes, with a gap of five hours, some repeats and a late device.
pub fn some_days(days: i64) -> Vec<StreamEntry> {
    let start = at(FIRST_DAY).epoch_micros();
    let mut entries = Vec::new();
    for slot in 0..days * 144 {
        let instant = Instant::from_epoch_micros(start + slot * 10 * MINUTE);
        let timestamp = Zone::UTC.timestamp(instant).unwrap();
        let number = u64::try_from(slot * 4).unwrap();
        let watts = f64::from(u32::try_from(slot * 7_919 % 5_000).unwrap()) + 0.125;
        if !(100..130).contains(&slot) {
            entries.push(entry(number, "main-meter", &timestamp, watts));
        }
        if slot % 50 == 0 {
            entries.push(entry(number + 1, "main-meter", &timestamp, watts + 1.0));
        }
        if slot % 6 == 0 {
            entries.push(entry(number + 2, "pv-inverter", &timestamp, watts / 2.0));
        }
    }
    entries
}

pub fn question(start: &str, end: &str, interval: &str, zone: &str) -> Question {
    let range = Range::new(at(start), at(end)).unwrap();
    let buckets = Buckets::new(range, interval.parse().unwrap(), zone.parse().unwrap()).unwrap();
    Aggregation { buckets, rules: Rules::STEP }.into()
}

/// Days of a zone, hours, a range that begins and ends inside of quarters, and one from the middle on.
pub fn questions() -> Vec<Question> {
    vec![
        question("2024-01-01T08:00:00Z", "2024-02-01T08:00:00Z", "1d", "America/Los_Angeles"),
        question("2024-01-11T00:00:00Z", "2024-01-13T00:00:00Z", "1h", "Asia/Kathmandu"),
        question("2024-01-11T01:07:03Z", "2024-01-12T22:01:00Z", "1h", "UTC"),
        question("2024-01-12T00:00:00Z", "2024-01-12T12:00:00Z", "5m", "UTC"),
        question("0001-01-01T00:00:00Z", "9999-12-31T00:00:00Z", "1y", "Europe/Berlin"),
    ]
}

pub fn text(buckets: &SiteBuckets) -> String {
    format!("{buckets:?}")
}
