//! Responses sent before the request's body has arrived reach clients that send all of it before
//! they read (RFC 9112, 9.6), and use no memory.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::common::http::RawConnection;
use crate::common::product::{Role, ingestion_api, query_api};
use crate::common::redis::RedisServer;

/// Sends a request like Python's `http.client`: reads only after all of it is sent. In a thread of
/// its own, as it blocks.
async fn sent_at_once(role: &Role, request: Vec<u8>) -> String {
    let address = role.base().strip_prefix("http://").unwrap().to_owned();
    let asking = tokio::task::spawn_blocking(move || {
        let mut connection = TcpStream::connect(address).unwrap();
        connection.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        connection.write_all(&request).expect("the server takes the whole request");
        let mut answer = String::new();
        connection.read_to_string(&mut answer).expect("the server answers and closes");
        answer
    });
    asking.await.unwrap()
}

fn request(method: &str, path: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\n{headers}Content-Length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

#[tokio::test]
async fn a_413_reaches_a_client_that_sends_all_of_its_body_first() {
    let redis = RedisServer::start().await;
    let ingestion = ingestion_api(&redis).start().await;
    for (size, times) in [(64 * 1024 + 1, 20), (300_000, 20), (3_000_000, 20), (30_000_000, 5)] {
        let request = request("POST", "/readings", "", &vec![b' '; size]);
        for n in 0..times {
            let answer = sent_at_once(&ingestion, request.clone()).await;
            assert!(answer.starts_with("HTTP/1.1 413 "), "{n} of {size} bytes: {answer}");
            assert!(answer.contains("connection: close\r\n") && answer.contains("\"detail\""));
        }
    }
    assert!(ingestion.memory_kb("VmHWM") < 64 * 1024, "what is dropped fills the memory");
}

#[tokio::test]
async fn every_response_sent_before_the_body_arrives_is_received() {
    let redis = RedisServer::start().await;
    let (ingestion, query) = (ingestion_api(&redis).start().await, query_api(&redis).start().await);
    let body = vec![b' '; 2_000_000];
    let chunked = [
        b"POST /readings HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1e8480\r\n"
            .as_slice(),
        &body,
        b"\r\n0\r\n\r\n",
    ];
    let gzip = [
        b"POST /readings HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip, chunked\r\n\r\n1e8480\r\n"
            .as_slice(),
        &body,
        b"\r\n0\r\n\r\n",
    ];
    let long_head =
        format!("GET /livez HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n", "x".repeat(2_000_000));
    for (role, request, status) in [
        (&ingestion, chunked.concat(), 413),
        (&ingestion, gzip.concat(), 501),
        (&ingestion, request("POST", "/nowhere", "", &body), 404),
        (&ingestion, request("PUT", "/readings", "", &body), 405),
        (&ingestion, request("GET", "/livez", "", &body), 200),
        (&ingestion, request("POST", "/readings", "Host: y\r\n", &body), 400),
        (&ingestion, long_head.into_bytes(), 431),
        (&query, request("DELETE", "/pipeline/dead-letters/1-1", "", &body), 404),
        (&query, request("DELETE", "/sites", "", &body), 405),
    ] {
        let head = String::from_utf8_lossy(&request[..60]).into_owned();
        for _ in 0..5 {
            let answer = sent_at_once(role, request.clone()).await;
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{head:?}: {answer}");
        }
    }
}

#[tokio::test]
async fn a_client_that_expects_100_continue_does_not_send_too_large_a_body() {
    let redis = RedisServer::start().await;
    let ingestion = ingestion_api(&redis).start().await;
    let head = |length: usize| {
        format!(
            "POST /readings HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nExpect: 100-continue\r\n\
             Content-Length: {length}\r\n\r\n"
        )
    };
    let mut connection = ingestion.raw().await;
    connection.send(head(65_537)).await;
    assert_eq!(connection.reply().await.status, 413, "at once, and without asking for the body");
    let mut connection = ingestion.raw().await;
    connection.send(format!("{}{{}}", head(2))).await;
    let reply = connection.reply().await;
    assert_eq!(reply.status, 100, "the body is asked for: {reply:?}");
}

#[tokio::test]
async fn a_connection_is_kept_after_a_body_that_was_read() {
    let redis = RedisServer::start().await;
    let ingestion = ingestion_api(&redis).start().await;
    let mut connection = ingestion.raw().await;
    for _ in 0..3 {
        connection
            .send("POST /readings HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}")
            .await;
    }
    connection.send("GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await;
    assert_eq!(statuses(connection).await, [422, 422, 422, 200]);
}

/// The statuses of all responses until the server closes the connection.
async fn statuses(connection: RawConnection) -> Vec<u16> {
    let text = connection.text().await;
    let answers = text.split("HTTP/1.1 ").skip(1);
    answers.map(|answer| answer[..3].parse().unwrap()).collect()
}
