//! Errors of paths that clients of `InfluxDB` use, with the members by which these print them.

use futures_util::FutureExt;
use poem::{Body, Response};
use serde_json::{Map, Value};

use crate::paths::is_of_influx;

/// The response to a request of this path; if it is an error in the form of all operations, with its sentence as
/// `message` (version 2) and `error` (version 1) as well.
pub(crate) fn complete(path: &str, mut response: Response) -> Response {
    let status = response.status();
    if !is_of_influx(path) || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    // Bodies of errors are in memory, so nothing is waited for.
    let body = response.take_body().into_bytes().now_or_never().and_then(Result::ok);
    let body = body.unwrap_or_default();
    match serde_json::from_slice::<Map<String, Value>>(&body) {
        Ok(mut members) if !members.contains_key("message") => {
            let detail = members.get("detail").cloned().unwrap_or_default();
            members.insert("message".to_owned(), detail.clone());
            members.insert("error".to_owned(), detail);
            response.set_body(Body::from_string(Value::Object(members).to_string()));
        }
        _ => response.set_body(body),
    }
    response
}

#[cfg(test)]
mod tests {
    use poem::http::StatusCode;

    use super::*;
    use crate::error_body::ErrorBody;
    use crate::error_code::ErrorCode;

    async fn body(path: &str, status: StatusCode) -> Value {
        let response = ErrorBody::new(ErrorCode::ApiKeyMissing, "An API key").response(status);
        complete(path, response).into_body().into_json().await.unwrap()
    }

    #[tokio::test]
    async fn an_error_has_its_sentence_where_clients_of_influxdb_look_for_it() {
        let error = body("/write", StatusCode::UNAUTHORIZED).await;
        assert_eq!(error["message"], "An API key");
        assert_eq!(error["error"], "An API key");
        assert_eq!(
            (&error["detail"], &error["code"]),
            (&"An API key".into(), &"api_key_missing".into())
        );
        assert!(body("/readings", StatusCode::UNAUTHORIZED).await.get("message").is_none());
        assert!(body("/write", StatusCode::OK).await.get("message").is_none());
    }
}
