//! Rate limits of client addresses: which requests count as one client's, and what a client above its limit gets.

use std::net::IpAddr;
use std::time::Duration;

use reqwest::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::common::batch;
use crate::common::collector::Collector;
use crate::common::http::{Http, Reply};
use crate::common::import::{Input, figure, import, powers, rows};
use crate::common::keys::KeysFile;
use crate::common::nginx::Nginx;
use crate::common::product::{Launch, Role, ingestion_api};
use crate::common::readings::reading;
use crate::common::redis::{RedisServer, STREAM};
use crate::common::up::{Up, up};
use crate::common::wait;

/// Two requests at once, and no more for longer than a test takes.
const TWO: &str = "1/h burst=2";

const REJECTED: &str = "energy_pipeline_http_server_requests_rate_limited_total";

fn limited(redis: &RedisServer, rate: &str) -> Launch {
    ingestion_api(redis).env("RATE_LIMIT_PER_ADDRESS", rate)
}

/// A reading that a client sends, with these addresses in `X-Forwarded-For`.
async fn post(server: &Http, forwarded_for: Option<&str>) -> Reply {
    let request = server.request(Method::POST, "/readings");
    let mut request = request.body(reading("site").to_string());
    if let Some(addresses) = forwarded_for {
        request = request.header("x-forwarded-for", addresses);
    }
    Reply::of(request).await
}

/// The statuses of as many requests.
async fn statuses<const N: usize>(server: &Http, forwarded_for: [Option<&str>; N]) -> [u16; N] {
    let mut statuses = [0; N];
    for (status, addresses) in statuses.iter_mut().zip(forwarded_for) {
        *status = post(server, addresses).await.status;
    }
    statuses
}

fn from(server: &Http, address: &str) -> Http {
    Http::from_address(server.base(), address.parse().unwrap())
}

/// Sends readings until one is rejected.
async fn until_rejected(server: &Http) -> Reply {
    wait::until_some("a request is above the limit", async || {
        Some(post(server, None).await).filter(|reply| reply.status != 201)
    })
    .await
}

#[tokio::test]
async fn a_client_above_its_limit_gets_429_and_is_accepted_after_retry_after() {
    let redis = RedisServer::start().await;
    let ingestion = limited(&redis, "30/min burst=3").start().await;
    let rejected = until_rejected(&ingestion).await;
    assert_eq!(rejected.status, 429, "{rejected:?}");
    let body = rejected.json();
    assert_eq!(body["code"], "rate_limited");
    assert_eq!(body["request_id"], rejected.header("x-request-id"));
    assert!(rejected.detail().contains("client address is 30/min burst=3"), "{body}");
    let seconds = rejected.header("retry-after").parse().unwrap();
    assert!((1..=2).contains(&seconds), "{seconds}");
    // What the client is asked to do.
    sleep(Duration::from_secs(seconds)).await;
    assert_eq!(post(&ingestion, None).await.status, 201);
}

#[tokio::test]
async fn other_clients_and_probes_are_not_affected() {
    let redis = RedisServer::start().await;
    let ingestion = limited(&redis, TWO).start().await;
    assert_eq!(statuses(&ingestion, [None; 4]).await, [201, 201, 429, 429]);
    assert_eq!(statuses(&from(&ingestion, "127.0.0.2"), [None; 2]).await, [201, 201]);
    for _ in 0..5 {
        for path in ["/livez", "/readyz", "/health", "/metrics"] {
            assert_eq!(ingestion.get(path).await.status, 200, "{path}");
        }
    }
    // Every other path counts, also one that does not exist.
    assert_eq!(ingestion.get("/docs").await.status, 429);
    assert_eq!(ingestion.get("/nowhere").await.status, 429);
    assert_eq!(ingestion.counter(REJECTED).await, 4);
    let log = ingestion.stderr();
    let line = log.lines().find(|line| line.contains("above its rate limit")).unwrap();
    assert!(line.contains("127.0.0.1") && line.contains(TWO), "{line}");
}

#[tokio::test]
async fn without_a_trusted_proxy_no_header_changes_whose_a_request_is() {
    let redis = RedisServer::start().await;
    for trusted in ["", "10.0.0.0/8,::1"] {
        let ingestion = limited(&redis, TWO).env("FORWARDED_FROM", trusted).start().await;
        let forged = ["192.0.2.1", "192.0.2.2", "10.0.0.1", "127.0.0.2, 10.0.0.1"].map(Some);
        assert_eq!(statuses(&ingestion, forged).await, [201, 201, 429, 429], "{trusted:?}");
    }
}

