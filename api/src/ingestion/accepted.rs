//! The body of the response to an accepted reading: documented as an object, written as text.
//!
//! The framework's own JSON payload builds a tree of values first, for every reading.

use poem::http::{HeaderValue, header};
use poem::{Body, IntoResponse, Response};
use poem_openapi::payload::{Json, Payload};
use poem_openapi::registry::{MetaSchemaRef, Registry};
use poem_openapi::{Enum, Object};
use readings::store::StreamId;

/// An accepted reading.
#[derive(Debug, Clone, Object)]
#[allow(dead_code)] // describes the body
struct Accepted {
    status: AcceptedStatus,
    /// The id of its stream entry, `<milliseconds>-<sequence>`; the stored reading has the same.
    stream_id: String,
}

#[derive(Debug, Clone, Enum)]
#[oai(rename_all = "lowercase")]
#[allow(dead_code)] // as above
enum AcceptedStatus {
    Accepted,
}

/// The body with the id of the reading's stream entry.
pub(super) struct AcceptedBody(pub StreamId);

impl Payload for AcceptedBody {
    const CONTENT_TYPE: &'static str = Json::<Accepted>::CONTENT_TYPE;

    fn schema_ref() -> MetaSchemaRef {
        Json::<Accepted>::schema_ref()
    }

    fn register(registry: &mut Registry) {
        Json::<Accepted>::register(registry);
    }
}

impl IntoResponse for AcceptedBody {
    fn into_response(self) -> Response {
        let body = format!(r#"{{"status":"accepted","stream_id":"{}"}}"#, self.0);
        let mut response = Response::default();
        let content_type = HeaderValue::from_static(Self::CONTENT_TYPE);
        response.headers_mut().insert(header::CONTENT_TYPE, content_type);
        response.set_body(Body::from_string(body));
        response
    }
}

#[cfg(test)]
mod tests {
    use poem_openapi::types::ToJSON;

    use super::*;

    #[tokio::test]
    async fn the_body_is_the_documented_object() {
        let id = StreamId { ms: 1_700_000_000_000, seq: 7 };
        let documented = Accepted { status: AcceptedStatus::Accepted, stream_id: id.to_string() };
        let expected = Json(documented.clone()).into_response();
        let response = AcceptedBody(id).into_response();
        assert_eq!(response.headers(), expected.headers());
        assert_eq!(response.into_body().into_string().await.unwrap(), documented.to_json_string());
    }
}
