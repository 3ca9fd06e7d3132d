//! Error bodies as `application/problem+json` (RFC 9457), for clients that ask for them by `Accept`.
//!
//! The contract's bodies have other members, so this form is sent only when it is named. What it says is the same:
//! `code` and `request_id` are extension members (RFC 9457, 3.2), and so is whatever else a body has.

use futures_util::FutureExt;
use poem::http::{HeaderMap, HeaderValue, StatusCode, header};
use poem::{Body, Response};
use serde_json::{Map, Value, json};

use crate::weighted_items::weighted_items;

/// The media type.
pub(crate) const MEDIA_TYPE: &str = "application/problem+json";

const JSON: &str = "application/json";

/// Whether `Accept` names the media type, and does not prefer `application/json`. A wildcard does not name it.
pub(crate) fn is_wanted(headers: &HeaderMap) -> bool {
    // Nearly every request has no `Accept`, or a short one: nothing is allocated for those.
    let may_name_it = |value: &HeaderValue| value.len() >= MEDIA_TYPE.len();
    if !headers.get_all(header::ACCEPT).into_iter().any(may_name_it) {
        return false;
    }
    let (mut problem, mut json) = (0.0, 0.0);
    for (name, weight) in weighted_items(headers, header::ACCEPT) {
        match name.as_str() {
            MEDIA_TYPE => problem = weight,
            JSON => json = weight,
            _ => {}
        }
    }
    problem > 0.0 && problem >= json
}

/// The response with its error body in this form; one that is no error, or has another body, as it is.
pub(crate) fn with_problem_details(mut response: Response) -> Response {
    let status = response.status();
    let is_error = status.is_client_error() || status.is_server_error();
    let media_type = response.headers().get(header::CONTENT_TYPE);
    let is_json = media_type.is_some_and(|value| value.as_bytes().starts_with(JSON.as_bytes()));
    if !(is_error && is_json) {
        return response;
    }
    // Bodies of errors are in memory, so nothing is waited for.
    let body = response.take_body().into_bytes().now_or_never().and_then(Result::ok);
    let body = body.unwrap_or_default();
    match serde_json::from_slice::<Map<String, Value>>(&body) {
        Ok(members) if members.contains_key("code") => {
            response.set_body(Body::from_string(problem(status, members).to_string()));
            let headers = response.headers_mut();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
            headers.append(header::VARY, HeaderValue::from_static("accept"));
        }
        _ => response.set_body(body),
    }
    response
}

fn problem(status: StatusCode, mut body: Map<String, Value>) -> Value {
    let mut problem = Map::new();
    // The type without a meaning of its own: its title is that of the status, and `code` says more.
    problem.insert("type".to_owned(), json!("about:blank"));
    problem.insert("title".to_owned(), json!(status.canonical_reason().unwrap_or_default()));
    problem.insert("status".to_owned(), json!(status.as_u16()));
    // The rows of a batch: `errors` are those of the request as a whole.
    let rows = body.remove("errors").map(|rows| ("row_errors".to_owned(), rows));
    match body.remove("detail") {
        Some(Value::Array(errors)) => {
            problem.insert("detail".to_owned(), json!(sentence(&errors)));
            problem.insert("errors".to_owned(), errors.into());
        }
        detail => {
            problem.extend(detail.map(|detail| ("detail".to_owned(), detail)));
        }
    }
    problem.extend(body);
    problem.extend(rows);
    problem.into()
}

/// Validation errors in a sentence: how many, and the first of them.
fn sentence(errors: &[Value]) -> String {
    let Some(first) = errors.first() else { return String::new() };
    let item = |item: &Value| item.as_str().map_or_else(|| item.to_string(), ToOwned::to_owned);
    let place: Vec<_> = first["loc"].as_array().into_iter().flatten().map(item).collect();
    let first = format!("{}: {}", place.join("."), first["msg"].as_str().unwrap_or_default());
    match errors.len() {
        1 => first,
        count => format!("{count} errors, the first of which is {first}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_wanted_by(accept: &str) -> bool {
        let value = HeaderValue::from_str(accept).unwrap();
        is_wanted(&HeaderMap::from_iter([(header::ACCEPT, value)]))
    }

    #[test]
    fn it_is_sent_only_where_accept_names_it_and_does_not_prefer_json() {
        for yes in [
            "application/problem+json",
            "application/json, application/problem+json",
            "APPLICATION/PROBLEM+JSON;q=0.1",
            "application/problem+json;q=0.5, application/json;q=0.4, */*",
            "text/csv, application/problem+json; q=1.000",
        ] {
            assert!(is_wanted_by(yes), "{yes}");
        }
        for no in [
            "",
            "*/*",
            "application/*",
            "application/json, text/html;q=0.9, */*;q=0.8",
            "application/problem+json;q=0",
            "application/problem+json;q=0.9, application/json",
            "application/problem+json-seq",
            "application/problem+json;q=high",
        ] {
            assert!(!is_wanted_by(no), "{no}");
        }
        assert!(!is_wanted(&HeaderMap::new()));
    }

    fn response(status: StatusCode, content_type: &str, body: &str) -> Response {
        let response =
            Response::builder().status(status).header(header::CONTENT_TYPE, content_type);
        with_problem_details(response.body(body.to_owned()))
    }

    async fn problem_of(status: StatusCode, body: &Value) -> Value {
        let response = response(status, "application/json; charset=utf-8", &body.to_string());
        assert_eq!(response.headers()[header::CONTENT_TYPE], MEDIA_TYPE);
        response.into_body().into_json().await.unwrap()
    }

    #[tokio::test]
    async fn a_sentence_and_the_extension_members_are_kept() {
        let body = json!({ "detail": "try later", "code": "backlog_full", "request_id": "r", "progress": 1 });
        assert_eq!(
            problem_of(StatusCode::SERVICE_UNAVAILABLE, &body).await,
            json!({
                "type": "about:blank", "title": "Service Unavailable", "status": 503, "detail": "try later",
                "code": "backlog_full", "request_id": "r", "progress": 1,
            })
        );
    }

    #[tokio::test]
    async fn validation_errors_are_the_member_errors_and_rows_of_a_batch_row_errors() {
        let error = json!({ "loc": ["body", 3], "msg": "Bad" });
        let rows = json!([{ "index": 7 }]);
        let body = json!({ "detail": [error], "code": "validation_failed", "errors": rows });
        let problem = problem_of(StatusCode::UNPROCESSABLE_ENTITY, &body).await;
        assert_eq!(problem["detail"], "body.3: Bad");
        assert_eq!((&problem["errors"], &problem["row_errors"]), (&json!([error]), &rows));
        let body = json!({ "detail": [error, error], "code": "validation_failed" });
        let problem = problem_of(StatusCode::UNPROCESSABLE_ENTITY, &body).await;
        assert_eq!(problem["detail"], "2 errors, the first of which is body.3: Bad");
    }

    #[tokio::test]
    async fn what_is_no_error_body_stays_as_it_is() {
        for (status, content_type, body) in [
            (StatusCode::OK, JSON, r#"{"code":1}"#),
            (StatusCode::SERVICE_UNAVAILABLE, JSON, r#"{"status":"not ready"}"#),
            (StatusCode::NOT_FOUND, "text/html", r#"{"code":1}"#),
            (StatusCode::NOT_FOUND, JSON, ""),
        ] {
            let response = response(status, content_type, body);
            assert_eq!(response.headers()[header::CONTENT_TYPE], content_type);
            assert_eq!(response.into_body().into_string().await.unwrap(), body);
        }
    }
}
