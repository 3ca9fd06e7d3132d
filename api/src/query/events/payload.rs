//! The response with an event stream, and its documentation.

use poem::http::{HeaderValue, header};
use poem::{Body, IntoResponse, Response};
use poem_openapi::payload::Payload;
use poem_openapi::registry::{MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::types::Type;

use super::super::readings_payload::StoredReading;

/// An event stream.
#[derive(Debug)]
pub struct EventsPayload(pub(super) Body);

impl Payload for EventsPayload {
    const CONTENT_TYPE: &'static str = "text/event-stream";

    /// As the framework documents its own event streams: the data of the events.
    fn schema_ref() -> MetaSchemaRef {
        MetaSchemaRef::Inline(Box::new(MetaSchema {
            items: Some(Box::new(StoredReading::schema_ref())),
            ..MetaSchema::new_with_format("array", "event-stream")
        }))
    }

    fn register(registry: &mut Registry) {
        StoredReading::register(registry);
    }
}

impl IntoResponse for EventsPayload {
    fn into_response(self) -> Response {
        let mut response = Response::builder().content_type(Self::CONTENT_TYPE).body(self.0);
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        // For nginx, which otherwise sends events late.
        headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
        response
    }
}
