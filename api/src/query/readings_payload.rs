//! The response with the readings of a site, and its documentation.

use poem::http::{HeaderValue, header};
use poem::{Body, IntoResponse, Response};
use poem_openapi::payload::{Json, Payload};
use poem_openapi::registry::{MetaMediaType, MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::{Object, ResponseContent};

use super::readings_format::ReadingsFormat;

/// A stored reading.
#[derive(Object)]
#[oai(rename = "StoredReading")]
#[allow(dead_code)] // documents the elements; they are passed on as bytes
pub(super) struct StoredReading {
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
    /// Its readings, oldest first unless `order` is `desc`.
    readings: Vec<StoredReading>,
    /// The `cursor` of the next page; absent on the last page, and without `limit` and `cursor`.
    #[oai(skip_serializing_if_is_none)]
    next_cursor: Option<String>,
}

/// A body with readings, written as bytes.
#[derive(Debug)]
pub struct ReadingsPayload {
    pub(super) body: Body,
    pub(super) format: ReadingsFormat,
    /// The value of `Link`: the next page.
    pub(super) link: Option<HeaderValue>,
    /// The value of `Warning`: a parameter that is not known resembles one that is.
    pub(super) warning: Option<HeaderValue>,
}

impl IntoResponse for ReadingsPayload {
    fn into_response(self) -> Response {
        let mut response = Response::builder()
            .header(header::CONTENT_TYPE, self.format.content_type())
            .header(header::VARY, "Accept")
            .body(self.body);
        let headers = response.headers_mut();
        if self.format == ReadingsFormat::Csv {
            let value = HeaderValue::from_static("attachment; filename=\"readings.csv\"");
            headers.insert(header::CONTENT_DISPOSITION, value);
        }
        let optional = [(header::LINK, self.link), (header::WARNING, self.warning)];
        headers.extend(optional.into_iter().filter_map(|(name, value)| Some((name, value?))));
        response
    }
}

impl ResponseContent for ReadingsPayload {
    fn media_types() -> Vec<MetaMediaType> {
        let text = || MetaSchemaRef::Inline(Box::new(MetaSchema::new("string")));
        let media = |content_type, schema| MetaMediaType { content_type, schema };
        vec![
            media("application/json", <Json<SiteReadings> as Payload>::schema_ref()),
            media("application/x-ndjson", text()),
            media("text/csv", text()),
        ]
    }

    fn register(registry: &mut Registry) {
        <Json<SiteReadings> as Payload>::register(registry);
    }
}
