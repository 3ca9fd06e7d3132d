//! The MQTT bridge: a receiver without an HTTP service of its own.

use std::net::Ipv4Addr;

use api::ingestion::BacklogLimit;
use api::operations::{CheckLiveness, IngestionHealthApi, ProbesApi, PrometheusApi, Readiness};
use api::spec;
use mqtt::bridge::BacklogGate;
use mqtt::{Bridge, BridgeConfig, Mappings};
use poem::{Endpoint, Response};
use readings::store::Requirements;
use readings::store::receivers::{self, ReceiverReporter};
use tokio_util::sync::CancellationToken;

use super::http_server::{HttpServer, bind_monitoring};
use super::ingestion_api::{IngestionLimits, append_partitions, spawn_monitors};
use super::service_context::ServiceContext;
use crate::config::{Instance, MqttBridgeSettings, MqttSettings};
use crate::console;
use crate::shutdown;

/// Receives until a signal stops the process.
///
/// # Errors
/// When a setting is invalid, or the port is in use.
pub async fn run(settings: MqttBridgeSettings) -> anyhow::Result<()> {
    let stop = shutdown::on_signal()?;
    settings.power.apply();
    let limits = IngestionLimits::without_mappings(&settings.limits)?;
    let receiver = Receiver::new(&settings.mqtt, &settings.instance, &limits)?;
    let redis = settings.redis.server()?;
    let context = ServiceContext::new(&settings.redis, redis, Requirements::for_ingestion);
    let monitoring_server = bind_monitoring(&settings.monitoring, Ipv4Addr::UNSPECIFIED).await?;
    HttpServer::spawn_monitoring(monitoring_server, || monitoring(&context));
    context.spawn_monitors_without_pending();
    spawn_monitors(&context, &limits);
    console::print(format_args!("mqtt-bridge subscribes to {}", receiver.broker()));
    let stopped = CancellationToken::new();
    let running = async {
        receiver.run(&context, &stop).await;
        stopped.cancel();
    };
    let reporter = ReceiverReporter::new(&context.keys, context.queries.clone());
    // On the heap: these futures are large.
    let reporting = Box::pin(reporter.run(stopped.cancelled()));
    tokio::join!(Box::pin(running), context.drain_on(&stop), reporting);
    Ok(())
}

/// A bridge before it is connected to Redis.
pub struct Receiver {
    config: BridgeConfig,
    mappings: Mappings,
    backlog: BacklogLimit,
}

impl Receiver {
    /// The bridge of these settings.
    ///
    /// # Errors
    /// When a setting is invalid.
    pub fn new(
        settings: &MqttSettings,
        instance: &Instance,
        limits: &IngestionLimits,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            config: settings.config(instance, limits.idempotency_ttl())?,
            mappings: settings.mappings()?,
            backlog: limits.backlog(),
        })
    }

    /// The broker, without its credentials.
    pub fn broker(&self) -> String {
        self.config.address.to_string()
    }

    /// Receives until `stop` is cancelled.
    pub async fn run(self, context: &ServiceContext, stop: &CancellationToken) {
        receivers::expose(&[receivers::Receiver::Mqtt]);
        let Self { config, mappings, backlog } = self;
        let gate = BacklogGate::new(move || backlog.is_reached());
        Bridge::new(config, mappings, append_partitions(context), gate).run(stop).await;
    }
}

/// What `METRICS_PORT` serves.
fn monitoring(context: &ServiceContext) -> impl Endpoint<Output = Response> + 'static {
    let readiness = Readiness::Writes(append_partitions(context), context.queries.clone());
    spec::monitoring(
        IngestionHealthApi { connection: context.queries.clone() },
        PrometheusApi(context.prometheus.clone()),
        ProbesApi::new(CheckLiveness::default(), readiness, context.draining.clone()),
    )
}
