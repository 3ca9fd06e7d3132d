//! Each profile has samples, and what they contain: it was computed by `profiles/expected.py`, apart from this crate.

#![cfg(test)]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};
use meter_files::profile::{self, ProfileChoice};
use meter_files::{Item, MeterFile, Options, Reading, open};
use serde::Deserialize;

/// Of the energy of a device. Readings are rounded to a millionth of a watt.
const TOLERANCE: f64 = 1e-6;

#[derive(Deserialize)]
struct Expected {
    sample: Vec<Sample>,
}

/// A file, and what it contains.
#[derive(Deserialize)]
struct Sample {
    file: String,
    arguments: Vec<String>,
    max_gap: String,
    skipped: u64,
    rejected: usize,
    #[serde(default)]
    device: Vec<Device>,
}

#[derive(Deserialize)]
struct Device {
    name: String,
    readings: usize,
    first: String,
    last: String,
    kwh: f64,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("profiles")
}

fn samples() -> Vec<(String, Sample)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder()).unwrap().map(Result::unwrap) {
        if !entry.file_type().unwrap().is_dir() {
            continue;
        }
        let name = entry.file_name().into_string().unwrap();
        let text = fs::read_to_string(entry.path().join("expected.toml"))
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let expected: Expected =
            toml::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        found.extend(expected.sample.into_iter().map(|sample| (name.clone(), sample)));
    }
    found.sort_by(|one, other| one.0.cmp(&other.0));
    found
}

fn options(arguments: &[String]) -> Options {
    let mut options = Options { site: Some("home".to_owned()), ..Options::default() };
    for pair in arguments.chunks(2) {
        match pair[0].as_str() {
            "--tz" => options.shape.zone = Some(pair[1].clone()),
            "--unit" => options.shape.unit = Some(pair[1].parse().unwrap()),
            other => panic!("{other}"),
        }
    }
    options
}

fn opened(profile: &str, sample: &Sample, profile_choice: ProfileChoice) -> MeterFile {
    let file = File::open(folder().join(profile).join(&sample.file)).unwrap();
    let options = Options { profile: profile_choice, ..options(&sample.arguments) };
    open(BufReader::new(file), options)
        .unwrap_or_else(|error| panic!("{profile}/{}: {error}", sample.file))
}

/// The readings by device, and the errors of rows that have none.
fn read(file: &mut MeterFile) -> (BTreeMap<String, Vec<Reading>>, Vec<String>) {
    let mut devices: BTreeMap<String, Vec<Reading>> = BTreeMap::new();
    let mut rejected = Vec::new();
    while let Some(item) = file.readings.next_item().unwrap() {
        match item {
            Item::Reading(reading) => {
                devices.entry(reading.device.clone()).or_default().push(reading);
            }
            Item::Invalid { line, error, .. } => rejected.push(format!("line {line}: {error}")),
        }
    }
    (devices, rejected)
}

/// The kWh that a service computes: a power holds until the next reading, and of one instant the last one counts.
fn step_hold(readings: &[Reading], max_gap: TimeDelta) -> f64 {
    let powers: BTreeMap<_, _> =
        readings.iter().map(|reading| (reading.at, reading.watts)).collect();
    let pairs = powers.iter().zip(powers.keys().skip(1));
    let held = pairs.filter(|((at, _), next)| **next - **at <= max_gap);
    held.map(|((at, watts), next)| watts * (*next - *at).as_seconds_f64() / 3.6e6).sum()
}

#[test]
fn each_sample_is_recognised_and_gives_the_readings_and_the_energy_that_it_has() {
    let samples = samples();
    assert!(samples.len() > 36, "{}", samples.len());
    for (profile, sample) in samples {
        let place = format!("{profile}/{}", sample.file);
        let mut file = opened(&profile, &sample, ProfileChoice::Auto);
        let understood = file.understood.to_string();
        assert!(understood.starts_with(&format!("profile {profile} (")), "{place}: {understood}");
        let (devices, rejected) = read(&mut file);
        let names: Vec<_> = devices.keys().cloned().collect();
        assert_eq!(
            names,
            sample.device.iter().map(|device| device.name.clone()).collect::<Vec<_>>(),
            "{place}"
        );
        let report = file.readings.report();
        let counts = (report.missing_values + report.counter_resets, rejected.len());
        assert_eq!(counts, (sample.skipped, sample.rejected), "{place}: {rejected:?}");
        let max_gap =
            TimeDelta::from_std(humantime::parse_duration(&sample.max_gap).unwrap()).unwrap();
        for Device { name, readings, first, last, kwh } in &sample.device {
            let found = &devices[name];
            let at = found.iter().map(|reading| reading.at);
            let (earliest, latest) = (at.clone().min().unwrap(), at.max().unwrap());
            let [first, last] = [first, last].map(|text| text.parse::<DateTime<Utc>>().unwrap());
            assert_eq!(
                (found.len(), earliest, latest),
                (*readings, first, last),
                "{place}: {name}"
            );
            let reported = report.watt_hours[name] / 1000.0;
            for energy in [step_hold(found, max_gap), reported] {
                assert!(
                    (energy - kwh).abs() <= TOLERANCE * kwh.max(1.0),
                    "{place}: {name} has {kwh} kWh, not {energy}"
                );
            }
        }
    }
}

#[test]
fn a_profile_that_is_chosen_by_name_or_by_its_file_reads_the_same() {
    for (profile, sample) in samples() {
        let path = folder().join(&profile).join("profile.toml");
        let [auto, named, by_file] =
            [ProfileChoice::Auto, ProfileChoice::Named(profile.clone()), ProfileChoice::File(path)]
                .map(|choice| read(&mut opened(&profile, &sample, choice)));
        assert_eq!(auto, named, "{profile}");
        assert_eq!(auto, by_file, "{profile}");
    }
}

#[test]
fn each_profile_has_a_sample_a_title_a_source_and_a_line_in_the_list() {
    let with_samples: Vec<_> = samples().into_iter().map(|(profile, _)| profile).collect();
    let list = fs::read_to_string(folder().join("README.md")).unwrap();
    for profile in profile::all().unwrap() {
        assert!(with_samples.contains(&profile.name), "{}", profile.name);
        let line = format!("| `{}` | {} |", profile.name, profile.title);
        assert!(list.contains(&line), "{line}");
        assert!(!profile.title.is_empty() && !profile.source.is_empty(), "{}", profile.name);
    }
}
