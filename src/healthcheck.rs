//! Asks a service on this machine whether it is ready: the probe of containers that have no shell.

use std::process::ExitCode;
use std::time::Duration;

use crate::config::{HealthcheckArguments, ListeningRole};
use crate::console;

/// Below the second that container platforms commonly give a probe's command.
const TIMEOUT: Duration = Duration::from_millis(900);

/// Asks `/readyz`; the exit code is 0 when all ports of the role answer that they are ready.
pub async fn run(arguments: HealthcheckArguments) -> ExitCode {
    let HealthcheckArguments { role, ingestion, processing } = arguments;
    let (ingestion, processing) = (ingestion.ingestion_port, processing.processing_port);
    let ports = match role {
        ListeningRole::Up => vec![ingestion, processing],
        ListeningRole::IngestionApi => vec![ingestion],
        ListeningRole::ProcessingService | ListeningRole::QueryApi => vec![processing],
    };
    for port in ports {
        if let Err(reason) = ask(port).await {
            console::complain(format_args!("port {port} is not ready: {reason}"));
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

async fn ask(port: u16) -> Result<(), String> {
    let text = |error: reqwest::Error| error.to_string();
    // The client wants one also for plain HTTP; Err means that the process has chosen one before.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // A proxy that the environment names is for the world outside of this machine, and so are the
    // certificates that an image may lack.
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).timeout(TIMEOUT);
    let client = client.build().map_err(text)?;
    let asking = client.get(format!("http://127.0.0.1:{port}/readyz")).send();
    let answer = asking.await.map_err(text)?;
    let status = answer.status();
    if status.is_success() {
        return Ok(());
    }
    Err(format!("{status} {}", answer.text().await.map_err(text)?))
}
