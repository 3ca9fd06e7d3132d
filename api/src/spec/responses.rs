//! Responses that every operation has in common, and the headers of all responses.

use serde_json::{Map, Value, json};

use super::security;
use crate::problem_details;
use crate::replica_lag::reads_stored;

/// The schemas of error bodies.
const ERROR_BODIES: [&str; 4] =
    ["Problem", "ValidationProblem", "RejectedBatch", "UnavailableBatch"];

/// Errors that a request can get from every operation: before it, after its time limit or in its place.
const COMMON: [(&str, &str, &str); 9] = [
    ("400", "BadRequest", "The request is not valid HTTP/1.1."),
    ("408", "HeadTooSlow", "The head of the request did not arrive completely in time."),
    ("414", "TargetTooLong", "The request line is too long."),
    ("421", "HostNotAllowed", "The service is not reached by the host that `Host` names."),
    (
        "429",
        "RateLimited",
        "The client address or the API key is above its rate limit: `Retry-After` says when to try again.",
    ),
    ("431", "HeadTooLarge", "The head of the request is too large."),
    ("500", "InternalServerError", "The service failed; its log has the reason."),
    ("501", "CodingUnknown", "The body has a transfer coding other than `chunked`."),
    (
        "503",
        "Unavailable",
        "The service is unavailable or the request took too long: `code` says why, `Retry-After` when to try again.",
    ),
];

/// Errors that a request can get from every operation that needs an API key; those that need none change nothing.
const OF_KEYED: [(&str, &str, &str); 2] = [
    (
        "401",
        "Unauthorized",
        "The service requires API keys, and the request has none that is valid: `code` says why.",
    ),
    (
        "403",
        "Forbidden",
        "The API key does not permit the request, or a web page of another origin sent it to change something: `code` \
         says which.",
    ),
];

/// Adds the common responses to each operation, and the headers to all responses.
pub(super) fn complete(document: &mut Value) {
    let Some(paths) = document.get_mut("paths").and_then(Value::as_object_mut) else { return };
    let mut any_lags = false;
    for (path, operations) in paths {
        for (method, operation) in operations.as_object_mut().into_iter().flatten() {
            let summary = operation["summary"].clone();
            let may_lag = method == "get" && reads_stored(path);
            if let Some(responses) = operation["responses"].as_object_mut() {
                complete_specific(responses, &summary);
                if may_lag {
                    add_replica_lag(responses);
                    any_lags = true;
                }
                add_common(responses, security::scope_of(method, path).is_some());
            }
        }
    }
    define_common(document);
    if any_lags {
        document["components"]["headers"]["ReplicaLag"] = replica_lag();
    }
    define_problem_details(document);
}

fn complete_specific(responses: &mut Map<String, Value>, summary: &Value) {
    for (status, response) in responses {
        let Some(response) = response.as_object_mut() else { continue };
        if response.get("description").is_some_and(|description| description == "") {
            response.insert("description".to_owned(), summary.clone());
        }
        name_media_types(response);
        add_problem_details(status, response);
        let specific = response.get("headers").and_then(Value::as_object).into_iter().flatten();
        let specific = specific.map(|(name, header)| (in_title_case(name), header.clone()));
        let all = specific.chain(headers(status)).collect::<Map<_, _>>();
        response.insert("headers".to_owned(), all.into());
    }
}

fn add_replica_lag(responses: &mut Map<String, Value>) {
    let header = json!({ "$ref": "#/components/headers/ReplicaLag" });
    let headers = responses.get_mut("200").and_then(|response| response["headers"].as_object_mut());
    headers.map(|headers| headers.insert("Replica-Lag".to_owned(), header));
}

fn replica_lag() -> Value {
    json!({
        "description": "Where readings are read from a replica of Redis (`REDIS_READ_FROM`): the response has all \
                        that was stored this many seconds ago or earlier, as of the last sample of each second. \
                        Absent where they are read from the primary, and for a second after another replica was chosen.",
        "required": false,
        "schema": { "type": "number", "minimum": 0 },
    })
}

/// The framework writes the names of headers in capitals.
fn in_title_case(name: &str) -> String {
    let word = |word: &str| {
        let (first, rest) = word.split_at(word.len().min(1));
        first.to_uppercase() + &rest.to_lowercase()
    };
    name.split('-').map(word).collect::<Vec<_>>().join("-")
}

