//! Prints the OpenAPI document of a service.

use readings::store::RedisServer;

use crate::config::DocumentedRole;
use crate::console;
use crate::roles::{ingestion_api, processing_service, service_context::Backend};

/// Prints the document; nothing is connected to.
///
/// # Errors
/// When the service cannot be put together.
pub fn run(role: DocumentedRole) -> anyhow::Result<()> {
    let backend = Backend::unconnected(RedisServer::from_host_port("localhost", 6379)?);
    let document = match role {
        DocumentedRole::IngestionApi => {
            ingestion_api::service(&backend, &ingestion_api::Intake::default()).document
        }
        DocumentedRole::ProcessingService => processing_service::service(&backend, "").document,
    };
    document.lines().for_each(console::say);
    Ok(())
}
