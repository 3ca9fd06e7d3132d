//! Messages are read as `prost` encodes them, and bytes of any kind are read in bounded time and never panic.

use proptest::prelude::*;
use prost::Message;

use super::mapping::{PowerMetric, RemoteWriteMapping, Source, Target, text_of};
use super::wire::{Sample, series};

/// The messages of the specification.
#[derive(Clone, PartialEq, Message)]
struct WriteRequest {
    #[prost(message, repeated, tag = "1")]
    timeseries: Vec<TimeSeries>,
    #[prost(message, repeated, tag = "3")]
    metadata: Vec<Label>,
}

#[derive(Clone, PartialEq, Message)]
struct TimeSeries {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<Label>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<SampleMessage>,
    #[prost(message, repeated, tag = "3")]
    exemplars: Vec<SampleMessage>,
}

#[derive(Clone, PartialEq, Message)]
struct Label {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct SampleMessage {
    #[prost(double, tag = "1")]
    value: f64,
    #[prost(int64, tag = "2")]
    timestamp: i64,
}

fn labels(pairs: &[(&str, &str)]) -> Vec<Label> {
    let label = |(name, value): &(&str, &str)| Label {
        name: (*name).to_owned(),
        value: (*value).to_owned(),
    };
    pairs.iter().map(label).collect()
}

fn label() -> impl Strategy<Value = Label> {
    let name = prop::sample::select(vec!["__name__", "site", "device", "instance", "job", ""]);
    (name, ".{0,8}").prop_map(|(name, value)| Label { name: name.to_owned(), value })
}

fn sample() -> impl Strategy<Value = SampleMessage> {
    // The encoder takes -0 for the default, which it leaves out: with the addition it is 0.
    let message = |(value, timestamp)| SampleMessage { value: value + 0.0, timestamp };
    (any::<f64>(), any::<i64>()).prop_map(message)
}

fn request() -> impl Strategy<Value = WriteRequest> {
    let messages = |most| prop::collection::vec(sample(), 0..most);
    let series = (prop::collection::vec(label(), 0..5), messages(4), messages(2))
        .prop_map(|(labels, samples, exemplars)| TimeSeries { labels, samples, exemplars });
    (prop::collection::vec(series, 0..4), prop::collection::vec(label(), 0..2))
        .prop_map(|(timeseries, metadata)| WriteRequest { timeseries, metadata })
}

fn mapping() -> RemoteWriteMapping {
    let labels = ["device", "instance"].map(str::to_owned).into();
    RemoteWriteMapping::new(vec!["power=kW".parse().unwrap()], "site".to_owned(), None, labels)
}

/// Reads everything that is in a message; returns the number of its samples.
fn samples_in(message: &[u8]) -> usize {
    let mapping = mapping();
    let mut samples = 0;
    for series in series(message).flatten() {
        let _ = mapping.target(series);
        let _ = text_of(series);
        samples += series.samples().flatten().count();
    }
    samples
}

proptest! {
    #[test]
    fn a_message_is_read_as_it_was_written(request in request()) {
        let bytes = request.encode_to_vec();
        let read: Vec<_> = series(&bytes).map(Result::unwrap).collect();
        prop_assert_eq!(read.len(), request.timeseries.len());
        for (read, written) in read.into_iter().zip(&request.timeseries) {
            let names: Vec<_> = read.labels().map(Result::unwrap).collect();
            let expected: Vec<_> =
                written.labels.iter().map(|label| (&*label.name, &*label.value)).collect();
            prop_assert_eq!(names, expected);
            let read: Vec<_> = read.samples().map(Result::unwrap).collect();
            prop_assert_eq!(read.len(), written.samples.len());
            for (Sample { value, timestamp }, written) in read.into_iter().zip(&written.samples) {
                // `prost` leaves out a negative zero, too, which is stored as zero.
                let bits = if written.value == 0.0 { 0 } else { written.value.to_bits() };
                prop_assert_eq!(value.to_bits(), bits);
                prop_assert_eq!(timestamp, written.timestamp);
            }
        }
    }

    #[test]
    fn bytes_of_any_kind_are_read(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(samples_in(&bytes) <= bytes.len());
    }

    #[test]
    fn a_message_that_is_damaged_is_read(
        request in request(),
        place in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut bytes = request.encode_to_vec();
        prop_assume!(!bytes.is_empty());
        let place = place.index(bytes.len());
        bytes[place] = byte;
        prop_assert!(samples_in(&bytes) <= bytes.len());
        prop_assert!(samples_in(&bytes[..place]) <= bytes.len());
    }
}

/// What the series with these labels is.
fn target_of(pairs: &[(&str, &str)], expected: &Target<'_>) {
    let timeseries = vec![TimeSeries { labels: labels(pairs), ..TimeSeries::default() }];
    let bytes = WriteRequest { timeseries, metadata: Vec::new() }.encode_to_vec();
    let only = series(&bytes).next().unwrap().unwrap();
    assert_eq!(mapping().target(only).as_ref(), Ok(expected), "{pairs:?}");
}

#[test]
fn a_series_of_a_listed_metric_with_a_site_and_a_device_is_power() {
    let reading = |device| {
        let unit = "kW".parse().unwrap();
        Target::Reading(Source { metric: "power", site: "house", device, unit })
    };
    let power = [("__name__", "power"), ("site", "house"), ("instance", "plug:80")];
    target_of(&power, &reading("plug:80"));
    target_of(&[&power[..], &[("device", "plug")]].concat(), &reading("plug"));
    target_of(&[&power[..], &[("device", "")]].concat(), &reading("plug:80"));
    let unmapped = |metric, reason| Target::Unmapped { metric, reason };
    let not_listed = "the metric is not in REMOTE_WRITE_METRICS";
    target_of(&[("__name__", "up"), power[1], power[2]], &unmapped("up", not_listed));
    target_of(&power[1..], &unmapped("", not_listed));
    let no_site = "no label REMOTE_WRITE_SITE_LABEL, and REMOTE_WRITE_SITE is not set";
    target_of(&[power[0], power[2]], &unmapped("power", no_site));
    let no_device = "none of the labels REMOTE_WRITE_DEVICE_LABELS";
    target_of(&power[..2], &unmapped("power", no_device));
}

#[test]
fn a_metric_is_listed_with_a_unit_of_power() {
    for text in ["power=W", " a:power = kW "] {
        assert!(text.parse::<PowerMetric>().is_ok(), "{text}");
    }
    for (text, message) in [
        ("power", "each item must be a metric and its unit, such as plug_power_watts=W"),
        ("=W", "each item must be a metric and its unit, such as plug_power_watts=W"),
        ("power=w", "the unit of a field is W, kW, MW or mW"),
        ("energy_total=kWh", "a counter of energy (Wh, kWh) is no power"),
    ] {
        let error = text.parse::<PowerMetric>().unwrap_err().to_string();
        assert!(error.starts_with(message), "{text}: {error}");
    }
}