fn add_common(responses: &mut Map<String, Value>, needs_key: bool) {
    for (status, name, _) in COMMON.into_iter().chain(OF_KEYED.into_iter().filter(|_| needs_key)) {
        let reference = || json!({ "$ref": format!("#/components/responses/{name}") });
        responses.entry(status).or_insert_with(reference);
    }
    responses.sort_keys();
}

/// Names media types without parameters: generated clients do not compare those.
fn name_media_types(response: &mut Map<String, Value>) {
    let Some(Value::Object(content)) = response.get_mut("content") else { return };
    *content = std::mem::take(content)
        .into_iter()
        .map(|(name, media)| (name.split(';').next().unwrap_or_default().to_owned(), media))
        .collect();
}

/// Adds the other form of an error body.
fn add_problem_details(status: &str, response: &mut Map<String, Value>) {
    let Some(Value::Object(content)) = response.get_mut("content") else { return };
    let body = content.get("application/json").map(|media| media["schema"]["$ref"].clone());
    let is_error_body = body.as_ref().and_then(Value::as_str).is_some_and(|name| {
        ERROR_BODIES.iter().any(|body| name.strip_prefix("#/components/schemas/") == Some(body))
    });
    if is_error_body && status >= "400" {
        let schema = json!({ "$ref": "#/components/schemas/ProblemDetails" });
        content.insert(problem_details::MEDIA_TYPE.to_owned(), json!({ "schema": schema }));
    }
}

fn define_problem_details(document: &mut Value) {
    document["components"]["schemas"]["ProblemDetails"] = json!({
        "type": "object",
        "description": "An error as RFC 9457 has it, where `Accept` names `application/problem+json`. What else the \
                        JSON form has, such as `progress`, is a member of it, too.",
        "required": ["type", "title", "status", "detail", "code", "request_id"],
        "properties": {
            "type": { "type": "string", "description": "Always `about:blank`: `code` says what went wrong." },
            "title": { "type": "string", "description": "The status in words." },
            "status": { "type": "integer", "minimum": 400, "maximum": 599, "description": "The status." },
            "detail": { "type": "string", "description": "What went wrong, in a sentence." },
            "code": { "$ref": "#/components/schemas/ErrorCode" },
            "request_id": { "type": "string", "description": "The request's `X-Request-Id`." },
            "errors": {
                "type": "array",
                "items": { "$ref": "#/components/schemas/ValidationFault" },
                "description": "Every validation error of the request.",
            },
            "row_errors": {
                "type": "array",
                "items": { "type": "object" },
                "description": "The invalid rows of a batch, which the JSON form has as `errors`.",
            },
        },
    });
}

/// The headers that [`crate::middleware`] adds.
fn headers(status: &str) -> Map<String, Value> {
    let header = |name: &str| json!({ "$ref": format!("#/components/headers/{name}") });
    let mut headers = Map::new();
    headers.insert("X-Request-Id".to_owned(), header("RequestId"));
    match status {
        "401" => headers.insert("WWW-Authenticate".to_owned(), header("Challenge")),
        "429" | "503" => headers.insert("Retry-After".to_owned(), header("RetryAfter")),
        _ => None,
    };
    headers
}

fn define_common(document: &mut Value) {
    document["components"]["responses"] = COMMON
        .into_iter()
        .chain(OF_KEYED)
        .map(|(status, name, description)| {
            let schema = json!({ "$ref": "#/components/schemas/Problem" });
            let content = json!({ "application/json": { "schema": schema } });
            let mut response = json!({
                "description": description, "content": content, "headers": headers(status),
            });
            if let Some(response) = response.as_object_mut() {
                add_problem_details(status, response);
            }
            (name.to_owned(), response)
        })
        .collect();
    document["components"]["headers"] = json!({
        "RequestId": {
            "description": "The `X-Request-Id` of the request if it is usable, else a new one. \
                            The log lines about the request have it, too.",
            "required": true,
            "schema": { "type": "string", "minLength": 1, "maxLength": 128 },
        },
        "Challenge": {
            "description": "`Bearer`, and the error of RFC 6750 if the request had a key.",
            "required": true,
            "schema": { "type": "string" },
        },
        "RetryAfter": {
            "description": "Seconds after which to try again.",
            "required": true,
            "schema": { "type": "integer", "minimum": 1 },
        },
    });
}
