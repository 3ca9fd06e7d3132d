//! Properties of integration, against the plain arithmetic of `naive`.

use proptest::collection::vec;
use proptest::prelude::*;

use super::naive::{self, NaiveBucket};
use super::*;
use crate::energy::calendar::{Buckets, Interval, Range, Zone};
use crate::iso8601::Instant;

const SECOND: i64 = 1_000_000;
const HOUR: i64 = 3_600 * SECOND;
const DAY: i64 = 24 * HOUR;

fn at(micros: i64) -> Instant {
    Instant::from_epoch_micros(micros)
}

/// Pauses between two readings as meters have them: none, regular ones, and gaps.
fn any_pause() -> impl Strategy<Value = i64> {
    prop_oneof![
        2 => Just(0),
        6 => Just(60 * SECOND),
        4 => Just(HOUR),
        2 => Just(2 * HOUR),
        4 => 1..2 * HOUR,
        1 => 1..5 * DAY,
    ]
}

fn any_watts() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => (0..10_000_i32).prop_map(|milliwatts| f64::from(milliwatts) / 1_000.0),
        4 => 0.0..10_000.0,
        2 => -5_000.0..0.0,
        1 => Just(0.0),
    ]
}

/// Readings of one device, in the order of (instant, stream id).
pub fn any_samples(watts: impl Strategy<Value = f64>) -> impl Strategy<Value = Vec<Sample>> {
    let start = -60 * 365 * DAY..60 * 365 * DAY;
    (start, vec((any_pause(), watts), 0..120)).prop_map(|(start, steps)| {
        let mut micros = start - start % (60 * SECOND);
        let sample = |(pause, watts)| {
            micros += pause;
            Sample { instant: at(micros), watts }
        };
        steps.into_iter().map(sample).collect()
    })
}

pub fn any_rules() -> impl Strategy<Value = Rules> {
    let integration = prop_oneof![Just(Integration::Step), Just(Integration::Trapezoid)];
    let max_gap = prop_oneof![4 => Just(7_200), 2 => Just(900), 1 => Just(60), 1 => 1..200_000_u32];
    (integration, max_gap).prop_map(|(integration, seconds)| Rules {
        integration,
        max_gap: MaxGap::from_seconds(seconds).unwrap(),
    })
}

prop_compose! {
    /// A question about readings: a range around some of them, in a zone.
    pub fn any_aggregation(samples: &[Sample])(
        rules in any_rules(),
        zone in prop::sample::select(Zone::all().collect::<Vec<_>>()),
        interval in prop::sample::select(&Interval::ALL[..]),
        offset in prop_oneof![Just(0), -DAY..DAY],
        length in prop_oneof![1..DAY, (1..40_i64).prop_map(|days| days * DAY)],
        around in prop::sample::select(instants(samples)),
        unit in prop::sample::select(&[1, SECOND, 900 * SECOND, DAY][..]),
    ) -> Aggregation {
        let start = (around + offset).div_euclid(unit) * unit;
        let range = Range::new(at(start), at(start + length.max(unit) / unit * unit)).unwrap();
        let buckets = Buckets::new(range, interval, zone);
        Aggregation { buckets: buckets.unwrap_or_else(|_| Buckets::whole(range)), rules }
    }
}

fn instants(samples: &[Sample]) -> Vec<i64> {
    let instants = samples.iter().map(|sample| sample.instant.epoch_micros());
    instants.chain([0]).collect()
}

pub fn integrate(samples: &[Sample], aggregation: &Aggregation) -> Vec<Bucket> {
    let mut integrator = Integrator::new(aggregation.clone());
    for sample in samples {
        integrator.push("meter", *sample).unwrap();
    }
    integrator.finish().devices.remove("meter").unwrap_or_default()
}

/// A bucket of the naive reference, rounded as far as the order of additions matters.
fn assert_same(found: Option<&Bucket>, expected: &NaiveBucket) -> Result<(), TestCaseError> {
    let Some(found) = found else {
        prop_assert_eq!(*expected, NaiveBucket::default());
        return Ok(());
    };
    let point = |sample: Sample| (sample.instant.epoch_micros(), sample.watts);
    prop_assert_eq!((found.count, found.repeats), (expected.count, expected.repeats));
    prop_assert_eq!((found.min.map(point), found.max.map(point)), (expected.min, expected.max));
    prop_assert_eq!(found.covered_micros, expected.covered_micros);
    for (found, expected) in
        [(found.energy.import, expected.import_ws), (found.energy.export, expected.export_ws)]
    {
        // Of a line through zero the parts above and below are small differences of large numbers.
        let tolerance = 1e-9 * expected.abs().max(1.0);
        prop_assert!((found - expected).abs() <= tolerance, "{} is not {}", found, expected);
    }
    Ok(())
}

