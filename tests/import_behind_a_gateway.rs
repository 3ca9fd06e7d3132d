//! `import` through the page's nginx and other gateways: their responses for a service that is
//! unavailable, busy or slow lose no row and duplicate none.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::common::import::{Input, figure, import, powers, rows};
use crate::common::nginx::Nginx;
use crate::common::product::{Role, ingestion_api};
use crate::common::redis::{RedisServer, STREAM, free_port};
use crate::common::wait;

const ROWS: usize = 30_000;

fn all(count: usize) -> Vec<f64> {
    (0..u32::try_from(count).unwrap()).map(f64::from).collect()
}

async fn entries(redis: &RedisServer) -> usize {
    redis.run(&["XLEN", STREAM]).await
}

async fn start_at(redis: &RedisServer, port: u16) -> Role {
    ingestion_api(redis).env("INGESTION_PORT", port).start().await
}

#[tokio::test]
async fn an_ingestion_api_unavailable_for_a_while_behind_nginx_loses_no_row() {
    let (redis, port) = (RedisServer::start().await, free_port());
    let mut ingestion = start_at(&redis, port).await;
    let nginx = Nginx::before(ingestion.base(), ingestion.base()).await;
    let input = Input::new("a.ndjson", rows(ROWS));
    let import = import(&input.file, &nginx.api()).arg("--retry-for").arg("30");
    let mut import = import.arg("--rejects").arg(input.rejects()).start_process();
    wait::until("the import is under way", async || entries(&redis).await > ROWS / 10).await;
    ingestion.kill9();
    wait::until("the import notices", async || import.stderr().contains(" 502 ")).await;
    tokio::time::sleep(Duration::from_millis(1_500)).await; // how long it is away
    let _ingestion = start_at(&redis, port).await;
    let ended = import.ended().await;
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    let figures = ["accepted", "rejected", "failed", "unknown"].map(|name| figure(&ended, name));
    assert_eq!(figures, [ROWS as u64, 0, 0, 0]);
    assert_eq!(powers(&redis).await, all(ROWS), "each row once");
}

/// What a gateway does with a request, by its number.
type Whim = fn(usize) -> Treatment;

#[derive(Clone, Copy)]
enum Treatment {
    /// Forwards the request and its response.
    Pass,
    /// Forwards the request, and responds with this when the service has responded.
    PassAndAnswer(&'static str),
    /// Responds with this at once.
    Answer(&'static str),
    /// Forwards the request, and closes the connection when the service has responded.
    PassAndBreak,
}

/// A faulty gateway in front of a service.
async fn gateway(service: &Role, whim: Whim) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let target = service.base().strip_prefix("http://").unwrap().to_owned();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(between(client, target.clone(), Arc::clone(&counted), whim));
        }
    });
    (url, count)
}

async fn between(mut client: TcpStream, target: String, count: Arc<AtomicUsize>, whim: Whim) {
    let mut service = TcpStream::connect(target).await.unwrap();
    let mut buffer = vec![0; 16 * 1024];
    // Requests and responses are small: each arrives in one piece, or in two in a row.
    while let Some(request) = message(&mut client, &mut buffer).await {
        let treatment = whim(count.fetch_add(1, Ordering::Relaxed));
        let mut answer = Vec::new();
        if !matches!(treatment, Treatment::Answer(_)) {
            service.write_all(&request).await.unwrap();
            answer = message(&mut service, &mut buffer).await.expect("the service answers");
        }
        match treatment {
            Treatment::PassAndBreak => return,
            Treatment::Answer(text) | Treatment::PassAndAnswer(text) => answer = text.into(),
            Treatment::Pass => {}
        }
        if client.write_all(&answer).await.is_err() {
            return;
        }
    }
}

/// A message with a body of the length in its head.
async fn message(stream: &mut TcpStream, buffer: &mut [u8]) -> Option<Vec<u8>> {
    let mut message = Vec::new();
    loop {
        let read = stream.read(buffer).await.ok().filter(|read| *read > 0)?;
        message.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&message).to_ascii_lowercase();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
        if body.len() >= length.map_or(0, |length| length.trim().parse().unwrap()) {
            return Some(message);
        }
    }
}

const BAD_GATEWAY: &str =
    "HTTP/1.1 502 Bad Gateway\r\ncontent-type: text/html\r\ncontent-length: 6\r\n\r\n<html>";
const GATEWAY_TIMEOUT: &str = "HTTP/1.1 504 Gateway Timeout\r\ncontent-length: 0\r\n\r\n";

#[tokio::test]
async fn a_row_forwarded_before_a_502_a_504_or_no_response_is_stored_once() {
    for batch_size in ["1", "5"] {
        let redis = RedisServer::start().await;
        let ingestion = ingestion_api(&redis).start().await;
        let (url, _) = gateway(&ingestion, |number| match number % 40 {
            10 => Treatment::PassAndAnswer(BAD_GATEWAY),
            20 => Treatment::PassAndAnswer(GATEWAY_TIMEOUT),
            30 => Treatment::PassAndBreak,
            _ => Treatment::Pass,
        })
        .await;
        let input = Input::new("a.ndjson", rows(500));
        let import = import(&input.file, &url).arg("--concurrency").arg("4");
        let ended = import.arg("--batch-size").arg(batch_size).run().await;
        assert_eq!(ended.status.code(), Some(0), "{ended:?}");
        assert_eq!((figure(&ended, "accepted"), figure(&ended, "unknown")), (500, 0));
        assert!(figure(&ended, "replayed") > 20, "{ended:?}");
        assert_eq!(powers(&redis).await, all(500), "batches of {batch_size}");
    }
}

