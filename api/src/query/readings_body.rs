//! The body of the readings of a site, sent page by page while it is read.
//!
//! A stored member is already an element of the response: it is validated and passed on, not encoded again. When
//! Redis fails midway the connection is aborted, so that a client cannot take the body for complete.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use instrumentation::log_throttle::LogThrottle;
use poem::http::header;
use poem::{Body, IntoResponse, Response};
use poem_openapi::payload::{Json, Payload};
use poem_openapi::registry::{MetaMediaType, MetaResponse, MetaResponses, MetaSchemaRef, Registry};
use poem_openapi::{ApiResponse, Object};
use readings::SiteId;
use readings::store::StoreError;
use readings::store::series::{Page, SeriesReader};
use tracing::{error, warn};

use super::response_slots::{ResponseSlot, ResponseSlots};
use crate::metrics::METRICS;

/// A stored reading.
#[derive(Object)]
#[oai(rename = "StoredReading")]
#[allow(dead_code)] // documents the elements; they are passed on as bytes
struct StoredReading {
    /// The id of its stream entry.
    stream_id: String,
    /// The site.
    site_id: String,
    /// The device at the site.
    device_id: String,
    /// Power in watts.
    power_reading: f64,
    /// The time of the measurement, as it was sent.
    timestamp: String,
    /// The time of its acceptance: UTC, ISO 8601 with microseconds, no offset suffix.
    ingested_at: String,
}

/// The readings of a site.
#[derive(Object)]
#[oai(rename = "SiteReadings")]
#[allow(dead_code)] // documents the body; it is written as bytes
struct SiteReadings {
    /// The site of the request.
    site_id: String,
    /// Its readings, oldest first.
    readings: Vec<StoredReading>,
}

/// The largest body that needs no slot. Too low and small responses wait for slots; too high and clients that
/// read them slowly fill the memory.
const SMALL_BODY_BYTES: usize = 64 * 1024;

/// The body of a response, of which the first page has been read.
pub(super) enum ReadingsBody {
    /// The first page is the only one.
    Buffered(Bytes),
    /// There are more pages.
    Streaming(Bytes, BodyStream),
}

/// The pages of a body that have not been read yet.
pub(super) struct BodyStream {
    site: SiteId,
    reader: SeriesReader,
    slots: Arc<ResponseSlots>,
    /// Whether a reading precedes the next one, so that a comma must.
    needs_comma: bool,
}

impl ReadingsBody {
    /// Reads the first page, so that an error of the store becomes a status and not a broken body.
    pub async fn begin(
        site: &SiteId,
        reader: SeriesReader,
        slots: &Arc<ResponseSlots>,
    ) -> Result<Self, StoreError> {
        let mut first = Vec::new();
        first.extend_from_slice(b"{\"site_id\":");
        first.extend_from_slice(serde_json::json!(site.as_str()).to_string().as_bytes());
        first.extend_from_slice(b",\"readings\":[");
        let (site, slots) = (site.clone(), Arc::clone(slots));
        let mut stream = BodyStream { site, reader, slots, needs_comma: false };
        let is_last = stream.append_next_page(&mut first).await?;
        let first = Bytes::from(first);
        Ok(if is_last { Self::Buffered(first) } else { Self::Streaming(first, stream) })
    }

    /// Whether it is complete and so small that it needs no slot.
    pub fn is_small(&self) -> bool {
        matches!(self, Self::Buffered(body) if body.len() <= SMALL_BODY_BYTES)
    }

    /// The body of a small response, or of one of which only the head is sent.
    pub fn without_slot(self) -> ReadingsJson {
        ReadingsJson(match self {
            Self::Buffered(body) => Body::from_bytes(body),
            // Never polled; it only tells hyper that the length is unknown.
            Self::Streaming(first, _) => {
                Body::from_bytes_stream(stream::once(async { Ok::<_, io::Error>(first) }))
            }
        })
    }

