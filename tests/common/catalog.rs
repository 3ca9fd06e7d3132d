//! Stored readings of sites and devices at times around now, put into Redis without the pipeline.

use chrono::{DateTime, SecondsFormat, Utc};

use super::redis::{RedisServer, STREAM};
use super::stored::insert_members;

/// A reading as it is stored.
#[derive(Debug, Clone)]
pub struct Stored {
    pub device: &'static str,
    pub id: String,
    pub at: DateTime<Utc>,
    pub ingested: DateTime<Utc>,
    pub watts: f64,
}

impl Stored {
    /// Of a device, this many seconds before now (after it, where it is negative), accepted a second later or now.
    pub fn ago(device: &'static str, seconds: i64) -> Self {
        let now = Utc::now();
        let at = now - chrono::TimeDelta::seconds(seconds);
        Self::at(device, at).ingested((at + chrono::TimeDelta::seconds(1)).min(now))
    }

    /// Of a device at a time.
    pub fn at(device: &'static str, at: DateTime<Utc>) -> Self {
        let id = format!("{}-0", at.timestamp_millis().max(1));
        Self { device, id, at, ingested: at, watts: 1500.5 }
    }

    pub fn ingested(self, ingested: DateTime<Utc>) -> Self {
        Self { ingested, ..self }
    }

    pub fn ingested_ago(self, seconds: i64) -> Self {
        self.ingested(Utc::now() - chrono::TimeDelta::seconds(seconds))
    }

    pub fn id(self, id: &str) -> Self {
        Self { id: id.to_owned(), ..self }
    }

    pub fn watts(self, watts: f64) -> Self {
        Self { watts, ..self }
    }

    /// Its timestamp, as responses have it in UTC.
    pub fn utc(&self) -> String {
        utc(self.at)
    }

    #[expect(clippy::cast_precision_loss, reason = "as scores are")]
    fn member(&self, site: &str) -> (f64, String) {
        let Self { device, id, watts, .. } = self;
        let ingested = self.ingested.format("%Y-%m-%dT%H:%M:%S%.6f");
        let member = format!(
            r#"{{"stream_id": "{id}", "site_id": "{site}", "device_id": "{device}", "power_reading": {watts:?}, "timestamp": "{}", "ingested_at": "{ingested}"}}"#,
            self.utc(),
        );
        (self.at.timestamp_micros() as f64 / 1e6, member)
    }
}

/// A time in UTC, as responses have it.
pub fn utc(time: DateTime<Utc>) -> String {
    // Responses have microseconds at most.
    let time = DateTime::from_timestamp_micros(time.timestamp_micros()).unwrap();
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// Adds sites to the index.
pub async fn index(redis: &RedisServer, sites: impl IntoIterator<Item = String>) {
    let members = sites.into_iter().flat_map(|site| ["0".to_owned(), site]);
    let command = ["ZADD".to_owned(), format!("{STREAM}:sites")].into_iter().chain(members);
    let _: u64 = redis.run(&command.collect::<Vec<_>>()).await;
}

/// Stores readings of an indexed site.
pub async fn store(redis: &RedisServer, site: &str, readings: &[Stored]) {
    index(redis, [site.to_owned()]).await;
    insert_members(redis, site, readings.iter().map(|reading| reading.member(site))).await;
}
