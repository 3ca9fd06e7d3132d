//! `energy-pipeline`: accepts energy-meter readings over HTTP, never loses one, and serves them back.
//!
//! This crate is the composition root, the only one that depends on every other crate: it reads the settings,
//! runs a role or a command, and maps the result to an exit code.
//!
//! | Module | Purpose |
//! |---|---|
//! | `config` | every setting: flags, environment variables, their documentation |
//! | `roles` | one file per role: what it starts, and in which order it stops |
//! | `commands` | one file per command that carries out one task and exits |
//! | `local_redis` | the private Redis server of `up` |
//! | `telemetry` | logs, metrics and traces of this process |
//! | `readiness`, `shutdown`, `console` | requests to `/readyz`, signals, output to the terminal |
//!
#![cfg_attr(doc, doc = include_str!("../docs/architecture.md"))]

mod commands;
mod config;
mod console;
mod local_redis;
mod readiness;
mod roles;
mod shutdown;
mod telemetry;

use std::process::ExitCode;

use tracing::{error, warn};

use crate::config::{Cli, Command, ObservabilitySettings, SettingError};

/// Exit code for an invalid setting or argument; Clap's as well.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    // First, as it may exit: a failpoint or a TLS provider is of no use to `--help`.
    let (command, warnings) = Cli::from_process();
    #[cfg(feature = "failpoints")]
    let _failpoints = fail::FailScenario::setup();
    // HTTP clients need a provider also for plain HTTP. Err: one is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return print_failure(&error.into()),
    };
    runtime.block_on(run(command, warnings))
}

async fn run(command: Command, warnings: Vec<String>) -> ExitCode {
    match command {
        Command::Up(settings) => {
            let observability = settings.observability.clone();
            run_role("up", observability, warnings, roles::up::run(*settings)).await
        }
        Command::IngestionApi(settings) => {
            let observability = settings.observability.clone();
            let role = roles::ingestion_api::run(settings);
            run_role("ingestion-api", observability, warnings, role).await
        }
        Command::ProcessingService(settings) => {
            let observability = settings.observability.clone();
            let role = roles::processing_service::run(settings);
            run_role("processing-service", observability, warnings, role).await
        }
        Command::QueryApi(settings) => {
            let observability = settings.observability.clone();
            run_role("query-api", observability, warnings, roles::query_api::run(settings)).await
        }
        Command::MqttBridge(settings) => {
            let observability = settings.observability.clone();
            run_role("mqtt-bridge", observability, warnings, roles::mqtt_bridge::run(settings))
                .await
        }
        other => {
            warnings.iter().for_each(console::eprint);
            Box::pin(run_command(other)).await
        }
    }
}

/// Runs a command that carries out one task and exits; a failure is printed as text.
async fn run_command(command: Command) -> ExitCode {
    let result = match command {
        Command::Import(arguments) => {
            let code = commands::import::run(arguments).await;
            return code.unwrap_or_else(|error| print_failure(&error));
        }
        Command::Healthcheck(arguments) => commands::healthcheck::run(arguments).await,
        Command::Archive(arguments) => Box::pin(commands::archive::run(arguments)).await,
        Command::DeadLetters(arguments) => commands::dead_letters::run(arguments).await,
        Command::Keys(arguments) => commands::keys::run(arguments),
        Command::Reconcile(arguments) => commands::reconcile::run(arguments).await,
        Command::Reindex(arguments) => commands::reindex::run(arguments).await,
        Command::Rollups(arguments) => commands::rollups::run(arguments).await,
        Command::Pack(arguments) => commands::pack::run(arguments).await,
        Command::Unpack(arguments) => commands::unpack::run(arguments).await,
        Command::Openapi(arguments) => commands::openapi::run(arguments.role),
        Command::Up(_)
        | Command::IngestionApi(_)
        | Command::ProcessingService(_)
        | Command::QueryApi(_)
        | Command::MqttBridge(_) => Ok(()),
    };
    result.map_or_else(|error| print_failure(&error), |()| ExitCode::SUCCESS)
}

/// Runs a role with logs, metrics and traces. A failure is logged, like everything before it.
async fn run_role(
    name: &str,
    ObservabilitySettings { log, telemetry }: ObservabilitySettings,
    warnings: Vec<String>,
    role: impl Future<Output = anyhow::Result<()>>,
) -> ExitCode {
    let telemetry = match telemetry::start(name, &log, &telemetry) {
        Ok(telemetry) => telemetry,
        Err(error) => return print_failure(&error),
    };
    for warning in warnings {
        warn!("{warning}");
    }
    let code = match Box::pin(role).await {
        Ok(()) => ExitCode::SUCCESS,
        // An invalid setting concerns the operator who has just typed it, and with RUST_LOG=off there is no log.
        Err(error) if error.is::<SettingError>() || !log.has_errors() => print_failure(&error),
        Err(error) => log_failure(&error),
    };
    telemetry.shutdown();
    code
}

fn log_failure(error: &anyhow::Error) -> ExitCode {
    error!(error = format!("{error:#}"), "stopped by an error");
    ExitCode::FAILURE
}

fn print_failure(error: &anyhow::Error) -> ExitCode {
    let code = console::exit_with(error);
    if error.is::<SettingError>() { ExitCode::from(USAGE) } else { code }
}
