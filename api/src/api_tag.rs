//! The tags that group operations in the OpenAPI documents.

use poem_openapi::Tags;

/// The tag of an operation.
#[derive(Debug, Tags)]
pub(crate) enum ApiTag {
    /// Accepts readings.
    Ingestion,
    /// Returns stored readings.
    Query,
    /// Health, metrics and administration of the pipeline.
    Operations,
}
