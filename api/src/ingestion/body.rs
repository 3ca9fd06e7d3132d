//! The body of a reading: documented as an object, read as bytes.
//!
//! The framework's own JSON payload reports the first fault only, and as a sentence; the rules are in
//! [`readings::validation`].

use std::time::Duration;

use bytes::Bytes;
use mime::Mime;
use poem::error::ReadBodyError;
use poem::{Request, RequestBody};
use poem_openapi::payload::{Json, Payload};
use poem_openapi::registry::{MetaMediaType, MetaRequest, Registry};
use poem_openapi::types::Example;
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions, Object};
use readings::validation::{Fault, FaultKind, Location};
use tokio::time::timeout;

use super::timestamp::TimestampText;
use crate::problem::Problem;
use crate::shape::Shaped;

/// The largest body that is read. A reading with the longest ids has about 4 KiB even when every
/// character is escaped. Too low and members that we ignore make a reading too large; too high and
/// many senders at once fill the memory.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// How long the body may take to arrive. Too low and senders on slow links are cut off; too high and
/// a sender that stalls holds its connection that long.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// One measurement of one device.
#[derive(Object)]
#[oai(rename = "EnergyReading", example)]
#[allow(dead_code)] // describes the body; it is read as bytes
struct EnergyReading {
    /// The site: 1 to 256 bytes of UTF-8, no control characters; otherwise opaque.
    #[oai(validator(min_length = 1, max_length = 256, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]+$"))]
    site_id: String,
    /// The device at the site: as `site_id`.
    #[oai(validator(min_length = 1, max_length = 256, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]+$"))]
    device_id: String,
    /// Power in watts, finite, 0 or more. Its decimal text is taken too.
    #[oai(validator(minimum(value = "0")))]
    power_reading: f64,
    /// ISO 8601, such as `2024-01-15T10:30:00Z`; without an offset it is UTC. Kept verbatim.
    timestamp: Shaped<TimestampText>,
}

impl Example for EnergyReading {
    fn example() -> Self {
        Self {
            site_id: "house-01".to_owned(),
            device_id: "main-meter".to_owned(),
            power_reading: 1500.5,
            timestamp: Shaped::new("2024-01-15T10:30:00Z".into()),
        }
    }
}

/// The body of a request, as far as it came.
#[derive(Debug)]
pub enum ReadingBody {
    /// All of it, to be read as JSON.
    Complete(Bytes),
    /// It is declared to be something else than JSON.
    NotJson(Fault),
    /// It has more bytes than a reading can have.
    TooLarge,
    /// It did not arrive in time, or not at all.
    TooSlow,
}

pub(super) fn too_large() -> Problem {
    Problem::new(format!("The body of a reading may have at most {MAX_BODY_BYTES} bytes"))
}

pub(super) fn too_slow() -> Problem {
    let seconds = BODY_TIMEOUT.as_secs();
    Problem::new(format!("The body did not arrive completely within {seconds} seconds"))
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
        let reading = body.take()?.into_bytes_limit(MAX_BODY_BYTES);
        let body = match timeout(BODY_TIMEOUT, reading).await {
            Ok(Ok(body)) => body,
            Ok(Err(ReadBodyError::PayloadTooLarge)) => return Ok(Self::TooLarge),
            Ok(Err(_)) | Err(_) => return Ok(Self::TooSlow),
        };
        if body.is_empty() || request.content_type().is_none_or(is_json) {
            return Ok(Self::Complete(body));
        }
        let text = serde_json::to_string(&String::from_utf8_lossy(&body)).unwrap_or_default();
        Ok(Self::NotJson(Fault::new(Location::Body, FaultKind::ObjectType, &text)))
    }
}

fn is_json(content_type: &str) -> bool {
    content_type.parse::<Mime>().is_ok_and(|mime| {
        let json = mime.subtype() == mime::JSON || mime.suffix() == Some(mime::JSON);
        mime.type_() == mime::APPLICATION && json
    })
}

#[cfg(test)]
mod tests {
    use super::is_json;

    #[test]
    fn json_is_application_json_and_whatever_ends_with_plus_json() {
        for yes in [
            "application/json",
            "application/json; charset=utf-8",
            "application/vnd.meter+json",
            "APPLICATION/JSON",
        ] {
            assert!(is_json(yes), "{yes}");
        }
        for no in
            ["text/plain", "text/json", "application/xml", "", "application/x-www-form-urlencoded"]
        {
            assert!(!is_json(no), "{no}");
        }
    }
}
