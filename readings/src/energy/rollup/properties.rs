//! Properties of rollups: they come back from their bytes, compose to what members give, and no bytes make
//! the decoder panic.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::energy::integration::properties::{any_aggregation, any_samples};
use crate::energy::integration::{Aggregation, Integrator, Rules, Sample, SiteBuckets};

const DEVICES: [&str; 3] = ["main-meter", "pv-inverter", "wärmepumpe"];

fn any_watts() -> impl Strategy<Value = f64> {
    prop_oneof![
        6 => (-2_000_000..10_000_000_i32).prop_map(|milliwatts| f64::from(milliwatts) / 1_000.0),
        1 => -5_000.0..10_000.0,
        1 => prop::sample::select(&[0.0, f64::MAX, f64::MIN, f64::MIN_POSITIVE, 1e300, 1e15, 0.0005][..]),
    ]
}

/// Readings of a site in the order of (instant, stream id): those of one device, shared out among several.
fn any_site() -> impl Strategy<Value = Vec<(&'static str, Sample)>> {
    (any_samples(any_watts()), vec(prop::sample::select(&DEVICES[..]), 120))
        .prop_map(|(samples, devices)| devices.into_iter().zip(samples).collect())
}

fn rollups(readings: &[(&str, Sample)]) -> BTreeMap<Day, DayRollup> {
    let mut days: BTreeMap<Day, (DayBuilder, u64)> = BTreeMap::new();
    for (device, sample) in readings {
        let day = Day::of(sample.instant);
        let (builder, members) = days.entry(day).or_insert_with(|| (DayBuilder::new(day), 0));
        builder.push(device, *sample).unwrap();
        *members += 1;
    }
    days.into_iter().map(|(day, (builder, members))| (day, builder.finish(members))).collect()
}

fn from_members(readings: &[(&str, Sample)], aggregation: &Aggregation) -> SiteBuckets {
    let mut integrator = Integrator::new(aggregation.clone());
    for (device, sample) in readings {
        integrator.push(device, *sample).unwrap();
    }
    integrator.finish()
}

/// By the parts of the plan, as a store does it.
fn from_parts(readings: &[(&str, Sample)], aggregation: &Aggregation) -> SiteBuckets {
    let days = rollups(readings);
    let mut integrator = Integrator::new(aggregation.clone());
    for part in plan(aggregation) {
        match part {
            Part::Members(range) => {
                let inside = readings.iter().filter(|(_, sample)| range.contains(sample.instant));
                inside.for_each(|(device, sample)| integrator.push(device, *sample).unwrap());
            }
            Part::Rollups(range) => {
                for rollup in days.values() {
                    let bytes = encode(rollup).unwrap();
                    let rollup = decode(&bytes, rollup.day).unwrap();
                    for (device, summaries) in rollup.within(range) {
                        integrator.push_summaries(device, summaries).unwrap();
                    }
                }
            }
        }
    }
    integrator.finish()
}

proptest! {
    #[test]
    fn rollups_compose_to_the_same_bits_as_members(
        (readings, aggregation) in any_site().prop_flat_map(|readings| {
            let samples: Vec<_> = readings.iter().map(|(_, sample)| *sample).collect();
            (Just(readings), any_aggregation(&samples))
        }),
    ) {
        // The text of a double is that of its bits alone.
        let composed = from_parts(&readings, &aggregation);
        prop_assert_eq!(format!("{composed:?}"), format!("{:?}", from_members(&readings, &aggregation)));
    }

    #[test]
    fn a_rollup_comes_back_from_its_bytes(readings in any_site()) {
        for (day, rollup) in rollups(&readings) {
            let decoded = decode(&encode(&rollup).unwrap(), day).unwrap();
            prop_assert_eq!(format!("{decoded:?}"), format!("{rollup:?}"));
        }
    }

    #[test]
    fn damaged_bytes_are_an_error(
        readings in any_site(), place in any::<prop::sample::Index>(), with in 1..=255_u8,
        cut in any::<prop::sample::Index>(),
    ) {
        for (day, rollup) in rollups(&readings) {
            let bytes = encode(&rollup).unwrap();
            let mut damaged = bytes.clone();
            damaged[place.index(bytes.len())] ^= with;
            prop_assert!(decode(&damaged, day).is_err());
            prop_assert!(decode(&bytes[..cut.index(bytes.len())], day).is_err());
        }
    }

    #[test]
    fn bytes_with_a_valid_checksum_are_a_rollup_of_readings_or_an_error(
        readings in any_site(), place in any::<prop::sample::Index>(), with in vec(any::<u8>(), 0..8),
        of in 0..12_usize, any in vec(any::<u8>(), 0..200), day in any::<i32>(),
    ) {
        let sealed = |mut body: Vec<u8>| {
            let checksum = crc32fast::hash(&body);
            body.extend(checksum.to_le_bytes());
            body
        };
        let foreign = sealed([&[1], any.as_slice()].concat());
        check_decoded(&foreign, Day::from_number(day))?;
        check_decoded(&any, Day::from_number(day))?;
        for (day, rollup) in rollups(&readings) {
            let mut body = encode(&rollup).unwrap();
            body.truncate(body.len() - 4);
            let from = 1 + place.index(body.len());
            let from = from.min(body.len());
            let to = body.len().min(from + of);
            body.splice(from..to, with.iter().copied());
            check_decoded(&sealed(body), day)?;
        }
    }
}

/// What is decoded can be composed without an error, a panic or an infinity.
fn check_decoded(bytes: &[u8], day: Day) -> Result<(), TestCaseError> {
    let Ok(rollup) = decode(bytes, day) else { return Ok(()) };
    prop_assert_eq!(rollup.day, day);
    let buckets = crate::energy::calendar::Buckets::whole(day.range());
    let aggregation = Aggregation { buckets, rules: Rules::STEP };
    let mut integrator = Integrator::new(aggregation);
    for (device, summaries) in rollup.within(day.range()) {
        prop_assert!(integrator.push_summaries(device, summaries).is_ok());
    }
    for bucket in integrator.finish().devices.values().flatten() {
        prop_assert!(bucket.count + bucket.repeats <= rollup.signature);
        prop_assert!((0.0..=1.0).contains(&bucket.coverage()));
        prop_assert!(bucket.mean_watts().is_none_or(f64::is_finite));
    }
    Ok(())
}
