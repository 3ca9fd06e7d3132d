//! Energy, by example.

use super::*;
use crate::energy::calendar::{Buckets, Interval, Range, Zone};
use crate::iso8601::{self, Instant};

fn at(text: &str) -> Instant {
    iso8601::parse(text).unwrap().instant
}

fn sample(text: &str, watts: f64) -> Sample {
    Sample { instant: at(&format!("2024-01-15T{text}Z")), watts }
}

fn hours(start: &str, end: &str) -> Aggregation {
    let range = Range::new(sample(start, 0.0).instant, sample(end, 0.0).instant).unwrap();
    let buckets = Buckets::new(range, Interval::HOUR, Zone::UTC).unwrap();
    Aggregation { buckets, rules: Rules::STEP }
}

fn integrate(aggregation: Aggregation, samples: &[(&str, f64)]) -> Vec<Bucket> {
    let mut integrator = Integrator::new(aggregation);
    for (text, watts) in samples {
        integrator.push("meter", sample(text, *watts)).unwrap();
    }
    integrator.finish().devices.remove("meter").unwrap_or_default()
}

fn kwh(bucket: &Bucket) -> f64 {
    bucket.energy().unwrap().net_kwh().unwrap()
}

#[test]
fn a_value_holds_until_the_next_reading_and_is_split_at_edges() {
    let found = integrate(
        hours("10:00", "12:00"),
        &[("10:30", 1_000.0), ("11:30", 4_000.0), ("12:30", 9.0)],
    );
    assert_eq!(found.len(), 2);
    assert_eq!((kwh(&found[0]), kwh(&found[1])), (0.5, 0.5 + 2.0));
    assert_eq!((found[0].coverage(), found[1].coverage()), (0.5, 1.0));
    assert_eq!(found[1].mean_watts(), Some(2_500.0));
    assert_eq!((found[0].count, found[1].count), (1, 1));
}

#[test]
fn a_value_from_before_the_range_holds_into_it() {
    let found = integrate(hours("10:00", "12:00"), &[("09:30", 1_000.0), ("10:30", 0.0)]);
    assert_eq!((kwh(&found[0]), found[0].count, found[0].coverage()), (0.5, 1, 0.5));
    assert_eq!(found.len(), 1, "the last reading holds for no time");
}

#[test]
fn a_bucket_without_a_reading_has_the_energy_of_the_value_that_holds() {
    let found = integrate(hours("10:00", "13:00"), &[("10:30", 1_000.0), ("12:30", 0.0)]);
    assert_eq!((kwh(&found[1]), found[1].count, found[1].min, found[1].max), (1.0, 0, None, None));
    assert_eq!(found[1].mean_watts(), Some(1_000.0));
}

#[test]
fn a_pair_counts_up_to_the_max_gap_and_a_longer_one_is_a_gap() {
    let found = integrate(hours("10:00", "13:00"), &[("10:00", 1_000.0), ("12:00", 0.0)]);
    assert_eq!(found.iter().map(kwh_or_none).collect::<Vec<_>>(), [Some(1.0), Some(1.0), None]);
    let found = integrate(hours("10:00", "13:00"), &[("10:00", 1_000.0), ("12:00:00.000001", 0.0)]);
    assert_eq!(found.iter().map(kwh_or_none).collect::<Vec<_>>(), [None, None]);
    assert_eq!((found[0].count, found[0].coverage(), found[0].mean_watts()), (1, 0.0, None));
}

fn kwh_or_none(bucket: &Bucket) -> Option<f64> {
    bucket.energy()?.net_kwh()
}

#[test]
fn of_one_instant_the_last_reading_counts() {
    let readings =
        [("10:00", 9_000.0), ("10:00", 1_000.0), ("11:00", 0.0), ("11:00", 5.0), ("11:00", 7.0)];
    let found = integrate(hours("10:00", "12:00"), &readings);
    assert_eq!((kwh(&found[0]), found[0].count, found[0].repeats), (1.0, 1, 1));
    assert_eq!(found[0].max, Some(sample("10:00", 1_000.0)));
    assert_eq!((found[1].count, found[1].repeats, found[1].min.unwrap().watts), (1, 2, 7.0));
}

#[test]
fn import_and_export_are_apart_and_the_mean_is_of_both() {
    let readings = [("10:00", 1_000.0), ("10:15", -2_000.0), ("10:45", 0.0), ("11:00", 0.0)];
    let bucket = &integrate(hours("10:00", "11:00"), &readings)[0];
    let energy = bucket.energy().unwrap();
    assert_eq!((energy.import_kwh(), energy.export_kwh()), (Some(0.25), Some(1.0)));
    assert_eq!((energy.net_kwh(), bucket.mean_watts()), (Some(-0.75), Some(-750.0)));
    assert_eq!((bucket.min.unwrap().watts, bucket.max.unwrap().watts), (-2_000.0, 1_000.0));
}

#[test]
fn a_trapezoid_is_split_at_edges_and_at_zero() {
    let mut asked = hours("10:00", "12:00");
    asked.rules.integration = Integration::Trapezoid;
    let found = integrate(asked.clone(), &[("10:30", 0.0), ("11:30", 1_000.0)]);
    // A triangle of 0.5 kWh, whose first half of the time has a quarter of it.
    assert_eq!((kwh(&found[0]), kwh(&found[1])), (0.125, 0.375));
    let found = integrate(asked, &[("10:00", 1_000.0), ("11:00", -3_000.0)]);
    let energy = found[0].energy().unwrap();
    assert_eq!((energy.import_kwh(), energy.export_kwh()), (Some(0.125), Some(1.125)));
}

