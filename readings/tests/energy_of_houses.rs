//! Energy by day of real houses has the values of `data/*.expected.json`, from readings and from rollups, and
//! whatever an unreliable sender repeats.
#![cfg(test)]

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::PathBuf;

use flate2::read::GzDecoder;
use readings::energy::calendar::{Buckets, Interval, Range, Zone};
use readings::energy::integration::{
    Aggregation, Bucket, Integrator, Rules, Sample, SiteBuckets, WattSeconds,
};
use readings::energy::rollup::{Day, DayBuilder, DayRollup, Part, decode, encode, plan};
use readings::validation::parse_reading;
use readings::{Instant, Reading};
use serde_json::Value;

/// All days of both files, and a few more.
const RANGE: [&str; 2] = ["2016-07-01T00:00:00Z", "2017-09-01T00:00:00Z"];

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../data").join(name)
}

/// The readings of a file, in its order.
fn readings(name: &str) -> Vec<Reading> {
    let lines = BufReader::new(GzDecoder::new(File::open(path(name)).unwrap())).lines();
    lines.map(|line| parse_reading(line.unwrap().as_bytes()).unwrap()).collect()
}

fn expected(name: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(path(name)).unwrap()).unwrap()
}

fn instant(text: &str) -> Instant {
    readings::iso8601::parse(text).unwrap().instant
}

fn sample(reading: &Reading) -> Sample {
    Sample { instant: reading.timestamp.instant(), watts: reading.power.watts() }
}

/// The readings of each site as a store returns them: by instant, of one instant in the order of arrival.
fn sites(readings: &[Reading]) -> BTreeMap<&str, Vec<&Reading>> {
    let mut sites: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for reading in readings {
        sites.entry(reading.site_id.as_str()).or_default().push(reading);
    }
    for readings in sites.values_mut() {
        readings.sort_by_key(|reading| reading.timestamp.instant());
    }
    sites
}

fn days(zone: Zone) -> Aggregation {
    let range = Range::new(instant(RANGE[0]), instant(RANGE[1])).unwrap();
    Aggregation { buckets: Buckets::new(range, Interval::DAY, zone).unwrap(), rules: Rules::STEP }
}

fn from_readings(readings: &[&Reading], aggregation: &Aggregation) -> SiteBuckets {
    let mut integrator = Integrator::new(aggregation.clone());
    for reading in readings {
        integrator.push(reading.device_id.as_str(), sample(reading)).unwrap();
    }
    integrator.finish()
}

fn from_rollups(readings: &[&Reading], aggregation: &Aggregation) -> SiteBuckets {
    let mut integrator = Integrator::new(aggregation.clone());
    let parts = plan(aggregation);
    let [Part::Rollups(range)] = parts[..] else { panic!("{parts:?}") };
    for bytes in rollups(readings) {
        let rollup = decode(&bytes.1, bytes.0).unwrap();
        for (device, summaries) in rollup.within(range) {
            integrator.push_summaries(device, summaries).unwrap();
        }
    }
    integrator.finish()
}

/// The encoded rollup of each day.
fn rollups(readings: &[&Reading]) -> Vec<(Day, Vec<u8>)> {
    let mut days: BTreeMap<Day, Vec<&Reading>> = BTreeMap::new();
    for reading in readings {
        days.entry(Day::of(reading.timestamp.instant())).or_default().push(reading);
    }
    let rollup = |(day, readings): (Day, Vec<&Reading>)| -> DayRollup {
        let mut builder = DayBuilder::new(day);
        for reading in &readings {
            builder.push(reading.device_id.as_str(), sample(reading)).unwrap();
        }
        builder.finish(readings.len() as u64)
    };
    days.into_iter().map(rollup).map(|rollup| (rollup.day, encode(&rollup).unwrap())).collect()
}

fn assert_close(found: f64, expected: &Value, what: &str) {
    let expected = expected.as_f64().unwrap();
    let tolerance = 1e-6 * expected.abs().max(1e-3);
    assert!((found - expected).abs() <= tolerance, "{what}: {found} instead of {expected}");
}

