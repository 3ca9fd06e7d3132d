//! What holds for both OpenAPI documents, for every operation.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::common::batch;
use crate::common::documents::{ROLES, document, operations};

/// Members of responses that may be left out. All others are always sent, as null where they have
/// no value: `#[oai(nullable)]` marks such an `Option`, `#[oai(skip_serializing_if_is_none)]` one
/// that is left out.
const LEFT_OUT: [(&str, &str); 18] = [
    ("AggregateSeries", "devices"),
    ("DeadLetter", "receiver"),
    ("DeadLetters", "next_cursor"),
    ("PipelineState", "archiving"),
    ("PipelineState", "packing"),
    ("PipelineState", "partitions"),
    ("PipelineState", "tiers"),
    ("ProblemDetails", "errors"),
    ("ProblemDetails", "row_errors"),
    ("ReceiverSummary", "connections"),
    ("SiteReadings", "next_cursor"),
    ("Sites", "next_after"),
    ("Sites", "next_cursor"),
    ("StatementResult", "series"),
    ("StatementSeries", "values"),
    ("Ready", "unavailable_streams"),
    ("UnavailableBatch", "progress"),
    ("ValidationFault", "ctx"),
];

/// Errors of batches also say what was accepted; the members of the others come first.
const OF_BATCHES: [(&str, &str); 2] = [
    ("422", "#/components/schemas/RejectedBatch"),
    ("503", "#/components/schemas/UnavailableBatch"),
];

/// Errors of line protocol are those of `InfluxDB`, where its clients read them.
const OF_LINES: (&[&str], &[&str], &str) = (
    &["/api/v2/write", "/write", "/query"],
    &["400", "403", "408", "413", "415", "429", "503"],
    "#/components/schemas/InfluxError",
);

/// The error of a deletion also says what was deleted.
const OF_DELETIONS: (&str, &str) = ("503", "#/components/schemas/UnavailableDeletion");

fn documents() -> [Value; 2] {
    ROLES.map(document)
}

/// Calls `look` with every object in a value.
fn each_object<'a>(value: &'a Value, look: &mut impl FnMut(&'a serde_json::Map<String, Value>)) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| each_object(item, look)),
        Value::Object(members) => {
            look(members);
            members.values().for_each(|member| each_object(member, look));
        }
        _ => {}
    }
}

fn references(document: &Value) -> BTreeSet<String> {
    let mut references = BTreeSet::new();
    each_object(document, &mut |object| {
        references.extend(object.get("$ref").map(|to| to.as_str().unwrap().to_owned()));
        // Security schemes are referred to by their names.
        let required = object.get("security").and_then(Value::as_array).into_iter().flatten();
        let schemes = required.filter_map(Value::as_object).flat_map(|schemes| schemes.keys());
        references.extend(schemes.map(|name| format!("#/components/securitySchemes/{name}")));
    });
    references
}

/// The response itself, also where the operation refers to one of all operations.
fn resolved<'a>(document: &'a Value, response: &'a Value) -> &'a Value {
    let reference = response["$ref"].as_str().map(|to| to.trim_start_matches('#'));
    reference.map_or(response, |to| document.pointer(to).unwrap())
}

#[test]
fn every_component_is_used_and_every_reference_resolves() {
    for document in documents() {
        let kinds = document["components"].as_object().unwrap().iter();
        let components = kinds.flat_map(|(kind, components)| {
            let names = components.as_object().unwrap().keys();
            names.map(move |name| format!("#/components/{kind}/{name}"))
        });
        assert_eq!(components.collect::<BTreeSet<_>>(), references(&document));
    }
}

#[test]
fn no_schema_is_a_workaround_for_openapi_3_0() {
    for document in documents() {
        assert_eq!(document["openapi"], "3.1.0");
        each_object(&document, &mut |object| {
            for word in ["allOf", "nullable", "example"] {
                assert!(!object.contains_key(word), "{word} in {object:?}");
            }
        });
    }
}