#[test]
fn the_lowest_and_the_highest_power_have_their_first_instants() {
    let readings = [("10:00", 5.0), ("10:10", 1.0), ("10:20", 9.0), ("10:30", 9.0), ("10:40", 1.0)];
    let bucket = &integrate(hours("10:00", "11:00"), &readings)[0];
    assert_eq!(bucket.min, Some(sample("10:10", 1.0)));
    assert_eq!(bucket.max, Some(sample("10:20", 9.0)));
}

#[test]
fn clocks_that_are_centuries_off_fill_no_buckets() {
    let mut integrator = Integrator::new(hours("00:00", "23:00"));
    for text in [
        "0001-01-01T00:00:00Z",
        "2024-01-15T10:00:00Z",
        "2024-01-15T10:30:00Z",
        "9999-12-31T23:59:59Z",
    ] {
        integrator.push("meter", Sample { instant: at(text), watts: 1_000.0 }).unwrap();
    }
    let found = &integrator.finish().devices["meter"];
    assert_eq!(found.iter().map(kwh_or_none).collect::<Vec<_>>(), [Some(0.5)]);
}

#[test]
fn a_sum_that_overflows_is_none() {
    let bucket =
        &integrate(hours("10:00", "11:00"), &[("10:00", f64::MAX), ("11:00", f64::MAX)])[0];
    assert_eq!(bucket.energy().unwrap().import_kwh(), None);
    assert_eq!((bucket.mean_watts(), bucket.max.unwrap().watts), (None, f64::MAX));
    assert_eq!((bucket.coverage(), bucket.count), (1.0, 1));
}

#[test]
fn readings_that_are_not_finite_or_out_of_order_are_ignored_and_counted() {
    let mut integrator = Integrator::new(hours("10:00", "12:00"));
    for (text, watts) in [
        ("10:00", 1.0),
        ("10:30", f64::NAN),
        ("10:45", f64::INFINITY),
        ("09:00", 5.0),
        ("11:00", 1.0),
    ] {
        integrator.push("meter", sample(text, watts)).unwrap();
    }
    integrator.push("other", sample("09:30", 5.0)).unwrap();
    let found = integrator.finish();
    assert_eq!(found.ignored, 3);
    assert_eq!((found.devices["meter"][0].count, kwh(&found.devices["meter"][0])), (1, 0.001));
    assert!(!found.devices.contains_key("other"), "it has no reading in the range");
}

#[test]
fn devices_are_summed_only_on_demand_and_their_coverage_shows_what_is_missing() {
    let house = integrate(hours("10:00", "12:00"), &[("10:00", 1_000.0), ("12:00", 0.0)]);
    let panels = integrate(hours("10:00", "12:00"), &[("10:00", -4_000.0), ("11:00", 0.0)]);
    let sums = sum_over_devices([house.as_slice(), panels.as_slice()]);
    assert_eq!(sums.len(), 2);
    assert_eq!(sums[0].energy().unwrap().net_kwh(), Some(-3.0));
    assert_eq!((sums[0].mean_watts, sums[0].coverage), (Some(-3_000.0), 1.0));
    assert_eq!((sums[1].energy().unwrap().net_kwh(), sums[1].coverage), (Some(1.0), 0.5));
    assert_eq!((sums[0].count, sums[1].count), (2, 1));
}

#[test]
fn a_site_with_too_many_buckets_is_an_error_before_its_memory_is() {
    let range = Range::new(at("2024-01-01"), at("2024-01-14")).unwrap();
    let buckets = Buckets::new(range, Interval::MINUTE, Zone::UTC).unwrap();
    let mut integrator = Integrator::new(Aggregation { buckets, rules: Rules::STEP });
    let start = range.start().epoch_micros();
    let minutes =
        (0..13 * 1_440_i64).flat_map(|minute| (0..20).map(move |device| (minute, device)));
    let mut pushed = minutes.map(|(minute, device)| {
        let instant = Instant::from_epoch_micros(start + minute * 60_000_000);
        integrator.push(&format!("meter-{device}"), Sample { instant, watts: 1.0 })
    });
    assert_eq!(pushed.find(Result::is_err), Some(Err(TooManyFilled)));
}

#[test]
fn summaries_that_are_out_of_order_or_beyond_a_bucket_are_errors() {
    let asked = std::sync::Arc::new(hours("10:00", "12:00"));
    let mut early = Summary::of(sample("09:50", 1.0), 0);
    early.last = sample("10:05", 1.0);
    let mut composer = Composer::new(asked);
    assert_eq!(composer.push(&early), Err(ComposeError::Straddles));
    let mut within = Summary::of(sample("10:50", 1.0), 0);
    assert_eq!(composer.push(&within), Ok(()));
    assert_eq!(composer.push(&within), Err(ComposeError::OutOfOrder));
    within.first = sample("10:55", 1.0);
    within.last = sample("11:00", 1.0);
    assert_eq!(composer.push(&within), Err(ComposeError::Straddles));
    assert_eq!(composer.finish().len(), 1);
}

#[test]
fn rules_have_their_texts() {
    for integration in [Integration::Step, Integration::Trapezoid] {
        assert_eq!(integration.to_string().parse(), Ok(integration));
    }
    assert_eq!("left".parse::<Integration>(), Err(IntegrationError));
    assert_eq!(MaxGap::default().seconds(), 7_200);
    for text in ["", "0", "-1", "+1", "1.5h", "32d", "2H", "99999999999", "h", "1hh", "1 h", "é"] {
        assert_eq!(text.parse::<MaxGap>(), Err(MaxGapError), "{text}");
    }
}
