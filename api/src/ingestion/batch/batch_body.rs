//! The body of a batch request: its format, and its bytes.

use poem::{Request, RequestBody};
use poem_openapi::payload::{Json, Payload};
use poem_openapi::registry::{MetaMediaType, MetaRequest, MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::types::Example;
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions, Object};
use serde_json::json;

use crate::ingestion::content_type::Format;
use crate::ingestion::reading_body::EnergyReading;
use crate::ingestion::received_body::{BodyError, BodyLimits, ReceivedBody, receive};

static LIMITS: BodyLimits = BodyLimits::of_many_readings("a batch");

/// The body of a batch request.
#[derive(Debug)]
pub(in crate::ingestion) enum BatchBody {
    /// Complete.
    Complete(Format, ReceivedBody),
    /// Its `Content-Type` is not supported.
    UnsupportedType,
    /// It was not received.
    Failed(BodyError),
}

/// The media types, as `Accept` of a 415 lists them.
pub(super) const MEDIA_TYPES: &str = "application/json, application/x-ndjson, text/csv";

/// Readings; an array of them is accepted, too.
#[derive(Object)]
#[oai(rename = "EnergyReadings", example)]
#[allow(dead_code)] // describes the body; it is read as bytes
struct EnergyReadings {
    /// The rows, in the order of their entries.
    #[oai(validator(min_items = 1, max_items = 10_000))]
    readings: Vec<EnergyReading>,
}

impl Example for EnergyReadings {
    fn example() -> Self {
        Self { readings: vec![EnergyReading::example()] }
    }
}

const NDJSON_EXAMPLE: &str = r#"{"site_id":"house-01","device_id":"main-meter","power_reading":1500.5,"timestamp":"2024-01-15T10:30:00Z"}
{"site_id":"house-01","device_id":"main-meter","power_reading":1480,"timestamp":"2024-01-15T10:31:00Z"}
"#;

const CSV_EXAMPLE: &str = "site_id,device_id,power_reading,timestamp\n\
                           house-01,main-meter,1500.5,2024-01-15T10:30:00Z\n";

fn text(description: &'static str, example: &str) -> MetaSchemaRef {
    MetaSchemaRef::Inline(Box::new(MetaSchema {
        description: Some(description),
        example: Some(json!(example)),
        // Generated clients take bytes, not a text that they would encode as JSON.
        format: Some("binary"),
        ..MetaSchema::new("string")
    }))
}

impl<'a> ApiExtractor<'a> for BatchBody {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        <Json<EnergyReadings> as Payload>::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        let ndjson = text("One `EnergyReading` a line.", NDJSON_EXAMPLE);
        let csv = text(
            "RFC 4180 with a header; its columns are the members of an `EnergyReading`, in any order, and others.",
            CSV_EXAMPLE,
        );
        let json = <Json<EnergyReadings> as Payload>::schema_ref();
        let content =
            [("application/json", json), ("application/x-ndjson", ndjson), ("text/csv", csv)];
        let content = content.map(|(content_type, schema)| MetaMediaType { content_type, schema });
        Some(MetaRequest { description: None, content: content.into(), required: true })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<Self::ParamType>,
    ) -> poem::Result<Self> {
        let headers = request.headers();
        let Some(format) = Format::of(headers) else { return Ok(Self::UnsupportedType) };
        Ok(match receive(headers, body.take()?, &LIMITS).await {
            Ok(body) => Self::Complete(format, body),
            Err(error) => Self::Failed(error),
        })
    }
}
