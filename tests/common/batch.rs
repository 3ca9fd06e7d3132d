//! Batch requests.

use reqwest::{Method, RequestBuilder};
use serde_json::Value;

use super::http::{Http, Reply};
use super::readings::reading;

pub const PATH: &str = "/readings/batch";
pub const JSON: &str = "application/json";
pub const NDJSON: &str = "application/x-ndjson";
pub const CSV: &str = "text/csv";

/// A request with a body of this media type.
pub fn request(server: &Http, media_type: &str, body: impl Into<Vec<u8>>) -> RequestBuilder {
    server.request(Method::POST, PATH).header("content-type", media_type).body(body.into())
}

/// Sends a body of this media type.
pub async fn send(server: &Http, media_type: &str, body: impl Into<Vec<u8>>) -> Reply {
    Reply::of(request(server, media_type, body)).await
}

/// Valid rows, each of which differs from the others in its device.
pub fn rows(count: usize) -> Vec<Value> {
    let row = |number: usize| {
        let mut row = reading("site");
        row["device_id"] = format!("meter-{number}").into();
        row
    };
    (0..count).map(row).collect()
}

/// One row a line.
pub fn ndjson(rows: &[Value]) -> String {
    rows.iter().flat_map(|row| [row.to_string(), "\n".to_owned()]).collect()
}

/// The devices of [`rows`] in the stream, in its order.
pub fn devices(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("meter-{number}")).collect()
}
