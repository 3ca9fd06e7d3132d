//! What the first records show: intervals, the order of times, and counters.

use std::collections::HashMap;

use chrono::{NaiveDateTime, TimeDelta};

use super::known::Known;
use super::when::TimeFields;
use crate::time::clock::Order;
use crate::time::format::TimeFormat;

/// How many samples show that a column never decreases. Too low: a morning of rising values is taken for a counter. Too
/// high: the meaning of a short file must be chosen by hand.
const COUNTER_SAMPLES: usize = 4;

impl Known {
    /// The texts of a field.
    pub fn column(&self, place: usize) -> impl Iterator<Item = &str> {
        self.samples.iter().filter_map(move |fields| fields.get(place).map(String::as_str))
    }

    /// Local times of each device, in the order of the file.
    fn times(
        &self,
        fields: &TimeFields,
        format: &TimeFormat,
        device: Option<usize>,
    ) -> HashMap<&str, Vec<NaiveDateTime>> {
        let mut times: HashMap<&str, Vec<_>> = HashMap::new();
        for sample in &self.samples {
            let device = device.and_then(|place| sample.get(place)).map_or("", String::as_str);
            if let Ok(time) = format.parse(&fields.text(sample)) {
                let utc = time.offset.and_then(|offset| time.local.checked_sub_offset(offset));
                times.entry(device).or_default().push(utc.unwrap_or(time.local));
            }
        }
        times
    }

    /// The order of the file, and its interval: the step between times that most neighbours have.
    #[must_use]
    pub fn steps(
        &self,
        fields: &TimeFields,
        format: &TimeFormat,
        device: Option<usize>,
    ) -> (Order, Option<TimeDelta>) {
        let mut counts: HashMap<i64, usize> = HashMap::new();
        let mut backward = 0_usize;
        let mut all = 0_usize;
        for times in self.times(fields, format, device).values() {
            for pair in times.windows(2) {
                let [one, other] = pair else { continue };
                let step = (*other - *one).num_seconds();
                if step != 0 {
                    *counts.entry(step.abs()).or_default() += 1;
                    backward += usize::from(step < 0);
                    all += 1;
                }
            }
        }
        let order = if 2 * backward > all { Order::NewestFirst } else { Order::OldestFirst };
        let usual = counts.into_iter().max_by_key(|(seconds, count)| (*count, -*seconds));
        let interval = usual
            .filter(|(_, count)| 2 * count > all)
            .map(|(seconds, _)| TimeDelta::seconds(seconds));
        (order, interval)
    }

    /// Whether a column of energy never decreases in time and increases, as a counter; `None` if the samples are too few or
    /// in between.
    #[must_use]
    pub fn is_counter(&self, numbers: &[f64], order: Order) -> Option<bool> {
        let steps = numbers.windows(2).filter_map(|pair| match pair {
            [one, other] if order == Order::NewestFirst => Some(one - other),
            [one, other] => Some(other - one),
            _ => None,
        });
        let (mut up, mut down) = (0_usize, 0_usize);
        for step in steps {
            up += usize::from(step > 0.0);
            down += usize::from(step < 0.0);
        }
        match (up, down) {
            (0, 0) => Some(false),
            (_, 0) if up >= COUNTER_SAMPLES => Some(true),
            _ if 10 * down >= up + down && down > 1 => Some(false),
            _ => None,
        }
    }
}
