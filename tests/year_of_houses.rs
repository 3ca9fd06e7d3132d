//! A year of six real houses goes in through `import` and comes out through the query with the
//! values in `data/houses_hourly.expected.json`.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Days, NaiveDate, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use serde_json::{Value, json};

use crate::common::files;
use crate::common::product::{Role, ingestion_api, launch, processing_service};
use crate::common::readings::houses;
use crate::common::redis::RedisServer;
use crate::common::stored::wait_until_settled;

/// Far above the time of 70,000 requests on a busy machine.
const IMPORT_DEADLINE: Duration = Duration::from_mins(5);

/// A pair of readings farther apart than this is a gap.
const GAP: TimeDelta = TimeDelta::seconds(7_200);

/// Site and device.
type SeriesName = (String, String);

/// What a device measured, oldest first.
type Series = Vec<(DateTime<Utc>, f64)>;

fn collect(readings: &[Value]) -> BTreeMap<SeriesName, Series> {
    let mut all: BTreeMap<_, Series> = BTreeMap::new();
    for reading in readings {
        let text = |name: &str| reading[name].as_str().unwrap().to_owned();
        let point =
            (text("timestamp").parse().unwrap(), reading["power_reading"].as_f64().unwrap());
        all.entry((text("site_id"), text("device_id"))).or_default().push(point);
    }
    all
}

async fn readings_of(processing: &Role, site: &str) -> Vec<Value> {
    let answer = processing.get(&format!("/sites/{site}/readings")).await.json();
    answer["readings"].as_array().unwrap().clone()
}

fn assert_close(found: f64, expected: &Value, what: &str) {
    let expected = expected.as_f64().unwrap();
    let tolerance = 1e-6 * expected.abs().max(1e-3);
    assert!((found - expected).abs() <= tolerance, "{what}: {found} instead of {expected}");
}

#[tokio::test]
async fn the_year_of_houses_is_read_back_unchanged() {
    let redis = RedisServer::start().await;
    let (ingestion, processing) =
        (ingestion_api(&redis).start().await, processing_service(&redis).start().await);
    let import = launch(&["import"]).arg(files::path("data/houses_hourly.ndjson.gz"));
    let imported = import.arg("--url").arg(ingestion.base()).run_within(IMPORT_DEADLINE).await;
    assert_eq!(imported.status.code(), Some(0), "{imported:?}");
    wait_until_settled(&redis).await;

    let expected = files::json("data/houses_hourly.expected.json");
    let mut found = BTreeMap::new();
    for (site, about) in expected["sites"].as_object().unwrap() {
        let readings = readings_of(&processing, site).await;
        assert_eq!(json!(readings.len()), about["count"], "readings of {site}");
        found.append(&mut collect(&readings));
    }
    // Every series as in the file: instants in order, power to the last bit.
    assert!(found == collect(&houses()), "readings differ from the file's");
    assert_eq!(found.len(), expected["series"].as_array().unwrap().len());
    for series in expected["series"].as_array().unwrap() {
        let name =
            [&series["site_id"], &series["device_id"]].map(|id| id.as_str().unwrap().to_owned());
        assert_figures(&found[&name.into()], series);
    }
}

/// Compares a series with the expected values, as a whole and of each day in each time zone.
fn assert_figures(series: &Series, expected: &Value) {
    let watts: Vec<_> = series.iter().map(|(_, watts)| *watts).collect();
    let sum: f64 = watts.iter().sum();
    assert_eq!(json!(series.len()), expected["count"]);
    for (place, (instant, _)) in [("first", series[0]), ("last", series[series.len() - 1])] {
        assert_eq!(json!(instant.format("%Y-%m-%dT%H:%M:%SZ").to_string()), expected[place]);
    }
    assert_eq!(json!(watts.iter().copied().fold(f64::MAX, f64::min)), expected["min_w"]);
    assert_eq!(json!(watts.iter().copied().fold(f64::MIN, f64::max)), expected["max_w"]);
    assert_close(sum, &expected["sum_w"], "sum");
    #[expect(clippy::cast_precision_loss, reason = "thousands")]
    assert_close(sum / series.len() as f64, &expected["mean_w"], "mean");
    assert_close(sum / 1000.0, &expected["kwh_nominal_interval"], "kWh, one hour each");
    let whole: Vec<_> = days(series, Tz::UTC).into_values().collect();
    let kwh = whole.iter().map(|day| day.kwh).sum();
    assert_close(kwh, &expected["kwh_step_hold"], "kWh");
    let covered = whole.iter().map(|day| day.covered).sum::<TimeDelta>();
    assert_eq!(json!(covered.num_seconds()), expected["covered_s"]);
    for (zone, expected) in expected["daily"].as_object().unwrap() {
        assert_days(&days(series, zone.parse().unwrap()), expected, zone);
    }
}

fn assert_days(found: &BTreeMap<NaiveDate, Day>, expected: &Value, zone: &str) {
    let expected = expected.as_object().unwrap();
    assert_eq!(found.len(), expected.len(), "days in {zone}");
    for (date, day) in found {
        let columns = &expected[&date.to_string()];
        assert_close(day.kwh, &columns[0], &format!("kWh on {date} in {zone}"));
        assert_eq!(json!(day.covered.num_seconds()), columns[1], "seconds on {date} in {zone}");
        assert_eq!(json!(day.readings), columns[2], "readings on {date} in {zone}");
    }
}

#[derive(Debug, Default)]
struct Day {
    kwh: f64,
    covered: TimeDelta,
    readings: usize,
}

/// Energy by day: a value holds until the next reading of its device, unless that is a gap; an
/// interval across midnight is split there.
fn days(series: &Series, zone: Tz) -> BTreeMap<NaiveDate, Day> {
    let date_of = |instant: DateTime<Utc>| instant.with_timezone(&zone).date_naive();
    let midnight_after = |date: NaiveDate| {
        let midnight = (date + Days::new(1)).and_hms_opt(0, 0, 0).unwrap();
        zone.from_local_datetime(&midnight).unwrap().to_utc()
    };
    let mut days: BTreeMap<_, Day> = BTreeMap::new();
    for (instant, _) in series {
        days.entry(date_of(*instant)).or_default().readings += 1;
    }
    for pair in series.windows(2) {
        let ((mut from, watts), (to, _)) = (pair[0], pair[1]);
        if to - from > GAP {
            continue;
        }
        while from < to {
            let date = date_of(from);
            let until = to.min(midnight_after(date));
            let day = days.entry(date).or_default();
            day.kwh += watts * (until - from).as_seconds_f64() / 3_600_000.0;
            day.covered += until - from;
            from = until;
        }
    }
    days
}
