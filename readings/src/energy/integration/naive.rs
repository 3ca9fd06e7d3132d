//! The arithmetic in its plainest form: every pair against every bucket.

use super::*;
use crate::iso8601::Instant;

/// What is compared of a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct NaiveBucket {
    pub count: u64,
    pub repeats: u64,
    pub min: Option<(i64, f64)>,
    pub max: Option<(i64, f64)>,
    pub covered_micros: i64,
    pub import_ws: f64,
    pub export_ws: f64,
}

/// All buckets of one device's readings, which are in the order of (instant, stream id).
pub fn buckets(samples: &[Sample], aggregation: &Aggregation) -> Vec<NaiveBucket> {
    let edges = aggregation.buckets.edges().windows(2);
    edges.map(|edge| bucket(samples, edge[0], edge[1], aggregation.rules)).collect()
}

fn bucket(samples: &[Sample], start: Instant, end: Instant, rules: Rules) -> NaiveBucket {
    let mut bucket = NaiveBucket::default();
    let is_inside = |sample: &Sample| start <= sample.instant && sample.instant < end;
    let replaced =
        |at: usize| samples.get(at + 1).is_some_and(|next| next.instant == samples[at].instant);
    let counted: Vec<_> = (0..samples.len()).filter(|at| !replaced(*at)).collect();
    let inside = counted.iter().map(|at| samples[*at]).filter(is_inside);
    for sample in inside.clone() {
        let point = (sample.instant.epoch_micros(), sample.watts);
        bucket.min = bucket.min.filter(|(_, watts)| *watts <= sample.watts).or(Some(point));
        bucket.max = bucket.max.filter(|(_, watts)| *watts >= sample.watts).or(Some(point));
    }
    bucket.count = inside.count() as u64;
    bucket.repeats =
        samples.iter().filter(|sample| is_inside(sample)).count() as u64 - bucket.count;
    for pair in counted.windows(2) {
        add_pair(&mut bucket, samples[pair[0]], samples[pair[1]], (start, end), rules);
    }
    bucket
}

fn add_pair(
    bucket: &mut NaiveBucket,
    one: Sample,
    next: Sample,
    (start, end): (Instant, Instant),
    rules: Rules,
) {
    let [t1, t2, start, end] = [one.instant, next.instant, start, end].map(Instant::epoch_micros);
    let (from, until) = (t1.max(start), t2.min(end));
    if t2 - t1 > rules.max_gap.micros() || from >= until {
        return;
    }
    let seconds = pair::seconds(until - from);
    bucket.covered_micros += until - from;
    let (a, b) = match rules.integration {
        Integration::Step => (one.watts, one.watts),
        Integration::Trapezoid => {
            let slope = (next.watts - one.watts) / pair::seconds(t2 - t1);
            let at = |micros: i64| one.watts + slope * pair::seconds(micros - t1);
            (at(from), at(until))
        }
    };
    // The part of a straight line from a to b that is above zero, and the part below.
    let above = |a: f64, b: f64| match (a > 0.0, b > 0.0) {
        (true, true) => seconds * (a + b) / 2.0,
        (true, false) => seconds * a * a / (a - b) / 2.0,
        (false, true) => seconds * b * b / (b - a) / 2.0,
        (false, false) => 0.0,
    };
    bucket.import_ws += above(a, b);
    bucket.export_ws += above(-a, -b);
}
