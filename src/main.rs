//! `energy-pipeline`: takes energy-meter readings over HTTP, never loses one, and serves them back.
//!
//! This crate is the composition root, the only place that knows every other crate: it reads the
//! settings, starts a role and turns its end into an exit code.

mod config;
mod console;
mod dead_letters;
mod healthcheck;
mod import;
mod local_redis;
mod openapi;
mod reconcile;
mod roles;
mod shutdown;
mod telemetry;

use std::process::ExitCode;

use tracing::error;

use crate::config::{Cli, Command, LogSettings, TelemetrySettings};

fn main() -> ExitCode {
    let command = Cli::from_process().into_command();
    #[cfg(feature = "failpoints")]
    let _failpoints = fail::FailScenario::setup();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return console::fail(&error.into()),
    };
    runtime.block_on(run(command))
}

async fn run(command: Command) -> ExitCode {
    let result = match command {
        Command::Import(arguments) => return import::run(arguments).await,
        Command::Healthcheck(arguments) => return healthcheck::run(arguments).await,
        Command::DeadLetters(arguments) => dead_letters::run(arguments).await,
        Command::Reconcile(arguments) => reconcile::run(arguments).await,
        Command::Openapi(arguments) => openapi::run(arguments.role),
        Command::Up(settings) => {
            let seen = (settings.log.clone(), settings.telemetry.clone());
            serve("up", seen, roles::up::run(settings)).await
        }
        Command::IngestionApi(settings) => {
            let seen = (settings.log.clone(), settings.telemetry.clone());
            serve("ingestion-api", seen, roles::ingestion_api::run(settings)).await
        }
        Command::ProcessingService(settings) => {
            let seen = (settings.log.clone(), settings.telemetry.clone());
            serve("processing-service", seen, roles::processing_service::run(settings)).await
        }
        Command::QueryApi(settings) => {
            let seen = (settings.log.clone(), settings.telemetry.clone());
            serve("query-api", seen, roles::query_api::run(settings)).await
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => console::fail(&error),
    }
}

/// Runs a role with logs, metrics and traces.
async fn serve(
    name: &str,
    (log, telemetry): (LogSettings, TelemetrySettings),
    role: impl Future<Output = anyhow::Result<()>>,
) -> anyhow::Result<()> {
    let telemetry = telemetry::start(name, &log, &telemetry)?;
    let ended = Box::pin(role).await;
    let ended = ended.inspect_err(|error| error!(error = format!("{error:#}"), "ending"));
    telemetry.end();
    ended
}
