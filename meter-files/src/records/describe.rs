//! What was understood of records, in words.

use std::fmt::Write;

use super::known::Known;
use super::plan_times::TimePlan;
use super::values::ValueField;
use super::when::TimeFields;
use crate::shape::duration::Interval;
use crate::shape::unit::Measure;
use crate::shape::{Decimal, Times};
use crate::time::clock::Order;
use crate::understood::Understood;

/// The parts of the paragraph that follow from fields.
pub fn understood(
    known: &Known,
    values: &[ValueField],
    time: &TimePlan,
    (device, site): (Option<usize>, Option<usize>),
) -> Understood {
    let name =
        |place: usize| known.names.get(place).cloned().unwrap_or_else(|| format!("#{}", place + 1));
    let when = &time.when;
    let mut columns = vec![match when.fields {
        TimeFields::One(place) => format!("`{}` is the time", name(place)),
        TimeFields::Two(date, clock) => {
            format!("`{}` and `{}` are date and time", name(date), name(clock))
        }
        TimeFields::StartAndEnd(start, end) => {
            format!("`{}` and `{}` are start and end", name(start), name(end))
        }
        TimeFields::Period(place) => format!("`{}` is the interval", name(place)),
        TimeFields::Numbered(date, number) => {
            format!(
                "`{}` and `{}` are the date and the number of the interval",
                name(date),
                name(number)
            )
        }
    }];
    columns.extend(values.iter().map(shown_value));
    let others = [(device, "device"), (site, "site")].into_iter();
    columns.extend(
        others.filter_map(|(place, what)| Some(format!("`{}` is the {what}", name(place?)))),
    );
    let order = if time.order == Order::NewestFirst { ", the newest first" } else { "" };
    let times = format!("times are written as {} {}{order}", when.format, time.zone);
    let labels = if when.labels == Times::End { "end" } else { "start" };
    let interval = match (when.length.and_then(Interval::new), &when.fields) {
        (Some(length), _) => format!("intervals of {length}, of which times are the {labels}"),
        (None, TimeFields::StartAndEnd(..) | TimeFields::Period(_)) => {
            "intervals from start to end".to_owned()
        }
        (None, _) if when.length_field.is_some() => {
            format!("times are the {labels} of an interval, whose length is in its row")
        }
        (None, _) => "each time is an instant".to_owned(),
    };
    Understood { columns, times, interval, ..Understood::default() }
}

fn shown_value(value: &ValueField) -> String {
    let measure = match value.measure {
        Some(Measure::Power) => "power",
        Some(Measure::Mean) => "mean power of the interval",
        Some(Measure::Energy) => "energy of the interval",
        Some(Measure::Counter) => "a counter of energy",
        None => "the value",
    };
    let unit = value.unit.map_or_else(|| "the unit of its row".to_owned(), |unit| unit.to_string());
    let mut text = format!("`{}` is {measure} in {unit}", value.name);
    if !value.channel.is_empty() {
        // Writing to a string never fails.
        let _ = write!(text, " of the device with `{}`", value.channel);
    }
    if value.format.decimal() == Some(Decimal::Comma) {
        text.push_str(" with a decimal comma");
    }
    text
}
