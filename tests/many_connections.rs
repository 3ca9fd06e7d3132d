//! More connections than the limit: memory stays bounded, and probes get responses.

use std::time::Duration;

use tokio::time::sleep;

use crate::common::http::RawConnection;
use crate::common::product::{Role, ingestion_api, processing_service};
use crate::common::redis::RedisServer;
use crate::common::wait;

/// Connections that have sent this text, and send no more.
async fn stalled(
    role: &Role,
    count: usize,
    bytes: impl Fn(usize) -> Vec<u8>,
) -> Vec<RawConnection> {
    let mut connections = Vec::new();
    for n in 0..count {
        let mut connection = role.raw().await;
        connection.try_send(&bytes(n));
        connections.push(connection);
    }
    connections
}

fn unfinished_head(size: usize) -> Vec<u8> {
    [b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ".as_slice(), &vec![b'a'; size]].concat()
}

fn unfinished_body() -> Vec<u8> {
    let head = b"POST /readings HTTP/1.1\r\nHost: localhost\r\nContent-Length: 65536\r\n\r\n";
    [head.as_slice(), &vec![b' '; 65_000]].concat()
}

#[tokio::test]
async fn incomplete_heads_and_bodies_use_bounded_memory() {
    let redis = RedisServer::start().await;
    let (ingestion, processing) =
        (ingestion_api(&redis).start().await, processing_service(&redis).start().await);
    for role in [&ingestion, &processing] {
        let idle = role.memory_kb("VmRSS");
        for size in [15_000, 400_000] {
            let _connections = stalled(role, 800, |_| unfinished_head(size)).await;
            assert_eq!(role.get("/readyz").await.status, 200);
        }
        let mixture = |n: usize| {
            if n.is_multiple_of(2) { unfinished_head(390_000) } else { unfinished_body() }
        };
        let _connections = stalled(role, 800, mixture).await;
        assert_eq!(role.get("/readyz").await.status, 200);
        let most = role.memory_kb("VmHWM") - idle;
        assert!(most < 24 * 1024, "the connections have had {most} kB");
    }
}

#[tokio::test]
async fn idle_connections_are_closed_for_new_ones() {
    let redis = RedisServer::start().await;
    let ingestion = ingestion_api(&redis).env("MAX_CONNECTIONS", 16).start().await;
    let mut clients = Vec::new();
    for _ in 0..40 {
        let mut client = ingestion.raw().await;
        client.send("GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
        clients.push(client);
        assert_eq!(ingestion.get("/livez").await.status, 200);
    }
    assert!(
        ingestion.counter("energy_pipeline_http_server_connections_over_limit_total").await >= 20
    );
    wait::until("it is logged", async || ingestion.stderr().contains("too many connections")).await;
}

#[tokio::test]
async fn probes_get_responses_while_all_connections_are_busy() {
    let redis = RedisServer::start().await;
    let ingestion = ingestion_api(&redis).env("MAX_CONNECTIONS", 16).start().await;
    let _busy = stalled(&ingestion, 16, |_| unfinished_body()).await;
    for path in ["/livez", "/readyz", "/health", "/metrics"] {
        let reply = ingestion.get(path).await;
        assert_eq!((reply.status, reply.header("connection")), (200, "close"), "{path}");
    }
    let refused = ingestion.post("/readings", "{}").await;
    assert_eq!((refused.status, refused.header("retry-after")), (503, "5"));
    assert!(!refused.header("x-request-id").is_empty() && !refused.detail().is_empty());
}

#[tokio::test]
async fn idle_connections_are_closed_after_the_configured_time() {
    let redis = RedisServer::start().await;
    let ingestion = ingestion_api(&redis).env("KEEP_ALIVE", "4s").start().await;
    let mut client = ingestion.raw().await;
    client.send("GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    // Half the time idle: the second request starts it again.
    sleep(Duration::from_secs(2)).await;
    client.send("GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    let answered = std::time::Instant::now();
    assert_eq!(client.text().await.matches("HTTP/1.1 200 OK").count(), 2);
    let idle = answered.elapsed();
    assert!((Duration::from_secs(3)..Duration::from_secs(9)).contains(&idle), "{idle:?}");
}

#[tokio::test]
async fn an_incomplete_head_does_not_delay_the_shutdown() {
    let redis = RedisServer::start().await;
    let mut ingestion = ingestion_api(&redis).start().await;
    let _stalled = stalled(&ingestion, 3, |_| b"POST /readings HTTP/1.1\r\nHo".to_vec()).await;
    assert_eq!(ingestion.get("/livez").await.status, 200);
    let began = std::time::Instant::now();
    ingestion.terminate();
    assert_eq!(ingestion.exit_code().await, Some(0));
    assert!(began.elapsed() < Duration::from_secs(3), "after {:?}", began.elapsed());
}
