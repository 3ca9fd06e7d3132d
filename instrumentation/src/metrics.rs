//! The declaration of a metric: a constant with its name, type, labels and help text.
//!
//! Each crate declares all of its metrics in one file, and lists them in a catalogue. Instruments and
//! `docs/metrics.md` are generated from the declarations; a test compares them with what the services
//! expose. Names and labels are a contract with dashboards and alerts.

use std::borrow::Cow;

use opentelemetry::metrics::{Counter, Histogram, Meter};
use opentelemetry::{KeyValue, global};

/// Every metric begins with it at `/metrics`, as Prometheus recommends for an application: other
/// services of the same Prometheus have an `http_server_request_duration_seconds`, too, and `redis_up`
/// is also a metric of `redis_exporter`.
pub const PREFIX: &str = "energy_pipeline_";

/// A declared metric.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    /// The name without prefix and unit; see [`Metric::exposed_name`].
    pub name: &'static str,
    /// Whether the name is of OpenTelemetry's semantic conventions. Collectors and their dashboards know
    /// it as it is, so it is sent over OTLP without [`PREFIX`].
    pub is_convention: bool,
    /// Its type and, for a histogram, its buckets.
    pub kind: Kind,
    /// Its labels. Their number of values is bounded: a site or a device is never a label.
    pub labels: &'static [Label],
    /// Its help text, in a sentence or two.
    pub help: &'static str,
}

/// The types of metrics.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// A count that only rises.
    Counter,
    /// A current value.
    Gauge,
    /// A current duration or age, in seconds.
    GaugeSeconds,
    /// A distribution of counts, with the upper bounds of its buckets.
    Histogram(&'static [f64]),
    /// A distribution of durations in seconds, with the upper bounds of its buckets.
    HistogramSeconds(&'static [f64]),
}

/// A label and its possible values.
#[derive(Debug, Clone, Copy)]
pub struct Label {
    /// Its name.
    pub name: &'static str,
    /// All its values, where they are few and known.
    pub values: &'static [&'static str],
    /// A description of its values, where they are not listed.
    pub meaning: &'static str,
}

impl Label {
    /// A label with these values. A counter whose only label is such a one is exposed from the start,
    /// at 0 for each value.
    #[must_use]
    pub const fn enumerated(name: &'static str, values: &'static [&'static str]) -> Self {
        Self { name, values, meaning: "" }
    }

    /// A label whose values are described, not listed.
    #[must_use]
    pub const fn documented(name: &'static str, meaning: &'static str) -> Self {
        Self { name, values: &[], meaning }
    }

    /// The name at `/metrics`.
    #[must_use]
    pub fn exposed_name(&self) -> String {
        exposed(self.name)
    }
}

/// Prometheus allows no dots in names.
fn exposed(name: &str) -> String {
    name.replace('.', "_")
}

/// A name as it is exposed at `/metrics`: with [`PREFIX`], and without dots, which Prometheus does not
/// allow.
#[must_use]
pub fn with_prefix(name: &str) -> String {
    if name.starts_with(PREFIX) { exposed(name) } else { format!("{PREFIX}{}", exposed(name)) }
}

impl Metric {
    const fn new(name: &'static str, kind: Kind, help: &'static str) -> Self {
        Self { name, is_convention: false, kind, labels: &[], help }
    }

    /// A counter; its name is exposed with `_total` at the end.
    #[must_use]
    pub const fn counter(name: &'static str, help: &'static str) -> Self {
        Self::new(name, Kind::Counter, help)
    }

    /// A gauge.
    #[must_use]
    pub const fn gauge(name: &'static str, help: &'static str) -> Self {
        Self::new(name, Kind::Gauge, help)
    }

    /// A gauge of seconds; its name is exposed with `_seconds` at the end.
    #[must_use]
    pub const fn gauge_seconds(name: &'static str, help: &'static str) -> Self {
        Self::new(name, Kind::GaugeSeconds, help)
    }

    /// A histogram of counts.
    #[must_use]
    pub const fn histogram(
        name: &'static str,
        buckets: &'static [f64],
        help: &'static str,
    ) -> Self {
        Self::new(name, Kind::Histogram(buckets), help)
    }

    /// A histogram of seconds; its name is exposed with `_seconds` at the end.
    #[must_use]
    pub const fn histogram_seconds(
        name: &'static str,
        buckets: &'static [f64],
        help: &'static str,
    ) -> Self {
        Self::new(name, Kind::HistogramSeconds(buckets), help)
    }

