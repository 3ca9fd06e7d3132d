//! How the operations are grouped in the OpenAPI documents.

use poem_openapi::Tags;

/// How the operations are grouped in the documents.
#[derive(Debug, Tags)]
pub(crate) enum Topic {
    /// Take readings.
    Ingestion,
    /// Read them back.
    Query,
    /// See how the service is.
    Operations,
}