#[tokio::test]
async fn behind_a_trusted_proxy_a_client_is_the_last_address_that_is_not_a_proxy() {
    let redis = RedisServer::start().await;
    let trusted = limited(&redis, TWO).env("FORWARDED_FROM", "127.0.0.1,10.0.0.0/8");
    let ingestion = trusted.start().await;
    // What a client sends itself precedes its address.
    let forged = ["192.0.2.1", "1.1.1.1, 192.0.2.1", "2.2.2.2, 192.0.2.1, 10.1.1.1"].map(Some);
    assert_eq!(statuses(&ingestion, forged).await, [201, 201, 429]);
    // A network is one client; the proxy itself is another.
    let network = ["2001:db8::1", "[2001:db8::2]:443", "2001:db8::3", "2001:db8:0:1::1"].map(Some);
    assert_eq!(statuses(&ingestion, network).await, [201, 201, 429, 201]);
    assert_eq!(statuses(&ingestion, [None; 3]).await, [201, 201, 429]);
    // A client that reaches the service directly cannot be another one.
    let direct = from(&ingestion, "127.0.0.9");
    assert_eq!(statuses(&direct, ["192.0.2.7"; 3].map(Some)).await, [201, 201, 429]);
}

#[tokio::test]
async fn nginx_of_the_page_passes_its_clients_on() {
    let redis = RedisServer::start().await;
    let ingestion = limited(&redis, TWO).env("FORWARDED_FROM", "127.0.0.1").start().await;
    let nginx = Nginx::before(ingestion.base(), ingestion.base()).await;
    let page = Http::at(&nginx.api());
    let one = from(&page, "127.0.0.2");
    assert_eq!(statuses(&one, [None, Some("192.0.2.1")]).await, [201, 201]);
    let rejected = post(&one, Some("192.0.2.2")).await;
    assert_eq!((rejected.status, rejected.json()["code"].as_str()), (429, Some("rate_limited")));
    assert!(rejected.header("retry-after").parse::<u64>().unwrap() >= 1);
    assert_eq!(post(&from(&page, "127.0.0.3"), None).await.status, 201);
}

#[tokio::test]
async fn all_ports_of_a_process_have_one_limit() {
    let directory = tempfile::tempdir().unwrap();
    let launch = up(directory.path()).env("RATE_LIMIT_PER_ADDRESS", TWO);
    let up = Up::launched(launch, directory.path()).await;
    let page = Http::at(&format!("{}/api", up.page.base()));
    let other = from(&page, "127.0.0.2");
    assert_eq!(post(&page, None).await.status, 201);
    assert_eq!(up.processing.get("/sites").await.status, 200);
    for server in [&up.page, &up.ingestion, &up.processing] {
        assert_eq!(server.get("/").await.status, 429, "{}", server.base());
    }
    // The services behind the page's port know its clients.
    assert_eq!(statuses(&other, [None; 3]).await, [201, 201, 429]);
}

#[tokio::test]
async fn each_key_has_its_own_rate_or_that_of_all_keys() {
    let (redis, keys) = (RedisServer::start().await, KeysFile::new());
    let mut tokens = Vec::new();
    for (name, rate) in [("own", &["--rate", "1/h burst=3"][..]), ("other", &[])] {
        tokens.push(keys.create(&[&["--name", name, "--scope", "write"], rate].concat()).await);
    }
    let launch = ingestion_api(&redis).env("API_KEYS_FILE", keys.path().display());
    let ingestion = launch.env("RATE_LIMIT_PER_KEY", TWO).start().await;
    let send = async |token: &str| {
        let request = ingestion.request(Method::POST, "/readings").bearer_auth(token);
        Reply::of(request.body(reading("site").to_string())).await
    };
    for (token, burst) in [(&tokens[0], 3), (&tokens[1], 2)] {
        for _ in 0..burst {
            assert_eq!(send(token).await.status, 201);
        }
        let rejected = send(token).await;
        assert_eq!(
            (rejected.status, rejected.json()["code"].as_str()),
            (429, Some("rate_limited"))
        );
        assert!(
            rejected.detail().contains(&format!("API key is 1/h burst={burst}")),
            "{rejected:?}"
        );
        assert!(rejected.header("retry-after").parse::<u64>().unwrap() > 1_000);
        assert_eq!(rejected.json()["request_id"], rejected.header("x-request-id"));
    }
    let log = ingestion.stderr();
    assert!(log.contains("a request of an API key above its rate limit was rejected"), "{log}");
    assert!(log.contains("own") && !log.contains(&tokens[0]), "{log}");
    // Without a key no limit of a key applies.
    assert_eq!(send("").await.status, 401);
    assert_eq!(ingestion.get("/livez").await.status, 200);
}

