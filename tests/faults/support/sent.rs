//! The readings that producers send; each is unique.

use chrono::{DateTime, FixedOffset, SecondsFormat};
use serde_json::{Value, json};

use super::rng::Rng;

/// The first timestamp.
const EPOCH: i64 = 1_700_000_000;

/// The timestamps of a producer's readings.
#[derive(Debug, Clone, Copy)]
pub struct Timestamps {
    /// Seconds from one reading to the next.
    pub every: u64,
    /// One in this number of readings is late; 0: none.
    pub late_one_in: u64,
    /// By how many seconds at most.
    pub late_by: u64,
}

impl Timestamps {
    /// One a second, none late.
    pub const EACH_SECOND: Self = Self { every: 1, late_one_in: 0, late_by: 0 };

    /// A day passes in a few seconds, and one in ten readings is up to four days late: packed days get late readings.
    pub const FAST: Self = Self { every: 300, late_one_in: 10, late_by: 4 * 86_400 };

    /// The timestamp of the n-th reading, in seconds after the first.
    fn nth(self, n: u64, rng: &mut Rng) -> i64 {
        let is_late = self.late_one_in > 0 && rng.one_in(self.late_one_in);
        let late = if is_late { rng.below(self.late_by) } else { 0 };
        i64::try_from(n * self.every).unwrap() - i64::try_from(late).unwrap()
    }
}

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
        Self::at(Timestamps::EACH_SECOND, producer, n, sites, rng)
    }

    /// The n-th reading of a producer with other timestamps.
    pub fn at(times: Timestamps, producer: u64, n: u64, sites: u64, rng: &mut Rng) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        let value = rng.below(1_000_000) as f64 / 100.0;
        Self {
            site: format!("site-{}", rng.below(sites)),
            device: format!("p{producer}-{n}"),
            timestamp: timestamp(times.nth(n, rng), rng),
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

/// A second after the first, in one of several notations.
fn timestamp(seconds: i64, rng: &mut Rng) -> String {
    let time =
        DateTime::from_timestamp(EPOCH + seconds, 250_000_000 * rng.next_u32_below(4)).unwrap();
    let hours = i32::try_from(rng.below(5)).unwrap() - 2;
    let local = time.with_timezone(&FixedOffset::east_opt(hours * 3_600).unwrap());
    local.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}
