//! `docs/metrics.md` is made of the declarations of all metrics.

use std::collections::BTreeSet;
use std::fmt::Write;

use instrumentation::metrics::{Kind, Label, Metric};

use super::{otlp, traces};

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/metrics.md");

/// All metrics of the program, by who counts.
const CATALOGUE: &[(&str, &[Metric])] = &[
    ("HTTP", api::metrics::CATALOGUE),
    ("The stream, as all processes see it", api::operations::PIPELINE_CATALOGUE),
    ("The pipeline of a processing service", actors::metrics::CATALOGUE),
    ("Redis", readings::metrics::CATALOGUE),
    ("Tracing", &[traces::SPANS_ENDED, otlp::SPANS_EXPORTED]),
];

const HEAD: &str = "# Metrics
Made by `make docs` from the declarations in the code; a test compares it with what the services expose.

Each service has its own at `/metrics`, as Prometheus text where `Accept` names `text/plain` (Prometheus does so). With
`OTEL_METRICS_EXPORTER=otlp` they are sent to a collector, too. Names and labels are a contract: one that is changed or removed is
in the changelog. No label is a site, a device or anything else that a sender chooses.

Counters that have no label, or one with known values, are there from the start, at 0; histograms from the first value on.
";

#[test]
fn the_document_of_the_metrics_is_made_of_their_declarations() {
    let current = document();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(DOCUMENT, current).expect("docs/metrics.md can be written");
        return;
    }
    let kept = std::fs::read_to_string(DOCUMENT).expect("docs/metrics.md");
    assert_eq!(kept, current, "run `make docs`");
}

#[test]
fn a_name_is_declared_once_and_is_one_that_prometheus_takes() {
    let mut seen = BTreeSet::new();
    for metric in CATALOGUE.iter().flat_map(|(_, metrics)| *metrics) {
        let name = metric.exposed_name();
        assert!(
            name.bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_'),
            "{name}"
        );
        assert!(seen.insert(name.clone()), "{name} is declared twice");
        assert!(metric.help.len() > 10 && !metric.help.ends_with('.'), "{name}: {}", metric.help);
    }
}

fn document() -> String {
    let mut text = HEAD.to_owned();
    for (title, metrics) in CATALOGUE {
        writeln!(text, "\n## {title}\n| Name | Type | Labels | Meaning |\n|---|---|---|---|")
            .unwrap();
        for metric in *metrics {
            let (name, r#type) = (metric.exposed_name(), metric.exposed_type());
            let labels: Vec<_> = metric.labels.iter().map(label).collect();
            writeln!(text, "| `{name}` | {type} | {} | {} |", labels.join("; "), meaning(metric))
                .unwrap();
        }
    }
    text
}

fn label(label: &Label) -> String {
    let values: Vec<_> = label.values.iter().map(|value| format!("`{value}`")).collect();
    let values = if values.is_empty() { label.meaning.to_owned() } else { values.join(", ") };
    format!("`{}`: {values}", label.exposed_name())
}

fn meaning(metric: &Metric) -> String {
    match metric.kind {
        Kind::Histogram(buckets) | Kind::HistogramSeconds(buckets) => {
            let (first, last) = (buckets[0], buckets[buckets.len() - 1]);
            format!("{}. Buckets from {first} to {last}", metric.help)
        }
        Kind::Counter | Kind::Gauge | Kind::GaugeSeconds => metric.help.to_owned(),
    }
}
