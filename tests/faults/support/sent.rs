//! The readings that producers send; each is unique.

use chrono::{DateTime, FixedOffset, SecondsFormat};
use serde_json::{Value, json};

use super::rng::Rng;

/// The first timestamp; each reading is a second after the one before.
const EPOCH: i64 = 1_700_000_000;

/// A reading; its device is unique and serves as its name.
#[derive(Debug, Clone, PartialEq)]
pub struct SentReading {
    pub site: String,
    pub device: String,
    pub timestamp: String,
    pub value: f64,
}

impl SentReading {
    /// The n-th reading of a producer.
    pub fn nth(producer: u64, n: u64, sites: u64, rng: &mut Rng) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        let value = rng.below(1_000_000) as f64 / 100.0;
        Self {
            site: format!("site-{}", rng.below(sites)),
            device: format!("p{producer}-{n}"),
            timestamp: timestamp(n, rng),
            value,
        }
    }

    /// The body of the request.
    pub fn body(&self) -> String {
        let Self { site, device, timestamp, value } = self;
        json!({ "site_id": site, "device_id": device, "power_reading": value, "timestamp": timestamp })
            .to_string()
    }

    /// The expected score.
    #[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 fit")]
    pub fn score(&self) -> f64 {
        DateTime::parse_from_rfc3339(&self.timestamp).unwrap().timestamp_millis() as f64 / 1_000.0
    }

    /// Whether a stored member equals what was sent.
    pub fn is_said_by(&self, member: &Value) -> bool {
        member["site_id"] == self.site.as_str()
            && member["device_id"] == self.device.as_str()
            && member["timestamp"] == self.timestamp.as_str()
            && member["power_reading"] == self.value
    }
}

/// The n-th second, in one of several notations.
fn timestamp(n: u64, rng: &mut Rng) -> String {
    let seconds = EPOCH + i64::try_from(n).unwrap();
    let time = DateTime::from_timestamp(seconds, 250_000_000 * rng.next_u32_below(4)).unwrap();
    let hours = i32::try_from(rng.below(5)).unwrap() - 2;
    let local = time.with_timezone(&FixedOffset::east_opt(hours * 3_600).unwrap());
    local.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}
