//! The body of a remote write: a message in Protocol Buffers, compressed as one block of snappy.

use poem::http::{HeaderMap, header};
use poem::{Request, RequestBody};
use poem_openapi::registry::{MetaMediaType, MetaRequest, MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};
use snap::raw::{Decoder, decompress_len};
use tokio::sync::SemaphorePermit;

use crate::ingestion::received_body::{BodyError, BodyLimits, acquire, receive_encoded};

/// The media type of the body, as `Accept` of a 415 has it.
pub(super) const MEDIA_TYPE: &str = "application/x-protobuf";

/// The coding of the body, as `Accept-Encoding` of a 415 has it.
pub(super) const CODING: &str = "snappy";

/// The message of the body, as the parameter `proto` of its media type names it.
const MESSAGE: &str = "prometheus.WriteRequest";

static LIMITS: BodyLimits = BodyLimits::of_many_readings("a remote write");

/// A decoded body, and the memory permit that it needs.
#[derive(Debug)]
pub(super) struct Message {
    pub bytes: Vec<u8>,
    _permit: Option<SemaphorePermit<'static>>,
}

/// The body of a request.
#[derive(Debug)]
pub(in crate::ingestion) enum WriteBody {
    /// Decoded.
    Decoded(Message),
    /// It is no block of snappy.
    Undecodable,
    /// It is another message, or of another type.
    UnsupportedType,
    /// It has another coding.
    UnsupportedCoding,
    /// It was not received.
    Failed(BodyError),
}

impl<'a> ApiExtractor<'a> for WriteBody {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];

    type ParamType = ();
    type ParamRawType = ();

    fn register(_registry: &mut Registry) {}

    fn request_meta() -> Option<MetaRequest> {
        let schema = MetaSchemaRef::Inline(Box::new(MetaSchema {
            description: Some("A `prometheus.WriteRequest`, compressed as one block of snappy."),
            format: Some("binary"),
            ..MetaSchema::new("string")
        }));
        let content = vec![MetaMediaType { content_type: MEDIA_TYPE, schema }];
        Some(MetaRequest { description: None, content, required: true })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<Self::ParamType>,
    ) -> poem::Result<Self> {
        let headers = request.headers();
        if !is_write_request(headers) {
            return Ok(Self::UnsupportedType);
        }
        if !is_snappy(headers) {
            return Ok(Self::UnsupportedCoding);
        }
        let received = match receive_encoded(headers, body.take()?, &LIMITS).await {
            Ok(received) => received,
            Err(error) => return Ok(Self::Failed(error)),
        };
        // On the heap: it waits for memory.
        Ok(Box::pin(decoded(&received.bytes)).await)
    }
}

/// Whether the body is the message of remote write 1.0, which is sent without the parameter `proto`. 2.0 has another one.
fn is_write_request(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return true };
    let mut parts = value.to_str().unwrap_or_default().split(';').map(str::trim);
    let is_protobuf = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(MEDIA_TYPE));
    let message = parts.find_map(|part| part.strip_prefix("proto="));
    is_protobuf && message.is_none_or(|message| message.trim_matches('"') == MESSAGE)
}

/// Whether the body is compressed as the specification demands; without a header it is, too.
fn is_snappy(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(header::CONTENT_ENCODING).into_iter();
    codings.all(|coding| coding.as_bytes().eq_ignore_ascii_case(CODING.as_bytes()))
}

/// Decodes a body of which the length is known before a byte is decoded.
async fn decoded(sent: &[u8]) -> WriteBody {
    let length = match decompress_len(sent) {
        Ok(length) if length <= LIMITS.bytes => length,
        Ok(_) => return WriteBody::Failed(BodyError::TooLarge(&LIMITS)),
        Err(_) => return WriteBody::Undecodable,
    };
    let permit = acquire(LIMITS.decoded_kib, length).await;
    match Decoder::new().decompress_vec(sent) {
        Ok(bytes) => WriteBody::Decoded(Message { bytes, _permit: permit }),
        Err(_) => WriteBody::Undecodable,
    }
}

#[cfg(test)]
mod tests {
    use poem::http::HeaderValue;

    use super::*;

    fn headers(name: header::HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn the_message_of_remote_write_1_is_supported_and_no_other() {
        let is_supported = |value| is_write_request(&headers(header::CONTENT_TYPE, value));
        assert!(is_write_request(&HeaderMap::new()));
        for yes in [
            "application/x-protobuf",
            "Application/X-Protobuf ; charset=utf-8",
            "application/x-protobuf;proto=prometheus.WriteRequest",
        ] {
            assert!(is_supported(yes), "{yes}");
        }
        for no in
            ["application/x-protobuf;proto=io.prometheus.write.v2.Request", "application/json", ""]
        {
            assert!(!is_supported(no), "{no}");
        }
    }

    #[test]
    fn only_snappy_is_a_coding() {
        assert!(is_snappy(&HeaderMap::new()));
        assert!(is_snappy(&headers(header::CONTENT_ENCODING, "Snappy")));
        assert!(!is_snappy(&headers(header::CONTENT_ENCODING, "gzip")));
    }

    #[tokio::test]
    async fn a_body_that_says_it_is_too_large_is_not_decoded() {
        let bytes = vec![0; LIMITS.bytes + 1];
        let sent = snap::raw::Encoder::new().compress_vec(&bytes).unwrap();
        let decoded = decoded(&sent).await;
        assert!(matches!(decoded, WriteBody::Failed(BodyError::TooLarge(_))), "{decoded:?}");
    }
}
