//! `energy-pipeline`: takes energy-meter readings over HTTP, never loses one, and serves them back.
//!
//! This crate is the composition root, the only place that knows every other crate: it reads the
//! settings, starts a role and turns its end into an exit code.

mod commands;
mod config;
mod console;
mod local_redis;
mod roles;
mod shutdown;
mod telemetry;

use std::process::ExitCode;

use tracing::{error, warn};

use crate::config::{Cli, Command, LogSettings, SettingFault, TelemetrySettings};

/// Exit code when a setting cannot be used; Clap's, too.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let (command, remarks) = Cli::from_process();
    #[cfg(feature = "failpoints")]
    let _failpoints = fail::FailScenario::setup();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return say_why(&error.into()),
    };
    runtime.block_on(run(command, remarks))
}

async fn run(command: Command, remarks: Vec<String>) -> ExitCode {
    match command {
        Command::Up(settings) => {
            let seen = (settings.log.clone(), settings.telemetry.clone(), remarks);
            serve("up", seen, roles::up::run(settings)).await
        }
        Command::IngestionApi(settings) => {
            let seen = (settings.log.clone(), settings.telemetry.clone(), remarks);
            serve("ingestion-api", seen, roles::ingestion_api::run(settings)).await
        }
        Command::ProcessingService(settings) => {
            let seen = (settings.log.clone(), settings.telemetry.clone(), remarks);
            serve("processing-service", seen, roles::processing_service::run(settings)).await
        }
        Command::QueryApi(settings) => {
            let seen = (settings.log.clone(), settings.telemetry.clone(), remarks);
            serve("query-api", seen, roles::query_api::run(settings)).await
        }
        other => {
            remarks.iter().for_each(console::complain);
            Box::pin(do_one_thing(other)).await
        }
    }
}

/// Runs a command that does one thing and ends; what goes wrong is said as text.
async fn do_one_thing(command: Command) -> ExitCode {
    let done = match command {
        Command::Import(arguments) => return commands::import::run(arguments).await,
        Command::Healthcheck(arguments) => commands::healthcheck::run(arguments).await,
        Command::DeadLetters(arguments) => commands::dead_letters::run(arguments).await,
        Command::Reconcile(arguments) => commands::reconcile::run(arguments).await,
        Command::Openapi(arguments) => commands::openapi::run(arguments.role),
        Command::Up(_)
        | Command::IngestionApi(_)
        | Command::ProcessingService(_)
        | Command::QueryApi(_) => Ok(()),
    };
    done.map_or_else(|error| say_why(&error), |()| ExitCode::SUCCESS)
}

/// Runs a role with logs, metrics and traces. What ends it is a line of the log, as what went before.
async fn serve(
    name: &str,
    (log, telemetry, remarks): (LogSettings, TelemetrySettings, Vec<String>),
    role: impl Future<Output = anyhow::Result<()>>,
) -> ExitCode {
    let telemetry = match telemetry::start(name, &log, &telemetry) {
        Ok(telemetry) => telemetry,
        Err(error) => return say_why(&error),
    };
    for remark in remarks {
        warn!("{remark}");
    }
    let ended = Box::pin(role).await;
    let code = match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is::<SettingFault>() || !log.has_errors() => say_why(&error),
        Err(error) => log_why(&error),
    };
    telemetry.end();
    code
}

fn log_why(error: &anyhow::Error) -> ExitCode {
    error!(error = format!("{error:#}"), "ending");
    ExitCode::FAILURE
}

fn say_why(error: &anyhow::Error) -> ExitCode {
    let code = console::fail(error);
    if error.is::<SettingFault>() { ExitCode::from(USAGE) } else { code }
}
