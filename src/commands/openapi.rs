//! `openapi`: prints the OpenAPI document of a service.

use readings::store::RedisServer;

use crate::config::DocumentedRole;
use crate::console;
use crate::roles::ingestion_api::{self, IngestionLimits};
use crate::roles::processing_service;
use crate::roles::service_context::ServiceContext;

/// Prints the document, without connecting to Redis.
///
/// # Errors
/// When the service cannot be constructed.
pub fn run(role: DocumentedRole) -> anyhow::Result<()> {
    let context = ServiceContext::unconnected(RedisServer::from_host_port("localhost", 6379)?);
    let document = match role {
        DocumentedRole::IngestionApi => {
            ingestion_api::service(&context, &IngestionLimits::default()).document
        }
        DocumentedRole::ProcessingService => processing_service::service(&context, "").document,
    };
    document.lines().for_each(console::print);
    Ok(())
}
