//! The Query API: the queries of the Processing Service, without the pipeline.

use std::net::Ipv4Addr;

use api::operations::Readiness;
use readings::store::Requirements;

use super::http_server::{HttpServer, HttpServers};
use super::processing_service::{monitoring_with, service_with};
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
    let access = settings.http.access.policy()?;
    let archive = settings.archive.open()?;
    let event_streams = settings.event_streams.limit(&settings.http.connections)?;
    let context = ServiceContext::new(&settings.redis, redis, Requirements::for_queries)
        .with_event_streams(event_streams)
        .with_access(access)
        .with_archive(archive);
    let servers = HttpServers::new(&settings.http, Ipv4Addr::UNSPECIFIED)?;
    let readiness = || Readiness::Reads(context.reads.clone());
    HttpServer::spawn_monitoring(servers.bind_monitoring().await?, || {
        monitoring_with(&context, NO_CONSUMER, readiness())
    });
    let server = servers.bind(settings.port.setting(), &stop, settings.drain.timeout()).await?;
    context.spawn_monitors();
    let endpoint = service_with(&context, NO_CONSUMER, readiness()).endpoint;
    let serving = server.announce_and_serve("query-api", endpoint);
    tokio::join!(serving, context.drain_on(&stop)).0
}
