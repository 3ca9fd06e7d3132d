//! Sites with one device each that sends a reading a minute, as they are after days: ids and acceptance times that follow the
//! timestamps, and power in steps of 0.1 W, as meters with a clamp send it.

use anyhow::Context;
use chrono::{DateTime, TimeDelta, Utc};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use readings::store::StreamId;
use readings::store::codec::{self, StreamEntry};
use readings::store::keys as store_keys;
use readings::{DeviceId, Power, Reading, SiteId, Timestamp};
use redis::{Pipeline, cmd};

use crate::redis_server::{Redis, connect, keys};

/// Readings of a day.
pub const A_DAY: u32 = 1_440;

/// 2023-01-01T00:00:00Z.
const FIRST_SECOND: i64 = 1_672_531_200;

/// The watts that a house needs at least and at most.
const WATTS: std::ops::Range<f64> = 80.0..4_000.0;

/// The most watts between two minutes, apart from devices that are switched on and off.
const STEP: f64 = 40.0;

/// One minute of this many has a device switched on or off.
const SWITCHED: f64 = 20.0;

/// The site with this number.
///
/// # Errors
/// Never: the id is valid.
pub fn site(number: u32) -> anyhow::Result<SiteId> {
    SiteId::new(format!("house-{number:04}")).context("an id")
}

/// Stores and indexes the readings of this number of sites and days, like a processing service.
///
/// # Errors
/// When Redis returns an error.
pub async fn store(redis: &Redis, sites: u32, days: u32) -> anyhow::Result<()> {
    let mut connection = connect(redis.port()).await?;
    let mut random = SmallRng::seed_from_u64(7);
    for number in 0..sites {
        let (site, mut watts) = (site(number)?, random.random_range(WATTS));
        let mut index = cmd("ZADD");
        index.arg(keys().sites()).arg(0).arg(site.as_str());
        index.query_async::<()>(&mut connection).await?;
        for day in 0..days {
            let mut pipeline = Pipeline::with_capacity(A_DAY as usize);
            for minute in day * A_DAY..(day + 1) * A_DAY {
                watts = next(watts, &mut random);
                let entry = entry(&site, minute, watts, &mut random)?;
                let add = pipeline.cmd("ZADD").arg(store_keys::series(&site));
                add.arg(codec::score(&entry)).arg(codec::member(&entry)).ignore();
            }
            pipeline.query_async::<()>(&mut connection).await?;
        }
    }
    Ok(())
}

/// The power of the next minute.
fn next(watts: f64, random: &mut SmallRng) -> f64 {
    let is_switched = random.random_range(0.0..SWITCHED) < 1.0;
    let next = if is_switched {
        random.random_range(WATTS)
    } else {
        watts + random.random_range(-STEP..STEP)
    };
    (next.clamp(WATTS.start, WATTS.end) * 10.0).round() / 10.0
}

fn entry(
    site: &SiteId,
    minute: u32,
    watts: f64,
    random: &mut SmallRng,
) -> anyhow::Result<StreamEntry> {
    let at = DateTime::<Utc>::from_timestamp_secs(FIRST_SECOND + i64::from(minute) * 60);
    let at = at.context("a date")?;
    // From the meter to the service: up to three seconds.
    let accepted = at + TimeDelta::microseconds(random.random_range(200_000..3_000_000));
    let reading = Reading {
        site_id: site.clone(),
        device_id: DeviceId::new("main-meter").context("an id")?,
        power: Power::from_watts(watts)?,
        timestamp: Timestamp::parse(at.format("%Y-%m-%dT%H:%M:%SZ").to_string())?,
    };
    let id = StreamId { ms: u64::try_from(accepted.timestamp_millis())?, seq: 0 };
    Ok(StreamEntry { id, reading, ingested_at: codec::ingestion_time(accepted) })
}
