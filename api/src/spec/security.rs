//! The security scheme, and the scope that each operation needs.

use poem::http::Method;
use serde_json::{Value, json};

use crate::access::{Scope, required_scope};

const SCHEME: &str = "ApiKey";

const DESCRIPTION: &str = "An API key, as `energy-pipeline keys create` prints it. It is required where the operator has set \
                           `API_KEYS_FILE`. Each operation lists the scope that the key needs: `write`, `read` or `operate`. \
                           `Authorization: Token <key>` is the same.";

/// The scope that an operation of the document needs.
pub(super) fn scope_of(method: &str, path: &str) -> Option<Scope> {
    let method: Method = method.to_uppercase().parse().ok()?;
    required_scope(&method, path)
}

/// Adds the scheme, and to each operation what it needs: a key is optional, as a service may require none.
pub(super) fn complete(document: &mut Value) {
    for (path, operations) in document["paths"].as_object_mut().into_iter().flatten() {
        for (method, operation) in operations.as_object_mut().into_iter().flatten() {
            operation["security"] = match scope_of(method, path) {
                Some(scope) => json!([{}, { SCHEME: [scope.name()] }]),
                None => json!([]),
            };
        }
    }
    document["components"]["securitySchemes"] = json!({
        SCHEME: { "type": "http", "scheme": "bearer", "description": DESCRIPTION },
    });
}
