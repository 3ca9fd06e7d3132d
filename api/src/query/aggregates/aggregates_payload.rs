//! The response with buckets, written while it is sent: 200,000 buckets are 80 MB of text.

use std::io;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use poem::http::header;
use poem::{Body, IntoResponse, Response};
use poem_openapi::ResponseContent;
use poem_openapi::payload::{Json, Payload};
use poem_openapi::registry::{MetaMediaType, Registry};
use readings::energy::calendar::Zone;
use serde::Serialize;

use super::aggregates_body::SiteAggregates;
use super::series::Series;
use crate::client_slots::ClientSlot;

/// Bytes that are written at once. Too low and a large body is sent in small packets; too high and other requests wait
/// while it is written.
const CHUNK_BYTES: usize = 64 * 1024;

/// A body with buckets.
#[derive(Debug)]
pub struct AggregatesPayload(Body);

/// A body, of which a part has been written.
struct BodyWriter {
    series: Vec<Series>,
    zone: Zone,
    /// The series and the bucket that are next.
    next: (usize, usize),
}

impl AggregatesPayload {
    /// The body of these series. A slot is held until all of it has been sent.
    pub(super) fn new(
        head: &SiteAggregates,
        series: Vec<Series>,
        zone: Zone,
        slot: ClientSlot,
    ) -> Self {
        let mut first = Vec::new();
        append_json(&mut first, head);
        // The closing brace.
        first.pop();
        first.extend_from_slice(b",\"series\":[");
        let mut writer = BodyWriter { series, zone, next: (0, 0) };
        if writer.append_chunk(&mut first) {
            return Self(Body::from_vec(first));
        }
        let first = stream::once(async { Ok(first.into()) });
        Self(Body::from_bytes_stream(first.chain(writer.into_chunks(slot))))
    }
}

impl BodyWriter {
    fn into_chunks(self, slot: ClientSlot) -> impl Stream<Item = io::Result<Bytes>> {
        stream::unfold(Some((self, slot)), async |state| {
            let (mut writer, slot) = state?;
            let mut chunk = Vec::with_capacity(CHUNK_BYTES + 1024);
            let is_last = writer.append_chunk(&mut chunk);
            Some((Ok(chunk.into()), (!is_last).then_some((writer, slot))))
        })
    }

    /// Appends the next buckets; returns whether the body is complete.
    fn append_chunk(&mut self, chunk: &mut Vec<u8>) -> bool {
        while chunk.len() < CHUNK_BYTES {
            let (place, index) = self.next;
            let Some(series) = self.series.get(place) else {
                chunk.extend_from_slice(b"]}");
                return true;
            };
            if index == 0 {
                begin(chunk, series, place == 0);
            }
            self.next = if let Some(bucket) = series.bucket(index, self.zone) {
                separate(chunk, index == 0);
                append_json(chunk, &bucket);
                (place, index + 1)
            } else {
                chunk.extend_from_slice(b"]}");
                (place + 1, 0)
            };
        }
        false
    }
}

fn begin(chunk: &mut Vec<u8>, series: &Series, is_first: bool) {
    separate(chunk, is_first);
    chunk.extend_from_slice(b"{\"device_id\":");
    append_json(chunk, &series.device_id);
    if let Some(devices) = &series.devices {
        chunk.extend_from_slice(b",\"devices\":");
        append_json(chunk, devices);
    }
    chunk.extend_from_slice(b",\"buckets\":[");
}

fn separate(chunk: &mut Vec<u8>, is_first: bool) {
    if !is_first {
        chunk.push(b',');
    }
}

fn append_json(chunk: &mut Vec<u8>, part: &impl Serialize) {
    // Err: never, structs of texts and numbers are written to memory.
    let _ = serde_json::to_writer(chunk, part);
}

impl IntoResponse for AggregatesPayload {
    fn into_response(self) -> Response {
        Response::builder().header(header::CONTENT_TYPE, "application/json").body(self.0)
    }
}

impl ResponseContent for AggregatesPayload {
    fn media_types() -> Vec<MetaMediaType> {
        let schema = <Json<SiteAggregates> as Payload>::schema_ref();
        vec![MetaMediaType { content_type: "application/json", schema }]
    }

    fn register(registry: &mut Registry) {
        <Json<SiteAggregates> as Payload>::register(registry);
    }
}