#[test]
fn members_of_responses_are_required_except_for_the_listed_ones() {
    for document in documents() {
        for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
            let required: Vec<_> = schema["required"].as_array().into_iter().flatten().collect();
            let members = schema["properties"].as_object().into_iter().flat_map(|it| it.keys());
            for member in
                members.filter(|member| !required.contains(&&Value::from(member.as_str())))
            {
                let left_out = LEFT_OUT.contains(&(name, member));
                assert!(left_out, "{name}.{member} is neither nullable nor known to be left out");
            }
        }
    }
}

#[test]
fn every_operation_has_an_id_of_its_own_and_a_tag_that_is_described() {
    for document in documents() {
        let operations = operations(&document);
        let ids: BTreeSet<_> =
            operations.iter().map(|it| it.described["operationId"].as_str()).collect();
        assert!(!ids.contains(&None) && ids.len() == operations.len(), "{ids:?}");
        let used: BTreeSet<_> =
            operations.iter().map(|it| it.described["tags"][0].as_str().unwrap()).collect();
        let tags = document["tags"].as_array().unwrap().iter();
        let described: BTreeSet<_> = tags.map(|tag| tag["name"].as_str().unwrap()).collect();
        assert_eq!(used, described);
    }
}

#[test]
fn every_error_is_a_sentence_or_a_list_of_validation_errors() {
    for document in documents() {
        for operation in operations(&document) {
            let name = &operation.path;
            for (status, response) in operation.described["responses"].as_object().unwrap() {
                let schema =
                    &resolved(&document, response)["content"]["application/json"]["schema"];
                let (lines, of_lines, influx_error) = OF_LINES;
                let is_read_by_influx_clients = lines.contains(&name.as_str())
                    && of_lines.contains(&status.as_str())
                    && (name != "/query" || status == "400");
                let of_batch = OF_BATCHES.iter().find(|(of, _)| of == status);
                let expected = match status.as_str() {
                    _ if name == batch::PATH && of_batch.is_some() => of_batch.unwrap().1,
                    _ if is_read_by_influx_clients => influx_error,
                    _ if operation.described["operationId"] == "delete_site_readings"
                        && status == OF_DELETIONS.0 =>
                    {
                        OF_DELETIONS.1
                    }
                    "422" => "#/components/schemas/ValidationProblem",
                    _ if status.starts_with('2') => continue,
                    _ => "#/components/schemas/Problem",
                };
                assert_eq!(schema["$ref"], expected, "{status} of {name}");
            }
        }
    }
}

#[test]
fn an_error_of_a_batch_has_the_members_of_other_errors() {
    let [ingestion, _] = documents();
    for ((_, schema), other) in OF_BATCHES.iter().zip(["ValidationProblem", "Problem"]) {
        let schema = ingestion.pointer(schema.trim_start_matches('#')).unwrap();
        let other = &ingestion["components"]["schemas"][other]["properties"];
        for (name, member) in other.as_object().unwrap() {
            assert_eq!(schema["properties"][name]["type"], member["type"], "{name}");
            assert!(schema["required"].as_array().unwrap().contains(&name.as_str().into()));
        }
    }
}

#[test]
fn every_response_has_the_request_id_and_429_and_503_have_retry_after() {
    for document in documents() {
        for operation in operations(&document) {
            let name = &operation.path;
            for (status, response) in operation.described["responses"].as_object().unwrap() {
                let headers = &resolved(&document, response)["headers"];
                assert!(headers.get("X-Request-Id").is_some(), "{status} of {name}");
                let waits = headers.get("Retry-After").is_some();
                assert_eq!(waits, ["429", "503"].contains(&status.as_str()), "{status} of {name}");
            }
        }
    }
}

/// `OpenAPI` 3.1, section 4.8.12.2: "If in is "header" and the name field is "Accept",
/// "Content-Type" or "Authorization", the parameter definition SHALL be ignored."
#[test]
fn no_parameter_has_a_name_that_openapi_ignores() {
    for document in documents() {
        for operation in operations(&document) {
            for parameter in operation.described["parameters"].as_array().into_iter().flatten() {
                let name = parameter["name"].as_str().unwrap().to_lowercase();
                let ignored = ["accept", "content-type", "authorization"].contains(&&*name);
                assert!(!ignored, "{name} of {operation:?}");
            }
        }
    }
}