#[tokio::test]
async fn each_row_of_a_batch_counts_as_a_request_of_the_address_and_of_the_key() {
    const RATE: &str = "1/h burst=10";
    let (redis, keys) = (RedisServer::start().await, KeysFile::new());
    let token = keys.create(&["--name", "gateway", "--scope", "write"]).await;
    let with_keys = ingestion_api(&redis).env("API_KEYS_FILE", keys.path().display());
    for (client, launch) in [
        ("client address", limited(&redis, RATE)),
        ("API key", with_keys.env("RATE_LIMIT_PER_KEY", RATE)),
    ] {
        let ingestion = launch.start().await;
        let send = async |rows| {
            let body = batch::ndjson(&batch::rows(rows));
            Reply::of(batch::request(&ingestion, batch::NDJSON, body).bearer_auth(&token)).await
        };
        let stored = redis.entries(STREAM).await.len();
        assert_eq!(send(6).await.status, 200, "{client}");
        let too_many = send(11).await;
        assert_eq!(too_many.status, 413, "{client}: {too_many:?}");
        assert!(too_many.detail().contains("10 readings at most"), "{too_many:?}");
        // 7 so far: 6 rows, and the request of 11.
        let rejected = send(5).await;
        assert_eq!(
            (rejected.status, rejected.json()["code"].as_str()),
            (429, Some("rate_limited"))
        );
        assert!(rejected.detail().contains(client), "{rejected:?}");
        assert!(rejected.header("retry-after").parse::<u64>().unwrap() > 1_000);
        // A batch that is rejected costs one.
        assert_eq!(send(2).await.status, 200, "{client}");
        assert_eq!(redis.entries(STREAM).await.len(), stored + 8, "{client}");
    }
}

/// A thousand requests on one connection, each of another client behind a trusted proxy.
async fn send_from_addresses(role: &Role, addresses: std::ops::Range<u32>) {
    let address = role.base().strip_prefix("http://").unwrap();
    let (mut responses, mut requests) = TcpStream::connect(address).await.unwrap().into_split();
    let head = |address: u32| {
        let client = IpAddr::from(address.to_be_bytes());
        let close = if address % 1_000 == 999 { "Connection: close\r\n" } else { "" };
        format!(
            "GET /nowhere HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: {client}\r\n{close}\r\n"
        )
    };
    let heads = addresses.map(head).collect::<String>();
    let sending = async move { requests.write_all(heads.as_bytes()).await.unwrap() };
    let receiving = async move {
        let mut received = Vec::new();
        responses.read_to_end(&mut received).await.unwrap();
        String::from_utf8(received).unwrap().matches("HTTP/1.1 404 ").count()
    };
    let ((), found) = tokio::join!(sending, receiving);
    assert_eq!(found, 1_000);
}

#[tokio::test]
async fn any_number_of_addresses_uses_the_same_memory() {
    let redis = RedisServer::prepared(&[]);
    let launch = limited(&redis, "1000/s").env("FORWARDED_FROM", "127.0.0.1");
    let ingestion = launch.start().await;
    send_from_addresses(&ingestion, 0..1_000).await;
    let before = ingestion.memory_kb("VmRSS");
    for thousand in 1..100 {
        send_from_addresses(&ingestion, thousand * 1_000..(thousand + 1) * 1_000).await;
    }
    let after = ingestion.memory_kb("VmRSS");
    // The table itself is half a megabyte.
    assert!(after < before + 3 * 1024, "{before} kB have become {after} kB");
}

#[tokio::test]
async fn an_import_slows_down_to_the_limit_and_loses_no_row() {
    let redis = RedisServer::start().await;
    let ingestion = limited(&redis, "100/s burst=50").start().await;
    let input = Input::new("a.ndjson", rows(400));
    let ended = import(&input.file, ingestion.base()).run().await;
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    let figures = ["accepted", "rejected", "failed", "unknown"].map(|name| figure(&ended, name));
    assert_eq!(figures, [400, 0, 0, 0]);
    assert_eq!(powers(&redis).await, (0..400).map(f64::from).collect::<Vec<_>>());
    assert!(ingestion.counter(REJECTED).await > 0);
}

#[tokio::test]
async fn the_span_of_a_request_has_the_address_of_its_client() {
    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    let (redis, collector) = (RedisServer::prepared(&[]), Collector::start().await);
    let launch = ingestion_api(&redis).env("FORWARDED_FROM", "127.0.0.1");
    let launch = launch.env("OTEL_EXPORTER_OTLP_ENDPOINT", collector.http());
    let ingestion = launch.env("OTEL_BSP_SCHEDULE_DELAY", 50).start().await;
    let request = ingestion.request(Method::GET, "/livez");
    let request = request.header("traceparent", format!("00-{TRACE}-b7ad6b7169203331-01"));
    Reply::of(request.header("x-forwarded-for", "192.0.2.1")).await;
    let span = wait::until_some("the span has arrived", async || {
        collector.trace(TRACE).into_iter().find(|span| span.name() == "GET /livez")
    });
    assert_eq!(span.await.attribute("client.address"), "192.0.2.1");
}