    /// Marks the name as one of OpenTelemetry's semantic conventions.
    #[must_use]
    pub const fn of_convention(self) -> Self {
        Self { is_convention: true, ..self }
    }

    /// Sets the labels.
    #[must_use]
    pub const fn with_labels(self, labels: &'static [Label]) -> Self {
        Self { labels, ..self }
    }

    /// The name of the instrument, as it is sent over OTLP.
    fn instrument_name(&self) -> Cow<'static, str> {
        if self.is_convention { self.name.into() } else { with_prefix(self.name).into() }
    }

    /// The name at `/metrics`: with [`PREFIX`] and the suffix of its type.
    #[must_use]
    pub fn exposed_name(&self) -> String {
        let suffix = match self.kind {
            Kind::Counter => "_total",
            Kind::GaugeSeconds | Kind::HistogramSeconds(_) => "_seconds",
            Kind::Gauge | Kind::Histogram(_) => "",
        };
        with_prefix(self.name) + suffix
    }

    /// The type at `/metrics`.
    #[must_use]
    pub const fn exposed_type(&self) -> &'static str {
        match self.kind {
            Kind::Counter => "counter",
            Kind::Gauge | Kind::GaugeSeconds => "gauge",
            Kind::Histogram(_) | Kind::HistogramSeconds(_) => "histogram",
        }
    }

    /// Creates the counter, and sets it to 0 for each value of its label: Prometheus' `rate` counts
    /// the first event only if it has seen a 0 before.
    #[must_use]
    pub fn build_counter(&self) -> Counter<u64> {
        let counter =
            meter().u64_counter(self.instrument_name()).with_description(self.help).build();
        match self.labels {
            [] => counter.add(0, &[]),
            [label] => {
                for &value in label.values {
                    counter.add(0, &[KeyValue::new(label.name, value)]);
                }
            }
            _ => {}
        }
        counter
    }

    /// Registers a counter whose values, one for each set of labels, are read at each collection.
    pub fn register_labelled_counter(
        &self,
        values: impl Fn() -> Vec<(u64, Vec<KeyValue>)> + Send + Sync + 'static,
    ) {
        let meter = meter();
        let counter = meter.u64_observable_counter(self.instrument_name());
        let counter = counter.with_description(self.help).with_callback(move |counter| {
            for (value, labels) in values() {
                counter.observe(value, &labels);
            }
        });
        counter.build();
    }

    /// Creates the histogram.
    #[must_use]
    pub fn build_histogram(&self) -> Histogram<f64> {
        let meter = meter();
        let builder = meter.f64_histogram(self.instrument_name()).with_description(self.help);
        match self.kind {
            Kind::HistogramSeconds(buckets) => {
                builder.with_unit("s").with_boundaries(buckets.to_vec())
            }
            Kind::Histogram(buckets) => builder.with_boundaries(buckets.to_vec()),
            Kind::Counter | Kind::Gauge | Kind::GaugeSeconds => builder,
        }
        .build()
    }

    /// Registers a gauge whose value is read at each collection; `None`: the gauge is absent.
    pub fn register_gauge(&self, value: impl Fn() -> Option<f64> + Send + Sync + 'static) {
        self.register_labelled_gauge(move || {
            value().map(|value| (value, Vec::new())).into_iter().collect()
        });
    }

    /// Registers a gauge whose values, one for each set of labels, are read at each collection.
    pub fn register_labelled_gauge(
        &self,
        values: impl Fn() -> Vec<(f64, Vec<KeyValue>)> + Send + Sync + 'static,
    ) {
        let meter = meter();
        let builder =
            meter.f64_observable_gauge(self.instrument_name()).with_description(self.help);
        let builder =
            if self.kind == Kind::GaugeSeconds { builder.with_unit("s") } else { builder };
        let gauge = builder.with_callback(move |gauge| {
            for (value, labels) in values() {
                gauge.observe(value, &labels);
            }
        });
        gauge.build();
    }
}

/// The meter that all instruments are created with.
#[must_use]
pub fn meter() -> Meter {
    global::meter("energy_pipeline")
}

/// Converts a count to the number type of instruments. Above 2^53 it loses its last digits, which no
/// graph shows.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "see above")]
pub const fn as_f64(count: u64) -> f64 {
    count as f64
}
