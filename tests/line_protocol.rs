//! Line protocol, as Telegraf, Home Assistant and the clients of InfluxDB send it: requests with the headers and bodies
//! that their sources write.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use reqwest::{Method, RequestBuilder};
use serde_json::Value;

use crate::common::http::{Http, Reply};
use crate::common::keys::KeysFile;
use crate::common::product::{Role, ingestion_api, processing_service};
use crate::common::redis::{DEAD_LETTERS, RedisServer, STREAM};

const V2: &str = "/api/v2/write?org=home&bucket=house-01";
const V1: &str = "/write?db=house-01";

async fn started() -> (RedisServer, Role) {
    let redis = RedisServer::start().await;
    let ingestion = ingestion_api(&redis).start().await;
    (redis, ingestion)
}

fn request(server: &Http, path: &str, lines: impl Into<Vec<u8>>) -> RequestBuilder {
    let request = server.request(Method::POST, path).body(lines.into());
    request.header("content-type", "text/plain; charset=utf-8")
}

async fn write(server: &Http, path: &str, lines: impl Into<Vec<u8>>) -> Reply {
    Reply::of(request(server, path, lines)).await
}

/// Site, device, power and timestamp of each entry.
async fn appended(redis: &RedisServer) -> Vec<[String; 4]> {
    let entries = redis.entries(STREAM).await.into_iter();
    let values = |index: usize| move |fields: &[(String, String)]| fields[index].1.clone();
    entries.map(|entry| [0, 1, 2, 3].map(|index| values(index)(&entry.fields))).collect()
}

fn own(values: [&str; 4]) -> [String; 4] {
    values.map(str::to_owned)
}

