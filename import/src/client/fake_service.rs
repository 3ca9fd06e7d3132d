//! A fake service for tests: sends scripted responses, and records requests.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::client::service_url::ServiceUrl;

/// The reaction to a request.
#[derive(Debug, Clone)]
pub enum Reply {
    /// A status, further header lines (each with its `\r\n`) and a body.
    Respond(u16, &'static str, String),
    /// Closes the connection after the whole request.
    Disconnect,
    /// Never responds.
    Hang,
}

/// The fake service; it runs until the test ends.
pub struct FakeService {
    pub url: ServiceUrl,
    requests: Arc<Mutex<Vec<Request>>>,
    connections: Arc<Mutex<usize>>,
}

/// A request that it received.
#[derive(Debug, Clone, Default)]
struct Request {
    body: String,
    key: Option<String>,
    authorization: Option<String>,
}

impl Reply {
    pub fn accepted() -> Self {
        Self::Respond(
            201,
            "Idempotent-Replayed: false\r\n",
            r#"{"status":"accepted","stream_id":"1-0"}"#.to_owned(),
        )
    }

    /// The response of a service without keys.
    pub fn accepted_without_key() -> Self {
        Self::Respond(201, "", r#"{"status":"accepted","stream_id":"1-0"}"#.to_owned())
    }

    /// The response to a batch of which every row was accepted, and these were before.
    pub fn accepted_rows(body: &str, replayed: usize) -> Self {
        let accepted = body.lines().count();
        Self::Respond(
            200,
            "",
            format!(
                r#"{{"accepted":{accepted},"replayed":{replayed},"rejected":0,"errors":[],"errors_truncated":false}}"#
            ),
        )
    }

    pub fn unavailable() -> Self {
        let body =
            r#"{"detail":"No connection to Redis","code":"store_unreachable","request_id":"r"}"#;
        let body = body.to_owned();
        Self::Respond(503, "Retry-After: 0\r\n", body)
    }
}

impl FakeService {
    /// Starts a service that replies by the number of the request, from 0, and its body.
    pub async fn start(reply: impl Fn(usize, &str) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/api", listener.local_addr().unwrap());
        let url = ServiceUrl::parse(&url).unwrap();
        let service = Self { url, requests: Arc::default(), connections: Arc::default() };
        let (requests, connections) =
            (Arc::clone(&service.requests), Arc::clone(&service.connections));
        let reply = Arc::new(reply);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                *connections.lock().unwrap() += 1;
                tokio::spawn(serve(stream, Arc::clone(&requests), Arc::clone(&reply)));
            }
        });
        service
    }

    /// The bodies of all requests, in order.
    pub fn bodies(&self) -> Vec<String> {
        self.requests.lock().unwrap().iter().map(|request| request.body.clone()).collect()
    }

    /// The keys of all requests, in order.
    pub fn keys(&self) -> Vec<Option<String>> {
        self.requests.lock().unwrap().iter().map(|request| request.key.clone()).collect()
    }

    /// `Authorization` of all requests, in order.
    pub fn authorizations(&self) -> Vec<Option<String>> {
        self.requests.lock().unwrap().iter().map(|request| request.authorization.clone()).collect()
    }

    /// How many connections were accepted.
    pub fn connections(&self) -> usize {
        *self.connections.lock().unwrap()
    }
}

async fn serve(
    stream: TcpStream,
    requests: Arc<Mutex<Vec<Request>>>,
    reply: Arc<impl Fn(usize, &str) -> Reply>,
) {
    let mut stream = BufReader::new(stream);
    while let Some(request) = read(&mut stream).await {
        let number = {
            let mut requests = requests.lock().unwrap();
            requests.push(request.clone());
            requests.len() - 1
        };
        let (status, headers, body) = match reply(number, &request.body) {
            Reply::Respond(status, headers, body) => (status, headers, body),
            Reply::Disconnect => return,
            Reply::Hang => std::future::pending().await,
        };
        let head = format!("HTTP/1.1 {status} Status\r\nContent-Length: {}\r\n", body.len());
        let response = format!("{head}{headers}\r\n{body}");
        // Err: the client has disconnected.
        let _ = stream.get_mut().write_all(response.as_bytes()).await;
    }
}

/// The next request; `None` when the connection is closed.
async fn read(stream: &mut BufReader<TcpStream>) -> Option<Request> {
    let (mut head, mut length, mut key, mut authorization) = (String::new(), 0, None, None);
    while !head.ends_with("\r\n\r\n") {
        let start = head.len();
        if stream.read_line(&mut head).await.unwrap_or(0) == 0 {
            return None;
        }
        let line = head[start..].to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if let Some(value) = line.strip_prefix("idempotency-key:") {
            key = Some(value.trim().to_owned());
        }
        if line.starts_with("authorization:") {
            authorization = Some(head[start..]["authorization:".len()..].trim().to_owned());
        }
    }
    let is_batch = head.starts_with("POST /api/readings/batch?max_errors=1000 HTTP/1.1\r\n");
    assert!(is_batch || head.starts_with("POST /api/readings HTTP/1.1\r\n"), "{head}");
    let media_type = if is_batch { "application/x-ndjson" } else { "application/json" };
    let line = format!("\r\ncontent-type: {media_type}\r\n");
    assert!(head.to_ascii_lowercase().contains(&line), "{head}");
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(Request { body: String::from_utf8(body).ok()?, key, authorization })
}
