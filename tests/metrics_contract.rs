//! The metrics are a contract: the services expose what `docs/metrics.md` documents, every name has the
//! product's prefix, and dashboard and alert rules use existing metrics only, of this product only.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::process::{Command, Output, Stdio};

use reqwest::Method;
use serde_json::Value;

use crate::common::batch;
use crate::common::broker::Broker;
use crate::common::files;
use crate::common::http::Reply;
use crate::common::keys::KeysFile;
use crate::common::product::{Role, ingestion_api, processing_service, query_api};
use crate::common::readings::{add, reading};
use crate::common::redis::RedisServer;
use crate::common::stored::wait_until_settled;
use crate::common::tls::{Authority, TlsFiles};
use crate::common::wait;

/// A metric: its type and its labels.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Metric {
    r#type: String,
    labels: BTreeSet<String>,
}

type Metrics = BTreeMap<String, Metric>;

/// Every metric of the product begins with it.
const PREFIX: &str = "energy_pipeline_";

/// The metrics of `docs/metrics.md`.
fn documented() -> Metrics {
    let text = files::text("docs/metrics.md");
    let rows = text.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let columns: Vec<_> = row.split(" | ").collect();
        let name = columns[0].trim_start_matches("| ").trim_matches('`').to_owned();
        let labels =
            columns[2].split("; ").filter_map(|label| label.strip_prefix('`')?.split_once("`: "));
        let labels = labels.map(|(name, _)| name.to_owned()).collect();
        (name, Metric { r#type: columns[1].to_owned(), labels })
    })
    .collect()
}

async fn exposition(role: &Role) -> String {
    let request = role.request(Method::GET, "/metrics").header("accept", "text/plain");
    Reply::of(request).await.text()
}

