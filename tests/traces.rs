//! A reading is one trace, from its request to the command that stores it, across two processes and
//! a stream.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use crate::common::collector::{Collector, Received};
use crate::common::http::Reply;
use crate::common::product::{Launch, Role, ingestion_api, processing_service, query_api};
use crate::common::readings::reading;
use crate::common::redis::{GROUP, RedisServer, STREAM};
use crate::common::stored::{members, wait_until_settled};
use crate::common::wait;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "b7ad6b7169203331";

const SERVER: i32 = 2;
const CLIENT: i32 = 3;
const PRODUCER: i32 = 4;
const CONSUMER: i32 = 5;

fn traced(launch: Launch, collector: &Collector) -> Launch {
    let launch = launch.env("OTEL_EXPORTER_OTLP_ENDPOINT", collector.http());
    launch.env("OTEL_BSP_SCHEDULE_DELAY", 50)
}

fn traced_over_grpc(launch: Launch, collector: &Collector) -> Launch {
    traced(launch, collector)
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", collector.grpc())
        .env("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
}

/// Sends a reading like a client with traces of its own.
async fn send(ingestion: &Role, sampled: bool, headers: &[(&str, &str)]) -> String {
    let flags = if sampled { "01" } else { "00" };
    let request = ingestion.request(Method::POST, "/readings").body(reading("site").to_string());
    let request = request.header("traceparent", format!("00-{TRACE}-{CALLER}-{flags}"));
    let request =
        headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let reply = Reply::of(request).await;
    assert_eq!(reply.status, 201, "{reply:?}");
    reply.json()["stream_id"].as_str().unwrap().to_owned()
}

/// The one span of a trace with this name and this parent.
fn span(trace: &[Received], name: &str, parent: &str) -> Received {
    let found: Vec<_> =
        trace.iter().filter(|span| span.name() == name && span.parent_id() == parent).collect();
    let [span] = found[..] else { panic!("not one {name} under {parent}: {trace:#?}") };
    span.clone()
}

async fn wait_for_span(collector: &Collector, name: &str) {
    wait::until(&format!("{name} has arrived"), async || {
        collector.trace(TRACE).iter().any(|span| span.name() == name)
    })
    .await;
}

/// Asserts that the trace of a reading is complete, and returns its consumer span.
async fn assert_is_one_trace(collector: &Collector, id: &str, command: &str) -> Received {
    wait::until("the work has arrived", async || {
        let trace = collector.trace(TRACE);
        trace.iter().any(|span| {
            span.name() == "process energy_readings"
                && span.attribute("messaging.operation.name") == command
        })
    })
    .await;
    wait_for_span(collector, "POST /readings").await;
    let trace = collector.trace(TRACE);
    let request = span(&trace, "POST /readings", CALLER);
    assert_eq!((request.span.kind, &*request.service), (SERVER, "energy-pipeline-ingestion-api"));
    for (key, value) in [
        ("http.request.method", "POST"),
        ("http.route", "/readings"),
        ("url.path", "/readings"),
        ("http.response.status_code", "201"),
    ] {
        assert_eq!(request.attribute(key), value, "{key}");
    }
    let sending = span(&trace, "send energy_readings", &request.span_id());
    assert_eq!(sending.span.kind, PRODUCER);
    assert_eq!(sending.attribute("messaging.message.id"), id);
    assert_eq!(sending.attribute("messaging.destination.name"), STREAM);
    // A service that starts also reads its pending entries, possibly those that it just claimed.
    let is_by_command = |span: &&Received| {
        span.name() != "process energy_readings"
            || span.attribute("messaging.operation.name") == command
    };
    let by_command: Vec<_> = trace.iter().filter(is_by_command).cloned().collect();
    let work = span(&by_command, "process energy_readings", &sending.span_id());
    assert_eq!((work.span.kind, &*work.service), (CONSUMER, "energy-pipeline-processing-service"));
    for (key, value) in [
        ("messaging.system", "redis"),
        ("messaging.operation.type", "process"),
        ("messaging.operation.name", command),
        ("messaging.message.id", id),
        ("messaging.consumer.group.name", GROUP),
        ("messaging.client.id", "consumer-1"),
    ] {
        assert_eq!(work.attribute(key), value, "{key}");
    }
    for stored in ["ZADD", "XACK"] {
        let exchange = span(&trace, stored, &work.span_id());
        assert_eq!(
            (exchange.span.kind, exchange.attribute("db.system.name")),
            (CLIENT, "redis".into())
        );
        assert!(exchange.span.start_time_unix_nano >= work.span.start_time_unix_nano);
        assert!(exchange.span.end_time_unix_nano <= work.span.end_time_unix_nano);
    }
    assert_delivery_links(collector, &work, &sending).await;
    work
}

/// The span of the delivery is in a trace of its own; the two link to each other.
async fn assert_delivery_links(collector: &Collector, work: &Received, sending: &Received) {
    let [(delivery_trace, delivery_span)] = &work.links()[..] else { panic!("{work:?}") };
    assert_ne!(delivery_trace, TRACE);
    wait::until("the delivery's span has arrived", async || {
        !collector.trace(delivery_trace).is_empty()
    })
    .await;
    let delivery = span(&collector.trace(delivery_trace), "process energy_readings", "");
    assert_eq!(&delivery.span_id(), delivery_span);
    assert_eq!(delivery.links(), [(TRACE.to_owned(), sending.span_id())]);
    assert_eq!(delivery.attribute("messaging.batch.message_count"), "1");
}

#[tokio::test]
async fn a_reading_is_one_trace_from_the_request_to_the_write() {
    let (redis, collector) = (RedisServer::start().await, Collector::start().await);
    let ingestion = traced(ingestion_api(&redis), &collector).start().await;
    let _processing = traced(processing_service(&redis), &collector).start().await;
    let id = send(&ingestion, true, &[]).await;
    let work = assert_is_one_trace(&collector, &id, "XREADGROUP").await;
    let trace = collector.trace(TRACE);
    let sending = span(&trace, "XADD", &work.parent_id());
    assert_eq!(
        (sending.span.kind, sending.attribute("db.operation.name")),
        (CLIENT, "XADD".into())
    );
}

#[tokio::test]
async fn it_is_one_trace_also_over_grpc_and_with_an_idempotency_key() {
    let (redis, collector) = (RedisServer::start().await, Collector::start().await);
    let mut ingestion = traced_over_grpc(ingestion_api(&redis), &collector).start().await;
    let mut processing = traced_over_grpc(processing_service(&redis), &collector).start().await;
    let id = send(&ingestion, true, &[("idempotency-key", "first")]).await;
    assert_is_one_trace(&collector, &id, "XREADGROUP").await;
    for role in [&mut ingestion, &mut processing] {
        role.terminate();
        assert_eq!(role.exit_code().await, Some(0));
    }
}

#[tokio::test]
async fn it_is_one_trace_also_when_another_consumer_claims_the_entry() {
    let (redis, collector) = (RedisServer::start().await, Collector::start().await);
    let ingestion = traced(ingestion_api(&redis), &collector).start().await;
    wait::until("there is a group", async || redis.group().await.lag.is_some()).await;
    let id = send(&ingestion, true, &[]).await;
    redis.deliver_to("dead", 1).await;
    let processing = traced(processing_service(&redis), &collector).env("CLAIM_MIN_IDLE_MS", 100);
    let _processing = processing.start().await;
    assert_is_one_trace(&collector, &id, "XAUTOCLAIM").await;
}

#[tokio::test]
async fn the_context_is_a_field_after_those_of_the_contract_and_not_in_the_member() {
    let (redis, collector) = (RedisServer::start().await, Collector::start().await);
    let ingestion = traced(ingestion_api(&redis), &collector).start().await;
    send(&ingestion, true, &[]).await;
    let entry = redis.entries(STREAM).await.remove(0);
    let names: Vec<_> = entry.fields.iter().map(|(name, _)| name.as_str()).collect();
    let contract = ["site_id", "device_id", "power_reading", "timestamp", "ingested_at"];
    assert_eq!(names[..5], contract);
    assert_eq!(names[5..], ["traceparent"]);
    wait_for_span(&collector, "send energy_readings").await;
    let trace = collector.trace(TRACE);
    let sending = trace.iter().find(|span| span.name() == "send energy_readings").unwrap();
    assert_eq!(entry.fields[5].1, format!("00-{TRACE}-{}-01", sending.span_id()));
    // The service that stores it need not have traces enabled.
    let _processing = processing_service(&redis).start().await;
    wait_until_settled(&redis).await;
    let member = &members(&redis, "site").await[0].text;
    assert!(!member.contains("traceparent") && !member.contains(TRACE), "{member}");
}

#[tokio::test]
async fn an_unsampled_request_adds_nothing_to_the_stream_and_exports_no_span() {
    let (redis, collector) = (RedisServer::start().await, Collector::start().await);
    let unsampled_caller = traced(ingestion_api(&redis), &collector).start().await;
    let off = traced(ingestion_api(&redis), &collector).env("OTEL_TRACES_SAMPLER", "always_off");
    let off = off.start().await;
    let none = traced(ingestion_api(&redis), &collector)
        .env("OTEL_TRACES_SAMPLER", "traceidratio")
        .env("OTEL_TRACES_SAMPLER_ARG", "0");
    let none = none.start().await;
    let disabled = traced(ingestion_api(&redis), &collector).env("OTEL_SDK_DISABLED", "true");
    let disabled = disabled.start().await;
    let processing = traced(processing_service(&redis), &collector).start().await;
    send(&unsampled_caller, false, &[]).await;
    for ingestion in [&off, &none, &disabled] {
        send(ingestion, true, &[]).await;
        assert_eq!(ingestion.post("/readings", reading("site").to_string()).await.status, 201);
        send(ingestion, true, &[("idempotency-key", "k")]).await;
    }
    wait_until_settled(&redis).await;
    let entries = redis.entries(STREAM).await;
    // All three have the same key, so there is one entry.
    assert_eq!(entries.len(), 8);
    assert!(entries.iter().all(|entry| entry.fields.len() == 5), "{entries:?}");
    let mut roles = [unsampled_caller, off, none, disabled, processing];
    for role in &mut roles {
        role.terminate();
        assert_eq!(role.exit_code().await, Some(0));
    }
    assert_eq!(collector.spans().len(), 0, "{:?}", collector.spans());
}

#[tokio::test]
async fn probes_and_scrapes_are_not_traced() {
    let (redis, collector) = (RedisServer::start().await, Collector::start().await);
    let query = traced(query_api(&redis), &collector).start().await;
    for path in ["/livez", "/readyz", "/health", "/metrics", "/sites/site/readings"] {
        query.get(path).await;
    }
    // Spans are exported in the order of their ends, and those of Redis commands end earlier.
    let names =
        || -> Vec<_> { collector.spans().iter().map(|span| span.name().to_owned()).collect() };
    let expected = "GET /sites/{site_id}/readings".to_owned();
    wait::until("the query has arrived", async || names().contains(&expected)).await;
    let names = names();
    assert!(!names.iter().any(|name| name.contains('z') || name.contains("health")), "{names:?}");
}

#[tokio::test]
async fn pending_spans_are_exported_at_shutdown() {
    let (redis, collector) = (RedisServer::start().await, Collector::start().await);
    let launch = traced(ingestion_api(&redis), &collector).env("OTEL_BSP_SCHEDULE_DELAY", 600_000);
    let mut ingestion = launch.start().await;
    send(&ingestion, true, &[]).await;
    assert_eq!(collector.spans().len(), 0);
    ingestion.terminate();
    assert_eq!(ingestion.exit_code().await, Some(0));
    assert_eq!(collector.trace(TRACE).len(), 3);
}

async fn assert_costs_nothing_but_a_counter(launch: fn(Launch) -> Launch) {
    let redis = RedisServer::start().await;
    let away = |role: Launch| launch(role).env("OTEL_BSP_SCHEDULE_DELAY", 20);
    let mut ingestion = away(ingestion_api(&redis)).start().await;
    let mut processing = away(processing_service(&redis)).start().await;
    for _ in 0..100 {
        send(&ingestion, true, &[]).await;
    }
    wait_until_settled(&redis).await;
    assert_eq!(members(&redis, "site").await.len(), 100);
    wait::until("what was not sent is counted", async || {
        ingestion.counter("energy_pipeline_spans_exported_total").await >= 300
            && processing.counter("energy_pipeline_spans_exported_total").await >= 300
    })
    .await;
    for role in [&mut ingestion, &mut processing] {
        role.terminate();
        assert_eq!(role.exit_code().await, Some(0));
        let stderr = role.stderr();
        let told = stderr.lines().filter(|line| line.contains("collector")).count();
        assert!((1..=10).contains(&told), "{told} lines in {stderr}");
    }
}

#[tokio::test]
async fn an_unreachable_collector_only_raises_a_counter() {
    assert_costs_nothing_but_a_counter(|role| {
        role.env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    })
    .await;
}

#[tokio::test]
async fn an_unreachable_grpc_collector_only_raises_a_counter() {
    assert_costs_nothing_but_a_counter(|role| {
        role.env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
            .env("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    })
    .await;
}

#[tokio::test]
async fn a_collector_that_never_responds_does_not_block_the_shutdown() {
    let redis = RedisServer::start().await;
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    let launch = ingestion_api(&redis).env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint);
    let mut ingestion = launch.env("OTEL_BSP_SCHEDULE_DELAY", 20).start().await;
    send(&ingestion, true, &[]).await;
    let began = std::time::Instant::now();
    ingestion.terminate();
    assert_eq!(ingestion.exit_code().await, Some(0));
    assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_log_line_has_the_request_id_and_the_trace_id() {
    let (redis, collector) = (RedisServer::start().await, Collector::start().await);
    let ingestion = traced(ingestion_api(&redis), &collector).start().await;
    wait::until("there is a group", async || redis.group().await.lag.is_some()).await;
    redis.run::<()>(&["CONFIG", "SET", "maxmemory", "1"]).await;
    let request = ingestion.request(Method::POST, "/readings").body(reading("site").to_string());
    let request = request.header("traceparent", format!("00-{TRACE}-{CALLER}-01"));
    let reply = Reply::of(request.header("x-request-id", "request-7")).await;
    assert_eq!((reply.status, reply.header("x-request-id")), (503, "request-7"));
    wait::until("it is told", async || ingestion.stderr().contains("request-7")).await;
    let stderr = ingestion.stderr();
    let line = stderr.lines().find(|line| line.contains("request-7")).unwrap();
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!(line["message"], "a reading was not accepted");
    assert_eq!([&line["request_id"], &line["trace_id"]], [&json!("request-7"), &json!(TRACE)]);
    // The span has the status of an error, and the log line as an event.
    wait_for_span(&collector, "POST /readings").await;
    let trace = collector.trace(TRACE);
    let request = span(&trace, "POST /readings", CALLER);
    assert_eq!(line["span_id"], json!(request.span_id()));
    assert_eq!(request.attribute("error.type"), "503");
    assert_eq!(request.span.status.as_ref().unwrap().code, 2);
    let events: Vec<_> = request.span.events.iter().map(|event| event.name.as_str()).collect();
    assert_eq!(events, ["a reading was not accepted"]);
}

#[tokio::test]
async fn metrics_are_exported_when_configured_and_those_of_conventions_without_the_prefix() {
    let (redis, collector) = (RedisServer::start().await, Collector::start().await);
    let launch = traced(ingestion_api(&redis), &collector).env("OTEL_METRIC_EXPORT_INTERVAL", 100);
    let ingestion = launch.env("OTEL_METRICS_EXPORTER", "otlp").start().await;
    assert_eq!(ingestion.post("/readings", reading("site").to_string()).await.status, 201);
    let conventions = ["http.server.request.duration", "db.client.operation.duration"];
    wait::until("both histograms have arrived", async || {
        conventions.iter().all(|name| collector.metric_names().contains(*name))
    })
    .await;
    for name in collector.metric_names() {
        let is_convention = conventions.contains(&name.as_str());
        assert_ne!(name.starts_with("energy_pipeline_"), is_convention, "{name}");
    }
}

#[tokio::test]
async fn an_invalid_sampler_or_ratio_fails_the_start() {
    let redis = RedisServer::start().await;
    for (variable, value, rule) in [
        ("OTEL_TRACES_SAMPLER", "sometimes", "must be always_on"),
        ("OTEL_TRACES_SAMPLER_ARG", "2", "must be a number from 0 to 1"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "smoke", "http/protobuf"),
        ("OTEL_RESOURCE_ATTRIBUTES", "nonsense", "must be key=value"),
    ] {
        let launch = ingestion_api(&redis).env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9");
        let launch = launch.env("OTEL_TRACES_SAMPLER", "traceidratio").env(variable, value);
        let ended = launch.run().await;
        assert!(ended.status.code().is_some_and(|code| code != 0), "{variable}={value}");
        for told in [variable, rule] {
            assert!(ended.stderr.contains(told), "{variable}={value}: {}", ended.stderr);
        }
    }
}
