//! The body of a site's readings, sent as it is read.
//!
//! A stored member is already the element of the answer: it is checked and passed on, not built
//! again. When Redis fails midway the connection is broken off, never closed as if complete.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use futures_util::stream;
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

use super::response_slots::{Place, Places};
use crate::metrics::METRICS;

/// A stored reading.
#[derive(Object)]
#[oai(rename = "StoredReading")]
#[allow(dead_code)] // describes the elements; they are passed on as bytes
struct StoredReading {
    /// The id of its stream entry.
    stream_id: String,
    /// The site.
    site_id: String,
    /// The device at the site.
    device_id: String,
    /// Power in watts.
    power_reading: f64,
    /// When it was measured, as it was sent.
    timestamp: String,
    /// When it was accepted: UTC, ISO 8601 with microseconds, no offset suffix.
    ingested_at: String,
}

/// The readings of a site.
#[derive(Object)]
#[oai(rename = "SiteReadings")]
#[allow(dead_code)] // describes the body; it is written as bytes
struct SiteReadings {
    /// The site that was asked for.
    site_id: String,
    /// Its readings, oldest first.
    readings: Vec<StoredReading>,
}

/// The largest answer that needs no place among the large ones. Too low and small ones wait, too; too high
/// and clients that take them slowly fill the memory.
const SMALL_BYTES: usize = 64 * 1024;

/// An answer whose first page has been read.
pub(super) struct Export {
    head: Bytes,
    /// `None` when the first page is the only one.
    rest: Option<Rest>,
}

/// What is left to send.
struct Rest {
    site: SiteId,
    reader: SeriesReader,
    places: Arc<Places>,
    any_before: bool,
}

impl Export {
    /// Reads the first page, so that a store that cannot be read is told with a status.
    pub async fn begin(
        site: &SiteId,
        reader: SeriesReader,
        places: &Arc<Places>,
    ) -> Result<Self, StoreError> {
        let mut head = Vec::new();
        head.extend_from_slice(b"{\"site_id\":");
        head.extend_from_slice(serde_json::json!(site.as_str()).to_string().as_bytes());
        head.extend_from_slice(b",\"readings\":[");
        let (site, places) = (site.clone(), Arc::clone(places));
        let mut rest = Rest { site, reader, places, any_before: false };
        let ended = rest.next_page(&mut head).await?;
        Ok(Self { head: head.into(), rest: (!ended).then_some(rest) })
    }

    /// Whether it is complete, and small enough for any number of them.
    pub fn is_small(&self) -> bool {
        self.rest.is_none() && self.head.len() <= SMALL_BYTES
    }

    /// The answer as it is sent where it is small, or only its head is sent.
    pub fn without_place(self) -> ReadingsJson {
        ReadingsJson(match self.rest {
            None => Body::from_bytes(self.head),
            Some(_) => {
                Body::from_bytes_stream(stream::once(async { Ok::<_, io::Error>(self.head) }))
            }
        })
    }

    /// Sends what has been read, then page after page; the place is given back after the last.
    pub fn stream(self, place: Place) -> ReadingsJson {
        let Some(rest) = self.rest else {
            return ReadingsJson(Body::from_bytes(place.hold(self.head)));
        };
        let head = stream::once(async { Ok(self.head) });
        let rest = stream::unfold(Some((rest, place)), async |state| {
            let (mut rest, place) = state?;
            let mut chunk = Vec::new();
            match rest.next_page(&mut chunk).await {
                Ok(true) => Some((Ok(place.hold(chunk.into())), None)),
                Ok(false) => Some((Ok(Bytes::from(chunk)), Some((rest, place)))),
                Err(error) => {
                    static THROTTLE: LogThrottle = LogThrottle::new();
                    if let Some(suppressed) = THROTTLE.should_log(Instant::now()) {
                        error!(%error, site = %rest.site, suppressed, "an answer was broken off");
                    }
                    Some((Err(io::Error::other(error)), None))
                }
            }
        });
        ReadingsJson(Body::from_bytes_stream(stream::StreamExt::chain(head, rest)))
    }
}

impl Rest {
    /// Appends the next page, and the end of the body when it is the last.
    async fn next_page(&mut self, chunk: &mut Vec<u8>) -> Result<bool, StoreError> {
        let turn = self.places.turn().await;
        let page = self.reader.next_page().await?;
        drop(turn);
        let Some(page) = page else { return Ok(true) };
        self.append(&page, chunk);
        let ended = self.reader.has_ended();
        if ended {
            chunk.extend_from_slice(b"]}");
        }
        Ok(ended)
    }

    fn append(&mut self, page: &Page, chunk: &mut Vec<u8>) {
        if page.invalid > 0 {
            static THROTTLE: LogThrottle = LogThrottle::new();
            METRICS.invalid_members(page.invalid);
            if let Some(suppressed) = THROTTLE.should_log(Instant::now()) {
                let count = page.invalid;
                warn!(site = %self.site, count, suppressed, "stored members are no readings");
            }
        }
        chunk.reserve(page.members.iter().map(|member| member.len() + 1).sum::<usize>() + 2);
        for member in &page.members {
            if self.any_before {
                chunk.push(b',');
            }
            chunk.extend_from_slice(member);
            self.any_before = true;
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
