//! The body of a reading: documented as an object, read as bytes.
//!
//! The framework's own JSON payload reports only the first error, as a sentence of its own; the rules of a reading
//! are in [`readings::validation`].

use std::time::Duration;

use poem::http::HeaderMap;
use poem::{Body, Request, RequestBody};
use poem_openapi::payload::{Json, Payload};
use poem_openapi::registry::{MetaMediaType, MetaRequest, Registry};
use poem_openapi::types::Example;
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions, Object};
use readings::validation::{ErrorKind, Location, MAX_ROW_BYTES, ValidationError};
use tokio::sync::Semaphore;

use super::content_type::Format;
use super::received_body::{BodyError, BodyLimits, ReceivedBody, receive};
use super::timestamp_pattern::TimestampText;
use crate::with_schema::WithSchema;

/// The largest body that needs no memory permit: every connection may have one. A reading with the longest ids
/// has about 4 KiB even when every character is escaped. Too low and such readings wait for each other; too high
/// and many senders at once fill the memory.
const SMALL_BODY_BYTES: usize = 8 * 1024;

/// The memory of all larger bodies, and of those of unknown length, in KiB; further ones are not read meanwhile. Too
/// low and their senders wait for one that stalls; too high and they fill the memory.
static LARGE_BODIES_KIB: Semaphore = Semaphore::const_new(4 * 1024);

/// The same for bodies that are being decoded.
static DECODED_BODIES_KIB: Semaphore = Semaphore::const_new(4 * 1024);

/// How long the body may take to arrive. Too low and senders on slow links are cut off; too high and
/// a sender that stalls holds its connection that long.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

static LIMITS: BodyLimits = BodyLimits {
    content: "a reading",
    bytes: MAX_ROW_BYTES,
    small_bytes: SMALL_BODY_BYTES,
    received_kib: &LARGE_BODIES_KIB,
    decoded_kib: &DECODED_BODIES_KIB,
    timeout: BODY_TIMEOUT,
};

/// One measurement of one device.
#[derive(Object)]
#[oai(rename = "EnergyReading", example)]
#[allow(dead_code)] // describes the body; it is read as bytes
pub(super) struct EnergyReading {
    /// The site: 1 to 256 bytes of UTF-8, no control characters; otherwise opaque.
    #[oai(validator(min_length = 1, max_length = 256, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]+$"))]
    site_id: String,
    /// The device at the site: as `site_id`.
    #[oai(validator(min_length = 1, max_length = 256, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]+$"))]
    device_id: String,
    /// Power in watts, finite, 0 or more. Decimal text is accepted too.
    #[oai(validator(minimum(value = "0")))]
    power_reading: f64,
    /// ISO 8601, such as `2024-01-15T10:30:00Z`; without an offset it is UTC. Kept verbatim.
    timestamp: WithSchema<TimestampText>,
}

impl Example for EnergyReading {
    fn example() -> Self {
        Self {
            site_id: "house-01".to_owned(),
            device_id: "main-meter".to_owned(),
            power_reading: 1500.5,
            timestamp: WithSchema::new("2024-01-15T10:30:00Z".into()),
        }
    }
}

/// The body of a request.
#[derive(Debug)]
pub(super) enum ReadingBody {
    /// Complete, to be parsed as JSON.
    Complete(ReceivedBody),
    /// Its `Content-Type` is not JSON.
    NotJson(ValidationError),
    /// It was not received.
    Failed(BodyError),
}

impl<'a> ApiExtractor<'a> for ReadingBody {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        <Json<EnergyReading> as Payload>::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        let schema = <Json<EnergyReading> as Payload>::schema_ref();
        let content = vec![MetaMediaType { content_type: "application/json", schema }];
        Some(MetaRequest { description: None, content, required: true })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<Self::ParamType>,
    ) -> poem::Result<Self> {
        Ok(Self::receive(request.headers(), body.take()?).await)
    }
}

impl ReadingBody {
    /// Receives the body of a request with these headers.
    pub async fn receive(headers: &HeaderMap, body: Body) -> Self {
        let body = match receive(headers, body, &LIMITS).await {
            Ok(body) => body,
            Err(error) => return Self::Failed(error),
        };
        if body.bytes.is_empty() || Format::of(headers) == Some(Format::Json) {
            return Self::Complete(body);
        }
        let text = serde_json::to_string(&String::from_utf8_lossy(&body.bytes)).unwrap_or_default();
        Self::NotJson(ValidationError::new(Location::Body, ErrorKind::ObjectType, &text))
    }
}