#[tokio::test]
async fn a_row_possibly_forwarded_by_a_gateway_ends_as_unknown_and_never_as_failed() {
    let redis = RedisServer::start().await;
    let ingestion = ingestion_api(&redis).start().await;
    let (url, _) = gateway(&ingestion, |_| Treatment::PassAndAnswer(BAD_GATEWAY)).await;
    let input = Input::new("a.ndjson", rows(20));
    let import = import(&input.file, &url).arg("--retry-for").arg("1");
    let ended = import.arg("--rejects").arg(input.rejects()).run().await;
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert_eq!(figure(&ended, "failed"), 0, "{ended:?}");
    let unknown = figure(&ended, "unknown");
    assert!(unknown >= entries(&redis).await as u64, "each that is there is among them");
    assert!(input.rejected().iter().all(|entry| entry["outcome"] == "unknown"));
}

#[tokio::test]
async fn a_rate_limit_is_waited_for() {
    const LIMITED: &str =
        "HTTP/1.1 429 Too Many Requests\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n";
    let redis = RedisServer::start().await;
    let ingestion = ingestion_api(&redis).start().await;
    let (url, count) = gateway(&ingestion, |number| match number % 150 {
        100..150 => Treatment::Answer(LIMITED),
        _ => Treatment::Pass,
    })
    .await;
    let (input, began) = (Input::new("a.ndjson", rows(150)), Instant::now());
    let import = import(&input.file, &url).arg("--concurrency").arg("60");
    let ended = import.arg("--batch-size").arg("1").run().await;
    assert_eq!((ended.status.code(), figure(&ended, "accepted")), (Some(0), 150), "{ended:?}");
    assert!(began.elapsed() > Duration::from_secs(1));
    assert!(ended.stderr.contains(" 429 Too Many Requests; rows are retried"), "{}", ended.stderr);
    assert!(count.load(Ordering::Relaxed) >= 200);
    assert_eq!(powers(&redis).await, all(150));
}

#[tokio::test]
async fn the_url_of_the_page_is_recognised_as_not_that_of_the_api() {
    let redis = RedisServer::start().await;
    let ingestion = ingestion_api(&redis).start().await;
    let nginx = Nginx::before(ingestion.base(), ingestion.base()).await;
    let input = Input::new("a.ndjson", rows(10));
    let ended = import(&input.file, nginx.api().trim_end_matches("/api")).run().await;
    assert_eq!((ended.status.code(), figure(&ended, "rows")), (Some(1), 1), "{ended:?}");
    assert!(ended.stderr.contains("web page with /api"), "{}", ended.stderr);
}

#[tokio::test]
async fn a_redirect_is_reported_and_not_followed() {
    const MOVED: &str = "HTTP/1.1 308 Permanent Redirect\r\nlocation: https://example.org/api/readings\r\n\
        content-length: 0\r\n\r\n";
    let redis = RedisServer::start().await;
    let ingestion = ingestion_api(&redis).start().await;
    let (url, count) = gateway(&ingestion, |_| Treatment::Answer(MOVED)).await;
    let input = Input::new("a.ndjson", rows(10));
    let ended = import(&input.file, &url).run().await;
    assert_eq!((ended.status.code(), count.load(Ordering::Relaxed)), (Some(1), 1), "{ended:?}");
    assert!(ended.stderr.contains("try --url https://example.org/api\n"), "{}", ended.stderr);
}

#[tokio::test]
async fn a_proxy_that_is_unreachable_or_requires_a_password_is_named_once() {
    const PASSWORD: &str =
        "HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n";
    let redis = RedisServer::start().await;
    let ingestion = ingestion_api(&redis).start().await;
    let (guarded, _) = gateway(&ingestion, |_| Treatment::Answer(PASSWORD)).await;
    let away = format!("http://127.0.0.1:{}", free_port());
    let input = Input::new("a.ndjson", rows(10));
    for (proxy, says) in [
        (&away, format!("cannot be reached through the proxy {away}: Connection refused")),
        (&guarded, "the proxy requires credentials".to_owned()),
    ] {
        // An address for documentation; only the proxy receives the request.
        let import = import(&input.file, "http://192.0.2.1").env("http_proxy", proxy);
        let ended = import.arg("--retry-for").arg("0").arg("--concurrency").arg("1").run().await;
        assert_eq!(ended.status.code(), Some(1), "{ended:?}");
        assert!(ended.stderr.contains(&says), "{}", ended.stderr);
        assert!(ended.stderr.matches("Connection refused").count() <= 2, "{}", ended.stderr);
    }
}
