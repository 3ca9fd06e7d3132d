//! How a metric is declared: a constant with its name, its labels and its manual.
//!
//! Each crate declares all of its metrics in one file, and lists them in a catalogue. The instruments
//! are made from the declarations, and so is `docs/metrics.md`; a test compares both with what the
//! services expose. Names are a contract with dashboards and alerts.

use opentelemetry::metrics::{Counter, Histogram, Meter};
use opentelemetry::{KeyValue, global};

/// A metric as it is declared.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    /// The name without the ending that Prometheus wants; see [`Metric::exposed_name`].
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// What tells its series apart. Bounded: a site or a device is never a label.
    pub labels: &'static [Label],
    /// Its manual, in a sentence or two.
    pub help: &'static str,
}

/// Kinds of metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// Only rises.
    Counter,
    /// The state at the time.
    Gauge,
    /// The state at the time, in seconds.
    Seconds,
    /// How values are distributed, with the upper bounds of its buckets.
    Histogram(&'static [f64]),
    /// How long something took, in seconds, with the upper bounds of its buckets.
    Durations(&'static [f64]),
}

/// A label and the values that it can have.
#[derive(Debug, Clone, Copy)]
pub struct Label {
    /// Its name.
    pub name: &'static str,
    /// All its values, where they are few and known.
    pub values: &'static [&'static str],
    /// What its values are, where they are not listed.
    pub meaning: &'static str,
}

impl Label {
    /// A label with these values. A counter that has only such labels is there from the start, at 0
    /// for each.
    #[must_use]
    pub const fn of(name: &'static str, values: &'static [&'static str]) -> Self {
        Self { name, values, meaning: "" }
    }

    /// A label whose values are described.
    #[must_use]
    pub const fn described(name: &'static str, meaning: &'static str) -> Self {
        Self { name, values: &[], meaning }
    }
}

impl Label {
    /// The name at `/metrics`.
    #[must_use]
    pub fn exposed_name(&self) -> String {
        exposed(self.name)
    }
}

/// Prometheus has no dots in names.
fn exposed(name: &str) -> String {
    name.replace('.', "_")
}

impl Metric {
    /// A counter; its name is exposed with `_total` at the end.
    #[must_use]
    pub const fn counter(name: &'static str, help: &'static str) -> Self {
        Self { name, kind: Kind::Counter, labels: &[], help }
    }

    /// A gauge.
    #[must_use]
    pub const fn gauge(name: &'static str, help: &'static str) -> Self {
        Self { name, kind: Kind::Gauge, labels: &[], help }
    }

    /// A gauge of seconds; its name is exposed with `_seconds` at the end.
    #[must_use]
    pub const fn seconds(name: &'static str, help: &'static str) -> Self {
        Self { name, kind: Kind::Seconds, labels: &[], help }
    }

    /// A histogram of counts.
    #[must_use]
    pub const fn histogram(
        name: &'static str,
        buckets: &'static [f64],
        help: &'static str,
    ) -> Self {
        Self { name, kind: Kind::Histogram(buckets), labels: &[], help }
    }

    /// A histogram of seconds; its name is exposed with `_seconds` at the end.
    #[must_use]
    pub const fn durations(
        name: &'static str,
        buckets: &'static [f64],
        help: &'static str,
    ) -> Self {
        Self { name, kind: Kind::Durations(buckets), labels: &[], help }
    }

    /// The same with these labels.
    #[must_use]
    pub const fn by(self, labels: &'static [Label]) -> Self {
        Self { labels, ..self }
    }

    /// The name at `/metrics`.
    #[must_use]
    pub fn exposed_name(&self) -> String {
        let ending = match self.kind {
            Kind::Counter => "_total",
            Kind::Seconds | Kind::Durations(_) => "_seconds",
            Kind::Gauge | Kind::Histogram(_) => "",
        };
        format!("{}{ending}", exposed(self.name))
    }

    /// The type at `/metrics`.
    #[must_use]
    pub const fn exposed_type(&self) -> &'static str {
        match self.kind {
            Kind::Counter => "counter",
            Kind::Gauge | Kind::Seconds => "gauge",
            Kind::Histogram(_) | Kind::Durations(_) => "histogram",
        }
    }

    /// Makes the counter, and sets it to 0 for each value of its labels: a rate over the first
    /// event is right only if there was a 0 before it.
    #[must_use]
    pub fn build_counter(&self) -> Counter<u64> {
        let counter = meter().u64_counter(self.name).with_description(self.help).build();
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

    /// Makes the histogram.
    #[must_use]
    pub fn build_histogram(&self) -> Histogram<f64> {
        let meter = meter();
        let builder = meter.f64_histogram(self.name).with_description(self.help);
        match self.kind {
            Kind::Durations(buckets) => builder.with_unit("s").with_boundaries(buckets.to_vec()),
            Kind::Histogram(buckets) => builder.with_boundaries(buckets.to_vec()),
            Kind::Counter | Kind::Gauge | Kind::Seconds => builder,
        }
        .build()
    }

    /// Makes the gauge, which is asked for its value when it is looked at; `None` is no value.
    pub fn observe(&self, value: impl Fn() -> Option<f64> + Send + Sync + 'static) {
        self.observe_labelled(move || {
            value().map(|value| (value, Vec::new())).into_iter().collect()
        });
    }

    /// Makes the gauge, which is asked for all its values when it is looked at.
    pub fn observe_labelled(
        &self,
        values: impl Fn() -> Vec<(f64, Vec<KeyValue>)> + Send + Sync + 'static,
    ) {
        let meter = meter();
        let builder = meter.f64_observable_gauge(self.name).with_description(self.help);
        let builder = if self.kind == Kind::Seconds { builder.with_unit("s") } else { builder };
        let observing = builder.with_callback(move |gauge| {
            for (value, labels) in values() {
                gauge.observe(value, &labels);
            }
        });
        observing.build();
    }
}

/// The meter that all metrics are made with.
#[must_use]
pub fn meter() -> Meter {
    global::meter("energy_pipeline")
}

/// A count as metrics want it; beyond 2^52 the last digits are lost, which no one reads off a graph.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "see above")]
pub const fn number(count: u64) -> f64 {
    count as f64
}