proptest! {
    #[test]
    fn buckets_are_those_of_the_plain_arithmetic(
        (samples, aggregation) in any_samples(any_watts())
            .prop_flat_map(|samples| { let asked = any_aggregation(&samples); (Just(samples), asked) }),
    ) {
        let found = integrate(&samples, &aggregation);
        let expected = naive::buckets(&samples, &aggregation);
        let mut rest = found.iter().peekable();
        for (expected, edges) in expected.iter().zip(aggregation.buckets.edges().windows(2)) {
            let bucket = rest.next_if(|bucket| bucket.range.start() == edges[0]);
            assert_same(bucket, expected)?;
        }
        prop_assert!(rest.next().is_none());
    }

    #[test]
    fn each_device_is_integrated_as_if_it_were_alone(
        devices in vec(any_samples(any_watts()), 3),
        rules in any_rules(),
    ) {
        let range = Range::new(at(-400 * 366 * DAY), at(400 * 366 * DAY)).unwrap();
        let aggregation = Aggregation { buckets: Buckets::new(range, Interval::MONTH, Zone::UTC).unwrap(), rules };
        let mut all: Vec<_> = devices.iter().enumerate()
            .flat_map(|(n, samples)| samples.iter().map(move |sample| (sample.instant, n, *sample)))
            .collect();
        all.sort_by_key(|(instant, ..)| *instant);
        let mut integrator = Integrator::new(aggregation.clone());
        for (_, device, sample) in all {
            integrator.push(&device.to_string(), sample).unwrap();
        }
        let together = integrator.finish();
        for (device, samples) in devices.iter().enumerate() {
            let alone = integrate(samples, &aggregation);
            let found = together.devices.get(device.to_string().as_str()).cloned();
            prop_assert_eq!(format!("{:?}", found.unwrap_or_default()), format!("{:?}", alone));
        }
    }

    #[test]
    fn a_resent_reading_changes_nothing_but_the_number_of_repeats(
        (samples, aggregation) in any_samples(any_watts())
            .prop_flat_map(|samples| { let asked = any_aggregation(&samples); (Just(samples), asked) }),
        wrong in any_watts(),
    ) {
        // Each reading comes with another value first: the later one counts.
        let twice: Vec<_> = samples.iter()
            .flat_map(|sample| [Sample { watts: wrong, ..*sample }, *sample])
            .collect();
        let without_repeats = |mut buckets: Vec<Bucket>| {
            for bucket in &mut buckets {
                bucket.repeats = 0;
            }
            format!("{buckets:?}")
        };
        prop_assert_eq!(
            without_repeats(integrate(&twice, &aggregation)),
            without_repeats(integrate(&samples, &aggregation))
        );
    }

    #[test]
    fn parts_of_a_range_have_the_energy_and_the_coverage_of_the_whole(
        samples in any_samples(any_watts()), rules in any_rules(), cuts in vec(-DAY..90 * DAY, 3..20),
    ) {
        let first = samples.first().map_or(0, |sample| sample.instant.epoch_micros());
        let mut cuts: Vec<_> = cuts.into_iter().map(|cut| first + cut).collect();
        cuts.sort_unstable();
        cuts.dedup();
        prop_assume!(cuts.len() > 1);
        let of = |start: i64, end: i64| {
            let buckets = Buckets::whole(Range::new(at(start), at(end)).unwrap());
            let found = integrate(&samples, &Aggregation { buckets, rules });
            found.first().map_or((0, 0, 0.0, 0.0), |bucket| {
                (bucket.count, bucket.covered_micros, bucket.energy.import, bucket.energy.export)
            })
        };
        let whole = of(cuts[0], cuts[cuts.len() - 1]);
        let sum = cuts.windows(2).map(|cut| of(cut[0], cut[1])).fold((0, 0, 0.0, 0.0), |sum, part| {
            (sum.0 + part.0, sum.1 + part.1, sum.2 + part.2, sum.3 + part.3)
        });
        prop_assert_eq!((sum.0, sum.1), (whole.0, whole.1));
        for (sum, whole) in [(sum.2, whole.2), (sum.3, whole.3)] {
            prop_assert!((sum - whole).abs() <= 1e-9 * whole.max(1.0), "{} is not {}", sum, whole);
        }
    }

    #[test]
    fn no_power_and_no_order_gives_an_infinity_or_a_panic(
        samples in vec((prop_oneof![Just(0), 0..3 * HOUR, any::<i64>()], any::<f64>()), 0..60),
        rules in any_rules(),
    ) {
        let range = Range::new(at(0), at(DAY)).unwrap();
        let aggregation = Aggregation { buckets: Buckets::new(range, Interval::HOUR, Zone::UTC).unwrap(), rules };
        let samples: Vec<_> = samples.into_iter().map(|(micros, watts)| Sample { instant: at(micros), watts }).collect();
        let buckets = integrate(&samples, &aggregation);
        for bucket in &buckets {
            let energy = bucket.energy();
            let numbers = [
                bucket.mean_watts(),
                energy.and_then(WattSeconds::import_kwh),
                energy.and_then(WattSeconds::export_kwh),
                energy.and_then(WattSeconds::net_kwh),
                bucket.min.map(|min| min.watts),
                bucket.max.map(|max| max.watts),
                Some(bucket.coverage()),
            ];
            prop_assert!(numbers.iter().flatten().all(|number| number.is_finite()), "{:?}", bucket);
            prop_assert!((0.0..=1.0).contains(&bucket.coverage()));
        }
        for bucket in sum_over_devices([buckets.as_slice(), buckets.as_slice()]) {
            prop_assert!(bucket.mean_watts.is_none_or(f64::is_finite));
            prop_assert!(bucket.coverage.is_finite());
        }
    }

    #[test]
    fn a_max_gap_is_read_from_seconds_or_a_unit(number in any::<u32>(), unit in "[smhdwy]?", any in any::<String>()) {
        let units = [("", 1), ("s", 1), ("m", 60), ("h", 3_600), ("d", 86_400)];
        let seconds = units.iter().find(|(name, _)| *name == unit).map(|(_, seconds)| seconds);
        let expected = seconds.and_then(|seconds| MaxGap::from_seconds(number.checked_mul(*seconds)?).ok());
        prop_assert_eq!(format!("{number}{unit}").parse::<MaxGap>().ok(), expected);
        let _ = any.parse::<MaxGap>();
    }
}