fn message(reply: &Reply) -> (u16, String) {
    let body = reply.json();
    assert_eq!(body["message"], body["error"], "{body}");
    (reply.status, body["message"].as_str().unwrap().to_owned())
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn a_batch_of_telegraf_is_stored_and_what_is_not_power_is_ignored() {
    let (redis, ingestion) = started().await;
    let lines = "cpu,cpu=cpu0,host=pi usage_idle=99.5,usage_user=0.5 1705314600000000000\n\
                 modbus,host=pi,name=main-meter,slave_id=1,type=holding_register power=1500.5,energy_kwh=17.5 1705314600000000000\n\
                 shelly,host=pi,device=plug\\ 1 apower=0i,output=true,source=\"init\" 1705314601500000000\n";
    let sent = request(&ingestion, V2, gzip(lines))
        .header("content-encoding", "gzip")
        .header("user-agent", "Telegraf/1.38.0 Go/1.25.5");
    assert_eq!(Reply::of(sent).await.status, 204);
    let expected = [
        ["house-01", "main-meter", "1500.5", "2024-01-15T10:30:00Z"],
        ["house-01", "plug 1", "0.0", "2024-01-15T10:30:01.500Z"],
    ];
    assert_eq!(appended(&redis).await, expected.map(own));
    for (outcome, lines) in [("appended", 2), ("unmapped", 1), ("rejected", 0)] {
        let labels = format!(r#"{{outcome="{outcome}",receiver="line_protocol"}}"#);
        let name = format!("energy_pipeline_receiver_readings_total{labels}");
        assert_eq!(ingestion.counter(&name).await, lines, "{outcome}");
    }
}

#[tokio::test]
async fn home_assistant_is_set_up_and_its_states_are_stored_in_watts() {
    let (redis, ingestion) = started().await;
    // Its set-up for version 2 takes a 400 for an empty body as the sign that it works, that of version 1 a 2xx.
    assert_eq!(message(&write(&ingestion, V2, "").await).0, 400);
    assert_eq!(write(&ingestion, V1, "").await.status, 204);
    let lines = "W,domain=sensor,entity_id=plug_power device_class_str=\"power\",value=42.5 1705314600123456789\n\
                 kW,domain=sensor,entity_id=inverter value=1.1 1705314600123456789\n\
                 kWh,domain=sensor,entity_id=meter value=1234.5 1705314600123456789\n\
                 W,domain=sensor,entity_id=old state=\"unavailable\" 1705314600123456789\n";
    assert_eq!(write(&ingestion, V2, lines).await.status, 204);
    let expected = [
        ["house-01", "plug_power", "42.5", "2024-01-15T10:30:00.123456Z"],
        ["house-01", "inverter", "1100.0", "2024-01-15T10:30:00.123456Z"],
    ];
    assert_eq!(appended(&redis).await, expected.map(own));
}

#[tokio::test]
async fn a_timestamp_has_the_unit_of_the_request() {
    let (redis, ingestion) = started().await;
    for (path, precision, timestamp) in [
        (V2, "ns", "1705314600000000000"),
        (V2, "us", "1705314600000001"),
        (V2, "ms", "1705314600002"),
        (V2, "s", "1705314603"),
        (V1, "n", "1705314600004000000"),
        (V1, "u", "1705314600005000"),
        (V1, "m", "28421911"),
        (V1, "h", "473699"),
    ] {
        let path = format!("{path}&precision={precision}");
        assert_eq!(write(&ingestion, &path, format!("m power=1 {timestamp}")).await.status, 204);
    }
    let times: Vec<_> = appended(&redis).await.into_iter().map(|[.., time]| time).collect();
    let expected =
        ["30:00", "30:00.000001", "30:00.002", "30:03", "30:00.004", "30:00.005", "31:00"];
    let expected: Vec<_> = expected.iter().map(|time| format!("2024-01-15T10:{time}Z")).collect();
    assert_eq!(times, [&expected[..], &["2024-01-15T11:00:00Z".to_owned()]].concat());
    let unknown = write(&ingestion, &format!("{V2}&precision=day"), "m power=1 1").await;
    assert_eq!(message(&unknown).0, 400);
    assert!(message(&unknown).1.starts_with("precision: Input should be one of"));
}

#[tokio::test]
async fn valid_lines_are_accepted_beside_invalid_ones_which_have_dead_letters() {
    let (redis, ingestion) = started().await;
    let lines = "m,device=a power=1 1705314600000000000\nm,device=b power=oops 1705314600000000000\n\
                 m,device=c power=-5 1705314600000000000\nm,device=d power=2 1705314600000000000\n";
    let reply = write(&ingestion, V2, lines).await;
    let (status, sentence) = message(&reply);
    assert_eq!((status, reply.json()["code"].as_str()), (400, Some("invalid")));
    assert!(
        sentence.starts_with(
            "partial write: 2 rejected, 2 accepted, 0 without a mapped field; line 2: "
        ),
        "{sentence}"
    );
    let devices: Vec<_> =
        appended(&redis).await.into_iter().map(|[_, device, ..]| device).collect();
    assert_eq!(devices, ["a", "d"]);
    let dead_letters = redis.entries(DEAD_LETTERS).await;
    let rows: Vec<_> = dead_letters.iter().map(|letter| &letter.fields[2].1[..12]).collect();
    assert_eq!(rows, ["m,device=b p", "m,device=c p"]);
    assert!(dead_letters[1].fields[1].1.contains("power_reading"), "{dead_letters:?}");
    assert_eq!(ingestion.counter("energy_pipeline_readings_rejected_total").await, 2);
    // Sent again: nothing is there twice.
    write(&ingestion, V2, lines).await;
    assert_eq!(appended(&redis).await.len(), 2);
    assert_eq!(redis.entries(DEAD_LETTERS).await.len(), 2);
}

#[tokio::test]
async fn a_rejected_line_is_listed_with_its_reason_cannot_be_retried_and_can_be_deleted() {
    let (redis, ingestion) = started().await;
    let processing = processing_service(&redis).start().await;
    write(&ingestion, V2, "m power=1 noon").await;
    let listed = processing.get("/pipeline/dead-letters").await.json();
    let letter = &listed["dead_letters"][0];
    assert_eq!(letter["receiver"], "line_protocol");
    assert_eq!(
        letter["fields"][0],
        serde_json::json!({ "name": "row", "value": "m power=1 noon" })
    );
    assert!(letter["reason"].as_str().unwrap().contains("a timestamp is a whole number"));
    let path = format!("/pipeline/dead-letters/{}", letter["id"].as_str().unwrap());
    let retried = processing.post(&format!("{path}/retry"), "").await;
    assert_eq!(
        (retried.status, &retried.json()["code"]),
        (409, &"dead_letter_not_retryable".into())
    );
    let deleted = Reply::of(processing.request(Method::DELETE, &path)).await;
    assert_eq!((deleted.status, redis.run::<usize>(&["XLEN", DEAD_LETTERS]).await), (204, 0));
    assert_eq!(redis.run::<usize>(&["XLEN", STREAM]).await, 0);
}

#[tokio::test]
async fn rejected_lines_do_not_fill_redis() {
    let (redis, ingestion) = started().await;
    for request in 0..12 {
        let lines = (0..1_000).map(|line| format!("m power=x{line} {request}"));
        let lines = lines.collect::<Vec<_>>().join("\n");
        assert_eq!(write(&ingestion, V2, lines).await.status, 400);
    }
    assert_eq!(redis.run::<usize>(&["XLEN", DEAD_LETTERS]).await, 10_000);
    assert_eq!(ingestion.counter("energy_pipeline_readings_rejected_total").await, 12_000);
}

#[tokio::test]
async fn a_line_with_a_timestamp_is_appended_once_in_whichever_request_it_is_sent() {
    let (redis, ingestion) = started().await;
    let line = |device: usize| format!("m,device=d{device} power=1 1705314600000000000\n");
    let lines = |range: std::ops::Range<usize>| range.map(line).collect::<Vec<_>>().concat();
    for (path, range) in [(V2, 0..1_500), (V1, 0..1_500), (V2, 1_000..2_000), (V2, 0..1)] {
        assert_eq!(write(&ingestion, path, lines(range)).await.status, 204);
    }
    assert_eq!(appended(&redis).await.len(), 2_000);
    for other in
        ["m,device=d0 power=2 1705314600000000000", "m,device=d0 power=1 1705314600000001000"]
    {
        write(&ingestion, V2, other).await;
    }
    write(&ingestion, "/api/v2/write?bucket=house-02", line(0)).await;
    assert_eq!(appended(&redis).await.len(), 2_003);
}

#[tokio::test]
async fn a_line_without_a_timestamp_has_the_time_of_its_arrival_and_each_request_adds_it() {
    let (redis, ingestion) = started().await;
    for _ in 0..2 {
        assert_eq!(write(&ingestion, V2, "m power=1").await.status, 204);
    }
    let appended = appended(&redis).await;
    assert_eq!(appended.len(), 2);
    let year = chrono::Utc::now().format("%Y").to_string();
    assert!(appended.iter().all(|[.., time]| time.starts_with(&year)), "{appended:?}");
}

#[tokio::test]
async fn a_request_needs_a_bucket_or_a_database_and_lines() {
    let (redis, ingestion) = started().await;
    for (path, lines, expected) in [
        ("/api/v2/write?org=x", "m power=1", "bucket: Field required"),
        ("/api/v2/write?bucket=", "m power=1", "bucket: Field required"),
        ("/write", "m power=1", "db: Field required"),
        (V2, "\n# comment\n", "writing requires points"),
    ] {
        assert_eq!(message(&write(&ingestion, path, lines).await), (400, expected.to_owned()));
    }
    let broken = request(&ingestion, V2, "no gzip").header("content-encoding", "gzip");
    assert_eq!(message(&Reply::of(broken).await).0, 400);
    let other = request(&ingestion, V2, "x").header("content-encoding", "br");
    assert_eq!(message(&Reply::of(other).await).0, 415);
    let many = "m power=1 1\n".repeat(50_001);
    assert_eq!(message(&write(&ingestion, V2, many).await).0, 413);
    assert_eq!(appended(&redis).await.len(), 0);
}

#[tokio::test]
async fn the_mapping_is_a_setting() {
    let redis = RedisServer::start().await;
    let ingestion = ingestion_api(&redis)
        .env("LINE_PROTOCOL_FIELDS", "total=kW@em,a=W+a,b=-W+b")
        .env("LINE_PROTOCOL_SITE_TAGS", "house")
        .env("LINE_PROTOCOL_DEVICE_TAGS", "id");
    let ingestion = ingestion.start().await;
    let line = "em,house=h1,id=m1,host=pi a=1,b=-2,power=9,total=0.29 1705314600000000000";
    assert_eq!(write(&ingestion, V2, line).await.status, 204);
    let rows: Vec<_> = appended(&redis)
        .await
        .into_iter()
        .map(|[site, device, power, _]| [site, device, power])
        .collect();
    let expected = [["h1", "m1.a", "1.0"], ["h1", "m1.b", "2.0"], ["h1", "m1", "290.0"]];
    assert_eq!(rows, expected.map(|row| row.map(str::to_owned)));
    let ended = ingestion_api(&redis).env("LINE_PROTOCOL_FIELDS", "energy=kWh").run().await;
    assert_eq!(ended.status.code(), Some(2));
    assert!(
        ended.stderr.contains("LINE_PROTOCOL_FIELDS") && ended.stderr.contains("counter of energy"),
        "{}",
        ended.stderr
    );
}

#[tokio::test]
async fn an_api_key_is_the_token_or_the_password() {
    let redis = RedisServer::start().await;
    let keys = KeysFile::new();
    let key = keys.create(&["--name", "telegraf", "--scope", "write", "--site", "house-*"]).await;
    let reader = keys.create(&["--name", "reader", "--scope", "read"]).await;
    let ingestion = ingestion_api(&redis).env("API_KEYS_FILE", keys.path().display());
    let ingestion = ingestion.start().await;
    let line = |number: u64| format!("m power={number} 1705314600000000000");
    let v1 = |parameters: &str| format!("{V1}{parameters}");
    let token = |key: &str| {
        request(&ingestion, V2, line(1)).header("authorization", format!("Token {key}"))
    };
    for (status, sent) in [
        (204, token(&key)),
        (204, token(&format!("user:{key}"))),
        (204, request(&ingestion, V1, line(2)).basic_auth("user", Some(&key))),
        (204, request(&ingestion, &v1(&format!("&u=user&p={key}")), line(3))),
        (401, request(&ingestion, V2, line(4))),
        (401, token("wrong")),
        (401, request(&ingestion, V1, line(4)).basic_auth("root", Some("root"))),
        (401, request(&ingestion, &v1("&u=root&p=root"), line(4))),
        (403, token(&reader)),
        (401, ingestion.request(Method::POST, &format!("/query?q=SHOW%20DATABASES&p={key}x"))),
        (200, ingestion.request(Method::POST, &format!("/query?q=SHOW%20DATABASES&p={key}"))),
        (204, ingestion.request(Method::GET, "/ping")),
    ] {
        let reply = Reply::of(sent).await;
        assert_eq!(reply.status, status, "{reply:?}");
        if status > 400 {
            message(&reply);
        }
    }
    assert_eq!(appended(&redis).await.len(), 3);
    // A password is that of paths of these clients only.
    let other = ingestion.request(Method::POST, "/readings").basic_auth("user", Some(&key));
    assert_eq!(Reply::of(other).await.status, 401);
}

#[tokio::test]
async fn a_site_that_the_key_does_not_permit_is_forbidden_alone_and_a_rejected_line_among_others() {
    let redis = RedisServer::start().await;
    let keys = KeysFile::new();
    let key = keys.create(&["--name", "telegraf", "--scope", "write", "--site", "house-*"]).await;
    let ingestion = ingestion_api(&redis).env("API_KEYS_FILE", keys.path().display());
    let ingestion = ingestion.start().await;
    let send = |lines: &str| Reply::of(request(&ingestion, V2, lines.to_owned()).bearer_auth(&key));
    // All of it: the sender keeps it, so nothing is dead-lettered.
    let alone = send("m,site=shop power=1 1705314600000000000").await;
    assert_eq!((alone.status, alone.json()["code"].as_str()), (403, Some("forbidden")));
    assert_eq!(redis.run::<usize>(&["XLEN", DEAD_LETTERS]).await, 0);
    let mixed =
        send("m power=1 1705314600000000000\nm,site=shop power=1 1705314600000000000").await;
    assert_eq!(message(&mixed).0, 400);
    assert_eq!(appended(&redis).await.len(), 1);
    assert_eq!(redis.run::<usize>(&["XLEN", DEAD_LETTERS]).await, 1);
}

#[tokio::test]
async fn lines_count_in_rate_limits_and_a_full_backlog_or_redis_away_is_to_be_tried_again() {
    let redis = RedisServer::start().await;
    let limited = ingestion_api(&redis).env("RATE_LIMIT_PER_ADDRESS", "10/s burst=20");
    let limited = limited.start().await;
    let lines =
        |count: usize| (0..count).map(|n| format!("m power={n} 1\n")).collect::<Vec<_>>().concat();
    assert_eq!(message(&write(&limited, V2, lines(21)).await).0, 413);
    assert_eq!(write(&limited, V2, lines(10)).await.status, 204);
    let above = write(&limited, V2, lines(20)).await;
    assert_eq!(message(&above).0, 429);
    assert!(above.header("retry-after").parse::<u64>().unwrap() >= 1);

    let full = ingestion_api(&redis).env("MAX_BACKLOG", "1").start().await;
    let replied = crate::common::wait::until_some("the backlog is full", async || {
        let reply = write(&full, V2, lines(1)).await;
        (reply.status == 503).then_some(reply)
    });
    let replied = replied.await;
    assert_eq!((replied.header("retry-after"), message(&replied).0), ("5", 503));
}

#[tokio::test]
async fn clients_find_a_server_of_the_protocol() {
    let (_redis, ingestion) = started().await;
    for method in [Method::GET, Method::HEAD] {
        let pong = Reply::of(ingestion.request(method, "/ping")).await;
        assert_eq!((pong.status, pong.header("x-influxdb-version")), (204, "1.8.10"));
        assert!(pong.header("x-influxdb-build").starts_with("energy-pipeline "));
    }
    let form = ingestion.request(Method::POST, "/query").body("q=CREATE+DATABASE+%22telegraf%22");
    let form = form.header("content-type", "application/x-www-form-urlencoded");
    let created: Value = Reply::of(form).await.json();
    assert_eq!(created, serde_json::json!({ "results": [{ "statement_id": 0 }] }));
    let shown = ingestion.get("/query?q=SHOW+DATABASES&db=house-01").await.json();
    assert_eq!(shown["results"][0]["series"][0]["values"], serde_json::json!([["house-01"]]));
    let selected = ingestion.get("/query?q=SELECT+*+FROM+m&db=house-01").await;
    assert_eq!(message(&selected).0, 400);
}
