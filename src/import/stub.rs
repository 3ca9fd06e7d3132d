//! A service for tests that answers as it is told, and remembers what it was sent.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::service_url::ServiceUrl;

/// What the stub does with a request.
#[derive(Debug, Clone)]
pub enum Reply {
    /// A status, further header lines (each with its `\r\n`) and a body.
    Answer(u16, &'static str, String),
    /// Closes the connection when the whole request is there.
    Break,
    /// Does not answer.
    Hang,
}

/// The stub; it serves until the test ends.
pub struct Stub {
    pub url: ServiceUrl,
    bodies: Arc<Mutex<Vec<String>>>,
    connections: Arc<Mutex<usize>>,
}

impl Reply {
    pub fn accepted() -> Self {
        Self::Answer(201, "", r#"{"status":"accepted","stream_id":"1-0"}"#.to_owned())
    }

    pub fn unavailable() -> Self {
        let body = r#"{"detail":"The store cannot be reached"}"#.to_owned();
        Self::Answer(503, "Retry-After: 0\r\n", body)
    }
}

impl Stub {
    /// Starts a stub that replies by the number of the request, from 0, and its body.
    pub async fn start(reply: impl Fn(usize, &str) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/api", listener.local_addr().unwrap());
        let url = ServiceUrl::parse(&url).unwrap();
        let stub = Self { url, bodies: Arc::default(), connections: Arc::default() };
        let (bodies, connections) = (Arc::clone(&stub.bodies), Arc::clone(&stub.connections));
        let reply = Arc::new(reply);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                *connections.lock().unwrap() += 1;
                tokio::spawn(serve(stream, Arc::clone(&bodies), Arc::clone(&reply)));
            }
        });
        stub
    }

    /// What was sent, in order.
    pub fn bodies(&self) -> Vec<String> {
        self.bodies.lock().unwrap().clone()
    }

    /// How many connections were made.
    pub fn connections(&self) -> usize {
        *self.connections.lock().unwrap()
    }
}

async fn serve(
    stream: TcpStream,
    bodies: Arc<Mutex<Vec<String>>>,
    reply: Arc<impl Fn(usize, &str) -> Reply>,
) {
    let mut stream = BufReader::new(stream);
    while let Some(body) = request(&mut stream).await {
        let number = {
            let mut bodies = bodies.lock().unwrap();
            bodies.push(body.clone());
            bodies.len() - 1
        };
        let (status, headers, body) = match reply(number, &body) {
            Reply::Answer(status, headers, body) => (status, headers, body),
            Reply::Break => return,
            Reply::Hang => std::future::pending().await,
        };
        let head = format!("HTTP/1.1 {status} Status\r\nContent-Length: {}\r\n", body.len());
        let answer = format!("{head}{headers}\r\n{body}");
        stream.get_mut().write_all(answer.as_bytes()).await.unwrap();
    }
}

/// The body of the next request; `None` when the connection is closed.
async fn request(stream: &mut BufReader<TcpStream>) -> Option<String> {
    let (mut head, mut length) = (String::new(), 0);
    while !head.ends_with("\r\n\r\n") {
        let start = head.len();
        if stream.read_line(&mut head).await.unwrap_or(0) == 0 {
            return None;
        }
        let line = head[start..].to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    assert!(head.starts_with("POST /api/readings HTTP/1.1\r\n"), "{head}");
    assert!(head.to_ascii_lowercase().contains("\r\ncontent-type: application/json\r\n"), "{head}");
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    String::from_utf8(body).ok()
}
