//! The answers that every operation may give, and the headers of answers.

use serde_json::{Map, Value, json};

/// Failures that any request may meet before, beside or instead of its operation.
const COMMON: [(&str, &str, &str); 7] = [
    ("400", "BadRequest", "The request is no HTTP that is understood here."),
    ("408", "HeadTooSlow", "The head of the request took too long to arrive."),
    ("414", "TargetTooLong", "The request line is too long."),
    ("431", "HeadTooLarge", "The head of the request is too large."),
    ("500", "InternalServerError", "The service has failed; its log says how."),
    ("501", "CodingUnknown", "The body is coded otherwise than in chunks."),
    ("503", "Unavailable", "The request cannot be answered now, or took too long."),
];

/// Adds the common answers to each operation, and to all answers the headers that they bear.
pub(super) fn complete(document: &mut Value) {
    let Some(paths) = document.get_mut("paths").and_then(Value::as_object_mut) else { return };
    let operations = paths.values_mut().filter_map(Value::as_object_mut);
    for operation in operations.flat_map(|path| path.values_mut()) {
        let summary = operation["summary"].clone();
        if let Some(responses) = operation["responses"].as_object_mut() {
            complete_own(responses, &summary);
            add_common(responses);
        }
    }
    define_common(document);
}

fn complete_own(responses: &mut Map<String, Value>, summary: &Value) {
    for (status, response) in responses {
        let Some(response) = response.as_object_mut() else { continue };
        if response.get("description").is_some_and(|description| description == "") {
            response.insert("description".to_owned(), summary.clone());
        }
        name_media_types(response);
        let own = response.get("headers").and_then(Value::as_object).into_iter().flatten();
        let own = own.map(|(name, header)| (in_title_case(name), header.clone()));
        let all = own.chain(headers(status)).collect::<Map<_, _>>();
        response.insert("headers".to_owned(), all.into());
    }
}

/// The framework writes the names of headers in capitals.
fn in_title_case(name: &str) -> String {
    let word = |word: &str| {
        let (first, rest) = word.split_at(word.len().min(1));
        first.to_uppercase() + &rest.to_lowercase()
    };
    name.split('-').map(word).collect::<Vec<_>>().join("-")
}

fn add_common(responses: &mut Map<String, Value>) {
    for (status, name, _) in COMMON {
        let reference = || json!({ "$ref": format!("#/components/responses/{name}") });
        responses.entry(status).or_insert_with(reference);
    }
    responses.sort_keys();
}

/// By type and subtype: generated clients compare no parameters.
fn name_media_types(response: &mut Map<String, Value>) {
    let Some(Value::Object(content)) = response.get_mut("content") else { return };
    *content = std::mem::take(content)
        .into_iter()
        .map(|(name, media)| (name.split(';').next().unwrap_or_default().to_owned(), media))
        .collect();
}

/// Those that [`crate::middleware`] sends.
fn headers(status: &str) -> Map<String, Value> {
    let header = |name: &str| json!({ "$ref": format!("#/components/headers/{name}") });
    let mut headers = Map::new();
    headers.insert("X-Request-Id".to_owned(), header("RequestId"));
    if status == "503" {
        headers.insert("Retry-After".to_owned(), header("RetryAfter"));
    }
    headers
}

fn define_common(document: &mut Value) {
    document["components"]["responses"] = COMMON
        .map(|(status, name, description)| {
            let schema = json!({ "$ref": "#/components/schemas/Problem" });
            let content = json!({ "application/json": { "schema": schema } });
            let response = json!({
                "description": description, "content": content, "headers": headers(status),
            });
            (name.to_owned(), response)
        })
        .into_iter()
        .collect();
    document["components"]["headers"] = json!({
        "RequestId": {
            "description": "The request's own `X-Request-Id` if that is usable, else a new one; \
                            the service's log has it.",
            "required": true,
            "schema": { "type": "string", "minLength": 1, "maxLength": 128 },
        },
        "RetryAfter": {
            "description": "Seconds after which to try again.",
            "required": true,
            "schema": { "type": "integer", "minimum": 1 },
        },
    });
}
