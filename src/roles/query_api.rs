//! The queries of the Processing Service, without the pipeline.

use std::net::Ipv4Addr;

use api::operations::Readiness;
use api::server::Connections;
use readings::store::Requirements;

use super::listener::{announce_and_serve, listen};
use super::processing_service::service_with;
use super::service_context::Backend;
use crate::config::QuerySettings;
use crate::shutdown;

/// The consumer's name in `/health`: this role consumes nothing.
const NO_CONSUMER: &str = "";

/// Serves until the process is told to end.
///
/// # Errors
/// When the settings are of no use, or the port is taken.
pub async fn run(settings: QuerySettings) -> anyhow::Result<()> {
    let ending = shutdown::on_signal()?;
    let backend =
        Backend::new(&settings.redis, settings.redis.server()?, Requirements::for_queries);
    let listener = listen(
        &settings.listen,
        Ipv4Addr::UNSPECIFIED,
        settings.port.processing_port,
        "PROCESSING_PORT",
    );
    let listener = listener.await?;
    backend.attend();
    let readiness = Readiness::Reads(backend.queries.clone());
    let endpoint = service_with(&backend, NO_CONSUMER, readiness).endpoint;
    let serving = announce_and_serve(
        "query-api",
        listener,
        endpoint,
        Connections::new(settings.connections.limits()),
        ending.clone(),
        settings.drain.timeout(),
    );
    let begin_draining = async {
        ending.cancelled().await;
        backend.draining.begin();
    };
    tokio::join!(serving, begin_draining).0
}