    /// The first page, then page after page; the slot is released when the last one has been sent.
    pub fn with_slot(self, slot: ResponseSlot) -> ReadingsJson {
        ReadingsJson(match self {
            Self::Buffered(body) => Body::from_bytes(slot.attach_to(body)),
            Self::Streaming(first, rest) => {
                let first = stream::once(async { Ok(first) });
                Body::from_bytes_stream(first.chain(rest.into_chunks(slot)))
            }
        })
    }
}

impl BodyStream {
    fn into_chunks(self, slot: ResponseSlot) -> impl Stream<Item = io::Result<Bytes>> {
        stream::unfold(Some((self, slot)), async |state| {
            // None: the last page or an error was yielded before.
            let (mut pages, slot) = state?;
            let mut chunk = Vec::new();
            match pages.append_next_page(&mut chunk).await {
                Ok(true) => Some((Ok(slot.attach_to(chunk.into())), None)),
                Ok(false) => Some((Ok(Bytes::from(chunk)), Some((pages, slot)))),
                // An error as an item makes hyper close the connection before the end of the body.
                Err(error) => Some((Err(pages.aborted(error)), None)),
            }
        })
    }

    fn aborted(&self, error: StoreError) -> io::Error {
        static THROTTLE: LogThrottle = LogThrottle::new();
        if let Some(suppressed) = THROTTLE.should_log(Instant::now()) {
            error!(%error, site = %self.site, suppressed, "a response was aborted");
        }
        io::Error::other(error)
    }

    /// Appends the next page, and after the last one the end of the body; returns whether it was the last.
    async fn append_next_page(&mut self, chunk: &mut Vec<u8>) -> Result<bool, StoreError> {
        let permit = self.slots.read_permit().await;
        let page = self.reader.next_page().await?;
        // Only reading from Redis is limited, not sending.
        drop(permit);
        let Some(page) = page else { return Ok(true) };
        self.append(&page, chunk);
        let is_last = self.reader.has_ended();
        if is_last {
            chunk.extend_from_slice(b"]}");
        }
        Ok(is_last)
    }

    fn append(&mut self, page: &Page, chunk: &mut Vec<u8>) {
        if page.invalid > 0 {
            self.count_invalid(page.invalid);
        }
        chunk.reserve(page.members.iter().map(|member| member.len() + 1).sum::<usize>() + 2);
        for member in &page.members {
            if self.needs_comma {
                chunk.push(b',');
            }
            chunk.extend_from_slice(member);
            self.needs_comma = true;
        }
    }

    fn count_invalid(&self, count: usize) {
        static THROTTLE: LogThrottle = LogThrottle::new();
        METRICS.invalid_members(count);
        if let Some(suppressed) = THROTTLE.should_log(Instant::now()) {
            warn!(site = %self.site, count, suppressed, "stored members are not valid readings");
        }
    }
}

/// A body of [`SiteReadings`], written as bytes.
#[derive(Debug)]
pub struct ReadingsJson(Body);

impl Payload for ReadingsJson {
    const CONTENT_TYPE: &'static str = "application/json";

    fn schema_ref() -> MetaSchemaRef {
        <Json<SiteReadings> as Payload>::schema_ref()
    }

    fn register(registry: &mut Registry) {
        <Json<SiteReadings> as Payload>::register(registry);
    }
}

impl IntoResponse for ReadingsJson {
    fn into_response(self) -> Response {
        Response::builder().header(header::CONTENT_TYPE, Self::CONTENT_TYPE).body(self.0)
    }
}

impl ApiResponse for ReadingsJson {
    fn meta() -> MetaResponses {
        let content = MetaMediaType {
            content_type: Self::CONTENT_TYPE,
            schema: <Self as Payload>::schema_ref(),
        };
        let response = MetaResponse {
            description: "",
            status: Some(200),
            status_range: None,
            content: vec![content],
            headers: vec![],
        };
        MetaResponses { responses: vec![response] }
    }

    fn register(registry: &mut Registry) {
        <Self as Payload>::register(registry);
    }
}