/// Compares each day that has readings or energy with `[kwh, covered seconds, readings]`.
fn assert_days(found: &[Bucket], expected: &Value, zone: Zone) {
    let expected = expected.as_object().unwrap();
    assert_eq!(found.len(), expected.len(), "days in {zone}");
    for bucket in found {
        let date = zone.timestamp(bucket.range.start()).unwrap()[..10].to_owned();
        let kwh = bucket.energy().and_then(WattSeconds::import_kwh).unwrap_or_default();
        assert_close(kwh, &expected[&date][0], &format!("kWh on {date} in {zone}"));
        assert_close(bucket.covered_seconds(), &expected[&date][1], &format!("seconds on {date}"));
        assert_eq!(Value::from(bucket.count), expected[&date][2], "readings on {date} in {zone}");
    }
}

fn assert_series(name: &str, sites: &BTreeMap<&str, Vec<&Reading>>) {
    for series in expected(name)["series"].as_array().unwrap() {
        let readings = &sites[series["site_id"].as_str().unwrap()];
        let device = series["device_id"].as_str().unwrap();
        for (zone, expected) in series["daily"].as_object().unwrap() {
            let zone: Zone = zone.parse().unwrap();
            let found = from_readings(readings, &days(zone));
            assert_days(&found.devices[device], expected, zone);
            let composed = from_rollups(readings, &days(zone));
            assert_eq!(format!("{composed:?}"), format!("{found:?}"), "from rollups");
        }
    }
}

#[test]
fn days_of_a_year_of_houses_have_the_expected_energy_coverage_and_readings() {
    let readings = readings("houses_hourly.ndjson.gz");
    let sites = sites(&readings);
    assert_eq!(sites.len(), 6);
    assert_series("houses_hourly.expected.json", &sites);
}

#[test]
fn resends_and_corrections_that_are_stored_beside_each_other_do_not_change_energy() {
    let readings = readings("houses_messy.ndjson.gz");
    let sites = sites(&readings);
    assert_series("houses_messy.expected.json", &sites);
    let stored = &expected("houses_messy.expected.json")["if_every_post_is_stored_like_the_seed"];
    for (site, readings) in &sites {
        let buckets = &from_readings(readings, &days(Zone::UTC)).devices["main-meter"];
        let all: u64 = buckets.iter().map(|bucket| bucket.count + bucket.repeats).sum();
        assert_eq!(Value::from(all), stored["sites"][site], "readings of {site}");
    }
}

#[test]
fn of_each_instant_the_last_reading_alone_gives_the_same() {
    let readings = readings("houses_messy.ndjson.gz");
    let mut last = HashMap::new();
    for reading in readings {
        last.insert((reading.site_id.clone(), reading.timestamp.instant()), reading);
    }
    let last: Vec<_> = last.into_values().collect();
    assert_series("houses_messy.expected.json", &sites(&last));
}

#[test]
fn of_each_instant_the_first_reading_alone_has_the_same_coverage_without_the_corrections() {
    let readings = readings("houses_messy.ndjson.gz");
    let mut first = HashMap::new();
    for reading in readings {
        let key = (reading.site_id.clone(), reading.timestamp.instant());
        first.entry(key).or_insert(reading);
    }
    let first: Vec<_> = first.into_values().collect();
    let sites = sites(&first);
    let mut corrected = 0;
    for series in expected("houses_messy.expected.json")["series"].as_array().unwrap() {
        let readings = &sites[series["site_id"].as_str().unwrap()];
        let found = &from_readings(readings, &days(Zone::UTC)).devices["main-meter"];
        for (bucket, (date, expected)) in
            found.iter().zip(series["daily"]["UTC"].as_object().unwrap())
        {
            assert_close(bucket.covered_seconds(), &expected[1], date);
            assert_eq!(Value::from(bucket.count), expected[2], "readings on {date}");
            let kwh = bucket.energy().and_then(WattSeconds::import_kwh).unwrap();
            corrected += u32::from((kwh - expected[0].as_f64().unwrap()).abs() > 1e-6);
        }
    }
    // 43 corrections, some on one day.
    assert!((20..=43).contains(&corrected), "{corrected} days");
}
