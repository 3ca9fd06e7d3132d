//! A client of event streams (Server-Sent Events).

use std::time::Duration;

use reqwest::{Method, RequestBuilder, Response};
use serde_json::Value;
use tokio::time::timeout;

use super::http::{Http, segment};
use super::wait::DEADLINE;

/// An open event stream.
pub struct EventStream {
    response: Response,
    received: Vec<u8>,
    /// The id with which a client reconnects.
    pub last_id: String,
}

/// What stands between two blank lines.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Block {
    pub id: Option<String>,
    pub event: Option<String>,
    pub data: String,
    pub comment: Option<String>,
}

impl EventStream {
    /// The events of a site; `query` begins with `?`, or is empty.
    pub async fn of(service: &Http, site: &str, query: &str) -> Self {
        Self::open(request(service, site, query)).await
    }

    /// The events of a site after the one with this id.
    pub async fn after(service: &Http, site: &str, id: &str) -> Self {
        Self::open(request(service, site, "").header("last-event-id", id)).await
    }

    /// Sends a request, and reads the begin of the stream.
    pub async fn open(request: RequestBuilder) -> Self {
        let response = request.send().await.expect("the server answers");
        assert_eq!(response.status(), 200, "{:?}", response.text().await);
        let mut stream = Self { response, received: Vec::new(), last_id: String::new() };
        let opening = stream.block().await.expect("a stream has a begin");
        assert!(opening.id.is_some() && opening.data.is_empty(), "{opening:?}");
        stream
    }

    pub fn header(&self, name: &str) -> &str {
        self.response.headers()[name].to_str().unwrap()
    }

    /// The next block; `None` at the end, or when the connection breaks.
    pub async fn block(&mut self) -> Option<Block> {
        timeout(DEADLINE, self.next()).await.expect("a block arrives")
    }

    /// Whether nothing arrives for this time.
    pub async fn is_silent_for(&mut self, time: Duration) -> bool {
        timeout(time, self.next()).await.is_err()
    }

    async fn next(&mut self) -> Option<Block> {
        loop {
            if let Some(end) = self.received.windows(2).position(|two| two == b"\n\n") {
                let rest = self.received.split_off(end + 2);
                let text = std::mem::replace(&mut self.received, rest);
                let block = Block::parse(str::from_utf8(&text).unwrap());
                self.last_id = block.id.clone().unwrap_or(std::mem::take(&mut self.last_id));
                return Some(block);
            }
            let chunk = self.response.chunk().await.ok()??;
            self.received.extend_from_slice(&chunk);
        }
    }

    /// The next event: a block with data.
    pub async fn event(&mut self) -> Block {
        let with_data = async {
            loop {
                let block = self.next().await.expect("the stream goes on");
                if !block.data.is_empty() {
                    return block;
                }
            }
        };
        timeout(DEADLINE, with_data).await.expect("an event arrives, and not comments only")
    }

    /// The ids of the next events, which are readings.
    pub async fn readings(&mut self, count: usize) -> Vec<String> {
        let mut ids = Vec::new();
        while ids.len() < count {
            let event = self.event().await;
            assert_eq!(event.event.as_deref(), Some("reading"), "{event:?}");
            assert_eq!(event.json()["stream_id"].as_str(), event.id.as_deref());
            ids.extend(event.id);
        }
        ids
    }

    /// Waits for the end, and returns the last comment.
    pub async fn closing(mut self) -> String {
        let until_end = async {
            let mut last = String::new();
            while let Some(block) = self.next().await {
                last = block.comment.unwrap_or(last);
            }
            last
        };
        timeout(DEADLINE, until_end).await.expect("the stream ends")
    }
}

fn request(service: &Http, site: &str, query: &str) -> RequestBuilder {
    service.request(Method::GET, &format!("/sites/{}/events{query}", segment(site)))
}

impl Block {
    fn parse(text: &str) -> Self {
        let mut block = Self::default();
        for line in text.lines().filter(|line| !line.is_empty()) {
            let (name, value) = line.split_once(':').expect("a line is a field or a comment");
            let value = value.strip_prefix(' ').unwrap_or(value).to_owned();
            match name {
                "" => block.comment = Some(value),
                "id" => block.id = Some(value),
                "event" => block.event = Some(value),
                "data" => block.data.push_str(&value),
                "retry" => assert!(value.parse::<u64>().is_ok(), "{line}"),
                _ => panic!("an unknown field: {line}"),
            }
        }
        block
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.data).unwrap()
    }
}
