//! The bodies of writes and of statements.

use poem::{Request, RequestBody};
use poem_openapi::registry::{MetaMediaType, MetaRequest, MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};
use serde_json::json;

use crate::ingestion::many_readings::SMALL_BODY_BYTES;
use crate::ingestion::received_body::{BodyError, BodyLimits, ReceivedBody, receive};

static LINES: BodyLimits = BodyLimits::of_many_readings("line protocol");

static STATEMENT: BodyLimits =
    BodyLimits { bytes: SMALL_BODY_BYTES, ..BodyLimits::of_many_readings("a statement") };

/// Lines, whatever `Content-Type` they have.
#[derive(Debug)]
pub(in crate::ingestion) struct LinesBody(pub Result<ReceivedBody, BodyError>);

/// The form that a statement may be in.
#[derive(Debug)]
pub(in crate::ingestion) struct StatementBody(pub Result<ReceivedBody, BodyError>);

const EXAMPLE: &str = "meter,site=house-01,entity_id=main-meter power=1500.5 1705314600000000000\n";

fn request_of(content_type: &'static str, schema: MetaSchema) -> MetaRequest {
    let schema = MetaSchemaRef::Inline(Box::new(schema));
    MetaRequest {
        description: None,
        content: vec![MetaMediaType { content_type, schema }],
        required: false,
    }
}

impl<'a> ApiExtractor<'a> for LinesBody {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];

    type ParamType = ();
    type ParamRawType = ();

    fn register(_registry: &mut Registry) {}

    fn request_meta() -> Option<MetaRequest> {
        let schema = MetaSchema {
            description: Some("Line protocol."),
            example: Some(json!(EXAMPLE)),
            format: Some("binary"),
            ..MetaSchema::new("string")
        };
        Some(request_of("text/plain", schema))
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<Self::ParamType>,
    ) -> poem::Result<Self> {
        Ok(Self(receive(request.headers(), body.take()?, &LINES).await))
    }
}

impl<'a> ApiExtractor<'a> for StatementBody {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];

    type ParamType = ();
    type ParamRawType = ();

    fn register(_registry: &mut Registry) {}

    fn request_meta() -> Option<MetaRequest> {
        let schema = MetaSchema {
            description: Some("The parameter `q`, where it is not in the URL."),
            ..MetaSchema::new("object")
        };
        Some(request_of("application/x-www-form-urlencoded", schema))
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<Self::ParamType>,
    ) -> poem::Result<Self> {
        Ok(Self(receive(request.headers(), body.take()?, &STATEMENT).await))
    }
}