/// The metrics of an exposition.
fn exposed(text: &str) -> Metrics {
    let mut metrics = Metrics::new();
    for line in text.lines() {
        if let Some(of) = line.strip_prefix("# TYPE ") {
            let (name, r#type) = of.split_once(' ').unwrap();
            metrics.entry(name.to_owned()).or_default().r#type = r#type.to_owned();
        } else if !line.starts_with('#') {
            let (name, labels) = line.split_once('{').unwrap_or((line, ""));
            let own = |name: &str| {
                ["_bucket", "_sum", "_count"]
                    .iter()
                    .find_map(|end| name.strip_suffix(end).map(str::to_owned))
            };
            let name = name.split(' ').next().unwrap();
            let known = metrics.contains_key(name);
            let name = if known { name.to_owned() } else { own(name).unwrap_or_default() };
            let metric = metrics.get_mut(&name).unwrap_or_else(|| panic!("{line} is of no type"));
            let labels = labels.rsplit_once('}').map_or("", |(labels, _)| labels);
            let names =
                labels.split("\",").filter_map(|label| Some(label.split_once('=')?.0.to_owned()));
            metric.labels.extend(names.filter(|name| name != "le"));
        }
    }
    metrics
}

/// The expositions of all three services after requests and entries of all outcomes.
async fn after_some_work(redis: &RedisServer) -> Vec<String> {
    let traced = |launch: crate::common::product::Launch| {
        // No collector listens there: spans that cannot be exported are counted.
        launch.env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    };
    let authority = Authority::new("authority");
    let files = TlsFiles::of(&authority.service());
    let ingestion = files.secure(traced(ingestion_api(redis)));
    let ingestion = ingestion.start_for(authority.http_client()).await;
    let query = query_api(redis).env("RATE_LIMIT_PER_ADDRESS", "1/h");
    let (processing, query) = (processing_service(redis).start().await, query.start().await);
    assert_eq!(ingestion.post("/readings", reading("site").to_string()).await.status, 201);
    assert_eq!(ingestion.post("/readings", "{}").await.status, 422);
    assert_eq!(ingestion.post(batch::PATH, "[{}]").await.status, 422);
    assert_eq!(ingestion.get("/nowhere").await.status, 404);
    add(redis, "*", &[("no".to_owned(), "reading".to_owned())]).await;
    wait_until_settled(redis).await;
    assert_eq!(query.get("/sites/site/readings").await.status, 200);
    assert_eq!(query.get("/sites").await.status, 429);
    let mut texts = Vec::new();
    for role in [&ingestion, &processing, &query] {
        wait::until("the stream was looked at", async || {
            exposition(role).await.contains("\nenergy_pipeline_stream_lag_entries 0\n")
        })
        .await;
        texts.push(exposition(role).await);
    }
    texts.push(exposition_of_keys(redis).await);
    texts.push(exposition_of_bridge(redis).await);
    // Redis has no memory left: the reading is answered with 503.
    redis.run::<()>(&["CONFIG", "SET", "maxmemory", "1"]).await;
    assert_eq!(ingestion.post("/readings", reading("site").to_string()).await.status, 503);
    texts.push(exposition(&ingestion).await);
    texts
}

/// The metrics of an MQTT bridge after a message.
async fn exposition_of_bridge(redis: &RedisServer) -> String {
    let broker = Broker::start().await;
    let bridge = broker.bridge(redis).start().await;
    wait::until("it is subscribed", async || bridge.stderr().contains("subscribed to the")).await;
    broker.publish("energy/readings", "no reading").await;
    wait::until("it is received", async || {
        bridge.counter("energy_pipeline_mqtt_messages_total").await == 1
    })
    .await;
    exposition(&bridge).await
}

/// The metrics of a service with API keys.
async fn exposition_of_keys(redis: &RedisServer) -> String {
    let (keys, [operate]) = KeysFile::with_scopes(["operate"]).await;
    let service = query_api(redis).env("API_KEYS_FILE", keys.path().display()).start().await;
    let request = service.request(Method::GET, "/metrics").header("accept", "text/plain");
    Reply::of(request.bearer_auth(operate)).await.text()
}

#[tokio::test]
async fn exactly_the_documented_metrics_are_exposed_and_all_have_the_prefix() {
    let redis = RedisServer::start_with(&["--maxmemory", "1gb"]).await;
    let documented = documented();
    let mut seen = Metrics::new();
    for text in after_some_work(&redis).await {
        for (name, metric) in exposed(&text) {
            assert!(name.starts_with(PREFIX), "{name}");
            let known = documented.get(&name).unwrap_or_else(|| panic!("{name} is not documented"));
            assert_eq!(metric.r#type, known.r#type, "{name}");
            assert!(metric.labels.is_subset(&known.labels), "{name}: {metric:?}, not {known:?}");
            seen.entry(name).or_insert_with(|| metric.clone()).labels.extend(metric.labels);
        }
    }
    assert_eq!(seen, documented, "documented, but not exposed");
}

#[tokio::test]
async fn no_series_is_named_after_a_site_a_device_or_a_path() {
    let redis = RedisServer::start().await;
    let (ingestion, processing) =
        (ingestion_api(&redis).start().await, processing_service(&redis).start().await);
    ingestion.post("/readings", reading("an-invented-site").to_string()).await;
    wait_until_settled(&redis).await;
    processing.get("/sites/an-invented-site/readings").await;
    processing.get("/an-invented-path").await;
    let request = processing.request(Method::from_bytes(b"INVENTED").unwrap(), "/docs");
    Reply::of(request).await;
    for role in [&ingestion, &processing] {
        let text = exposition(role).await;
        for chosen in ["an-invented", "INVENTED", "\"meter\""] {
            assert!(!text.contains(chosen), "{chosen} is in {text}");
        }
    }
    let text = exposition(&processing).await;
    let series = r#"energy_pipeline_http_server_request_duration_seconds_count{http_request_method="GET",http_response_status_code="200",http_route="/sites/{site_id}/readings"} 1"#;
    assert!(text.contains(series), "{text}");
}

fn promtool(arguments: &[&str], input: &str) -> Output {
    let mut promtool = Command::new("promtool");
    let promtool = promtool.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
    let promtool = promtool.current_dir(files::path("observability/prometheus"));
    let mut child = promtool.stderr(Stdio::piped()).spawn().expect("promtool is installed");
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn assert_passes(output: &Output) {
    let said = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    assert!(output.status.success(), "{}", said.join("\n"));
}

#[tokio::test]
async fn promtool_accepts_the_metrics() {
    let redis = RedisServer::start().await;
    for text in after_some_work(&redis).await {
        assert_passes(&promtool(&["check", "metrics"], &text));
    }
}

#[test]
fn promtool_accepts_the_rules_and_their_tests_pass() {
    assert_passes(&promtool(&["check", "rules", "energy-pipeline.rules.yml"], ""));
    assert_passes(&promtool(&["test", "rules", "energy-pipeline.tests.yml"], ""));
}

/// The words of an expression that may be names of metrics.
fn metrics_in(expression: &str, known: &Metrics) -> BTreeSet<String> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let words = expression.split(|c| !word(c)).filter(|word| word.contains('_'));
    let own = known.values().flat_map(|metric| metric.labels.iter()).collect::<BTreeSet<_>>();
    let words = words.filter(|word| !own.contains(&(*word).to_owned()));
    words.filter(|word| !NOT_METRICS.contains(word)).map(str::to_owned).collect()
}

/// Words with `_` in expressions that are not names of metrics: functions, and the label of the release
/// that the chart's monitors add.
const NOT_METRICS: [&str; 6] = [
    "histogram_quantile",
    "predict_linear",
    "max_over_time",
    "__rate_interval",
    "label_values",
    "app_kubernetes_io_instance",
];

fn assert_exist(place: &str, expression: &str) -> usize {
    let known = documented();
    let series = |name: &String| {
        let base = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
        known.contains_key(name) || base.is_some_and(|base| known.contains_key(base))
    };
    let asked = metrics_in(expression, &known);
    for name in &asked {
        assert!(series(name), "{place} uses {name}, which does not exist: {expression}");
    }
    asked.len()
}

/// The expressions of the alert rules.
fn rules() -> Vec<String> {
    let rules = files::text("observability/prometheus/energy-pipeline.rules.yml");
    let expressions = rules.lines().filter_map(|line| line.trim().strip_prefix("expr: "));
    expressions.map(str::to_owned).collect()
}

#[test]
fn every_metric_of_the_rules_exists() {
    let used: Vec<_> = rules().iter().map(|expr| assert_exist("a rule", expr)).collect();
    assert!(used.len() > 10 && used.iter().all(|&metrics| metrics > 0), "{used:?}");
}

#[test]
fn every_aggregation_of_the_rules_keeps_pipelines_apart() {
    for expression in rules() {
        let aggregations = ["sum", "min", "max"].into_iter().flat_map(|operator| {
            let parts = expression.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
            parts.filter(move |word| *word == operator)
        });
        let by = expression.matches(" by (namespace, app_kubernetes_io_instance").count();
        assert_eq!(aggregations.count(), by, "{expression}");
    }
}

#[test]
fn every_alert_has_a_documented_response() {
    let rules = files::text("observability/prometheus/energy-pipeline.rules.yml");
    let document = files::text("docs/observability.md");
    let alerts = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: "));
    let (known, unknown): (Vec<_>, Vec<_>) =
        alerts.partition(|alert| document.contains(&format!("`{alert}`")));
    assert!(known.len() > 10 && unknown.is_empty(), "not in docs/observability.md: {unknown:?}");
}

/// Names of metrics in a guide: with the prefix in its text, without prefix and `_total` in the first
/// column of the runbook.
fn metrics_of_guide(text: &str) -> BTreeSet<String> {
    let is_word = |c: char| c.is_ascii_lowercase() || c == '_';
    // `energy_pipeline_stream_…` stands for several.
    let words = text.split(|c| !is_word(c)).filter(|word| !word.ends_with('_'));
    let prefixed = words.filter(|word| word.starts_with(PREFIX)).map(str::to_owned);
    let runbook = text.split_once("## Runbook").map_or("", |(_, runbook)| runbook);
    let rows = runbook.lines().filter_map(|line| line.strip_prefix("| `"));
    let counters = rows.filter_map(|row| row.split(['`', '{']).next());
    let counters = counters.filter(|name| name.chars().all(is_word));
    prefixed.chain(counters.map(|name| format!("{PREFIX}{name}_total"))).collect()
}

#[test]
fn every_metric_of_the_guides_exists() {
    let known = documented();
    let mut used = 0;
    for page in ["autoscaling", "delivery-guarantees", "kubernetes", "observability", "operations"]
    {
        for name in metrics_of_guide(&files::text(&format!("docs/{page}.md"))) {
            let exists = known.contains_key(&name) || known.contains_key(&format!("{name}_total"));
            assert!(exists, "docs/{page}.md names {name}, which does not exist");
            used += 1;
        }
    }
    assert!(used > 20, "{used} names found");
}

/// All strings of the dashboard under this key.
fn dashboard(key: &str) -> Vec<String> {
    fn collect(value: &Value, key: &str, found: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                for (name, value) in members {
                    match value.as_str().filter(|_| name == key) {
                        Some(text) => found.push(text.to_owned()),
                        None => collect(value, key, found),
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| collect(item, key, found)),
            _ => {}
        }
    }
    let text = files::text("observability/grafana/energy-pipeline.json");
    let mut found = Vec::new();
    collect(&serde_json::from_str(&text).unwrap(), key, &mut found);
    found
}

#[test]
fn every_metric_of_the_dashboard_exists() {
    let used: Vec<_> =
        dashboard("expr").iter().map(|expr| assert_exist("the dashboard", expr)).collect();
    assert!(used.len() > 15 && used.iter().all(|&metrics| metrics > 0), "{used:?}");
    let variables: Vec<_> =
        dashboard("definition").iter().map(|query| assert_exist("a variable", query)).collect();
    assert_eq!(variables, [1, 1, 1], "namespace, job and instance");
}

#[test]
fn every_series_of_the_dashboard_is_selected_by_namespace_job_and_instance() {
    let selection = r#"namespace=~"$namespace",job=~"$job",instance=~"$instance"}"#;
    for expression in dashboard("expr") {
        let (series, selected) =
            (expression.matches(PREFIX).count(), expression.matches(selection).count());
        assert!(series > 0 && series == selected, "{expression}");
    }
}
