//! Limits, slow clients, large responses and the shutdown are those of plain connections.

use std::time::{Duration, Instant};

use reqwest::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::common::http::{Http, Reply};
use crate::common::product::{Launch, Role, ingestion_api, query_api};
use crate::common::readings::reading;
use crate::common::redis::RedisServer;
use crate::common::tls::{Authority, TlsFiles, address};
use crate::common::{stored, wait};

/// A role with HTTPS.
struct Secure {
    authority: Authority,
    _files: TlsFiles,
    role: Role,
}

impl Secure {
    async fn start(launch: Launch) -> Self {
        let authority = Authority::new("authority");
        let files = TlsFiles::of(&authority.service());
        let role = files.secure(launch).start_for(authority.http_client()).await;
        Self { authority, _files: files, role }
    }
}

/// Connections that have sent the begin of a handshake, and send no more.
async fn stalled_handshakes(role: &Http, count: usize) -> Vec<TcpStream> {
    let mut connections = Vec::new();
    for _ in 0..count {
        let mut connection = TcpStream::connect(address(role)).await.unwrap();
        connection.write_all(&[0x16, 0x03, 0x01, 0x02, 0x00, 0x01]).await.unwrap();
        connections.push(connection);
    }
    connections
}

#[tokio::test]
async fn handshakes_that_never_complete_block_no_other_client() {
    let redis = RedisServer::start().await;
    let secure = Secure::start(ingestion_api(&redis).env("MAX_CONNECTIONS", 16)).await;
    let _stalled = stalled_handshakes(&secure.role, 300).await;
    for _ in 0..20 {
        // Each by a connection of its own.
        let http = Http::with(secure.authority.http_client(), secure.role.base());
        let began = Instant::now();
        assert_eq!(http.get("/readyz").await.status, 200);
        assert!(began.elapsed() < wait::AT_ONCE, "after {:?}", began.elapsed());
    }
    let most = secure.role.memory_kb("VmHWM");
    assert!(most < 64 * 1024, "it has had {most} kB");
}

#[tokio::test]
async fn a_large_response_arrives_complete() {
    let redis = RedisServer::start().await;
    stored::insert(&redis, "large", 0..200_000).await;
    let plain = query_api(&redis).start().await;
    let secure = Secure::start(query_api(&redis)).await;
    let expected = plain.get("/sites/large/readings").await;
    let reply = secure.role.get("/sites/large/readings").await;
    assert_eq!((expected.status, reply.status), (200, 200));
    assert!(reply.body == expected.body, "{} and {} bytes", reply.body.len(), expected.body.len());
    assert_eq!(reply.json()["readings"].as_array().unwrap().len(), 200_000);
}

#[tokio::test]
async fn a_slow_client_gets_the_whole_response_and_one_that_reads_nothing_is_disconnected() {
    const LARGE: &[u8] =
        b"GET /sites/large/readings HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let redis = RedisServer::start().await;
    stored::insert(&redis, "large", 0..100_000).await;
    let secure = Secure::start(query_api(&redis)).await;
    let mut slow = secure.authority.connect(&secure.role).await;
    let mut stalled = secure.authority.connect(&secure.role).await;
    slow.write_all(LARGE).await.unwrap();
    stalled.write_all(LARGE).await.unwrap();
    for _ in 0..50 {
        slow.read_exact(&mut [0; 10_000]).await.expect("the slow client is not cut off");
        sleep(Duration::from_millis(500)).await;
    }
    let mut rest = Vec::new();
    slow.read_to_end(&mut rest).await.expect("the slow client is not cut off");
    assert!(rest.ends_with(b"]}\r\n0\r\n\r\n"));
    wait::until("the stalled client is disconnected", async || {
        let open = secure.role.request(Method::GET, "/metrics").header("accept", "text/plain");
        let open = Reply::of(open).await.text();
        open.contains("\nenergy_pipeline_http_server_open_connections 1\n")
    })
    .await;
    assert!(stalled.read_to_end(&mut Vec::new()).await.is_err(), "its response is incomplete");
}

#[tokio::test]
async fn an_early_response_reaches_a_client_that_sends_all_before_it_reads() {
    let redis = RedisServer::start().await;
    let secure = Secure::start(ingestion_api(&redis)).await;
    for size in [100_000, 3_000_000] {
        let mut connection = secure.authority.connect(&secure.role).await;
        let head =
            format!("POST /readings HTTP/1.1\r\nHost: localhost\r\nContent-Length: {size}\r\n\r\n");
        connection.write_all(head.as_bytes()).await.unwrap();
        connection.write_all(&vec![b' '; size]).await.expect("the body is read");
        let mut response = String::new();
        connection.read_to_string(&mut response).await.expect("the end is a close_notify");
        assert!(response.starts_with("HTTP/1.1 413 "), "{size}: {response}");
    }
}

#[tokio::test]
async fn a_client_that_ends_its_side_gets_its_response() {
    let redis = RedisServer::start().await;
    let secure = Secure::start(ingestion_api(&redis)).await;
    let mut connection = secure.authority.connect(&secure.role).await;
    let body = reading("site").to_string();
    let head = format!(
        "POST /readings HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    connection.write_all((head + &body).as_bytes()).await.unwrap();
    connection.shutdown().await.unwrap();
    let mut response = String::new();
    connection.read_to_string(&mut response).await.expect("the end is a close_notify");
    assert!(response.starts_with("HTTP/1.1 201 "), "{response}");
}

#[tokio::test]
async fn bytes_that_are_no_request_get_a_response_with_a_code() {
    let redis = RedisServer::start().await;
    let secure = Secure::start(ingestion_api(&redis)).await;
    let mut connection = secure.authority.connect(&secure.role).await;
    connection.write_all(b"nonsense\r\n\r\n").await.unwrap();
    let mut response = String::new();
    connection.read_to_string(&mut response).await.expect("the end is a close_notify");
    assert!(response.starts_with("HTTP/1.1 400 "), "{response}");
    assert!(response.contains("\"code\":\"malformed_request\""), "{response}");
}

#[tokio::test]
async fn a_shutdown_completes_requests_and_ends_idle_connections_and_handshakes() {
    let redis = RedisServer::start().await;
    let mut secure = Secure::start(ingestion_api(&redis)).await;
    let _stalled = stalled_handshakes(&secure.role, 3).await;
    let mut idle = secure.authority.connect(&secure.role).await;
    let mut busy = secure.authority.connect(&secure.role).await;
    let body = reading("site").to_string();
    let head = format!(
        "POST /readings HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    busy.write_all(head.as_bytes()).await.unwrap();
    assert_eq!(secure.role.get("/livez").await.status, 200);
    let began = Instant::now();
    secure.role.terminate();
    assert_eq!(idle.read_to_end(&mut Vec::new()).await.expect("the end is a close_notify"), 0);
    busy.write_all(body.as_bytes()).await.unwrap();
    let mut response = String::new();
    busy.read_to_string(&mut response).await.expect("the end is a close_notify");
    assert!(response.starts_with("HTTP/1.1 201 "), "{response}");
    assert_eq!(secure.role.exit_code().await, Some(0));
    assert!(began.elapsed() < Duration::from_secs(3), "after {:?}", began.elapsed());
}
