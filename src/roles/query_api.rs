//! The Query API: the queries of the Processing Service, without the pipeline.

use std::net::Ipv4Addr;

use api::operations::Readiness;
use api::server::Connections;
use readings::store::Requirements;

use super::http_server::{HttpServer, listen};
use super::processing_service::service_with;
use super::service_context::ServiceContext;
use crate::config::QuerySettings;
use crate::shutdown;

/// `consumer_name` in `/health`: this role consumes nothing.
const NO_CONSUMER: &str = "";

/// Serves until a signal stops the process.
///
/// # Errors
/// When a setting is invalid, or the port is in use.
pub async fn run(settings: QuerySettings) -> anyhow::Result<()> {
    let stop = shutdown::on_signal()?;
    let redis = settings.redis.server()?;
    let context = ServiceContext::new(&settings.redis, redis, Requirements::for_queries);
    let listener = listen(&settings.listen, Ipv4Addr::UNSPECIFIED, settings.port.setting()).await?;
    let server = HttpServer {
        origins: settings.origins.policy(listener.local_addr()?),
        listener,
        connections: Connections::new(settings.connections.limits()),
        stop: stop.clone(),
        grace: settings.drain.timeout(),
    };
    context.spawn_monitors();
    let readiness = Readiness::Reads(context.queries.clone());
    let endpoint = service_with(&context, NO_CONSUMER, readiness).endpoint;
    let serving = server.announce_and_serve("query-api", endpoint);
    tokio::join!(serving, context.drain_on(&stop)).0
}
