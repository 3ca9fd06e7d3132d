//! The bodies of writes and of statements.

use std::time::Duration;

use poem::{Request, RequestBody};
use poem_openapi::registry::{MetaMediaType, MetaRequest, MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};
use serde_json::json;

use crate::ingestion::batch::{BATCHES_KIB, DECODED_BATCHES_KIB};
use crate::ingestion::received_body::{BodyError, BodyLimits, ReceivedBody, receive};

/// The largest body, as sent and decoded. Too low: clients which do not divide their batches have to. Too high: one request
/// takes much memory and time.
const MAX_BODY_BYTES: usize = 10 * 1024 * 1024;

/// The largest body that needs no memory permit. Every connection may have one.
const SMALL_BODY_BYTES: usize = 8 * 1024;

/// How long the body may take to arrive. Too low: large bodies on slow links are cut off. Too high: a sender that stalls
/// keeps others waiting that long, and no time is left for Redis (`REQUEST_TIMEOUT`).
const BODY_TIMEOUT: Duration = Duration::from_secs(20);

static LINES: BodyLimits = BodyLimits {
    content: "line protocol",
    bytes: MAX_BODY_BYTES,
    small_bytes: SMALL_BODY_BYTES,
    received_kib: &BATCHES_KIB,
    decoded_kib: &DECODED_BATCHES_KIB,
    timeout: BODY_TIMEOUT,
};

static STATEMENT: BodyLimits =
    BodyLimits { content: "a statement", bytes: SMALL_BODY_BYTES, ..LINES };

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
