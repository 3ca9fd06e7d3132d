//! Asks a service on this machine whether it is ready: the probe of containers that have no shell.

use std::process::ExitCode;
use std::time::Duration;

use crate::config::{HealthcheckArguments, ListeningRole};
use crate::console;

/// Below the second that container platforms commonly give a probe's command.
const TIMEOUT: Duration = Duration::from_millis(900);

/// Asks `/readyz`; the exit code is 0 when all ports of the role answer that they are ready. Without a
/// role, ports that nobody listens on are passed over, as long as one answers: an image does not know
/// which role it is going to run.
pub async fn run(arguments: HealthcheckArguments) -> ExitCode {
    let HealthcheckArguments { role, ingestion, processing } = arguments;
    let (ingestion, processing) = (ingestion.ingestion_port, processing.processing_port);
    let ports = match role {
        None | Some(ListeningRole::Up) => vec![ingestion, processing],
        Some(ListeningRole::IngestionApi) => vec![ingestion],
        Some(ListeningRole::ProcessingService | ListeningRole::QueryApi) => vec![processing],
    };
    let mut unready = Vec::new();
    let mut silent = Vec::new();
    for &port in &ports {
        match ask(port).await {
            Ok(()) => {}
            Err(Unready::NobodyListens(reason)) if role.is_none() => silent.push((port, reason)),
            Err(Unready::NobodyListens(reason) | Unready::Says(reason)) => {
                unready.push((port, reason));
            }
        }
    }
    if silent.len() == ports.len() {
        unready.append(&mut silent);
    }
    for (port, reason) in &unready {
        console::complain(format_args!("port {port} is not ready: {reason}"));
    }
    if unready.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Why a port is not ready.
enum Unready {
    NobodyListens(String),
    Says(String),
}

async fn ask(port: u16) -> Result<(), Unready> {
    let text = |error: reqwest::Error| {
        if error.is_connect() {
            Unready::NobodyListens(error.to_string())
        } else {
            Unready::Says(error.to_string())
        }
    };
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
    Err(Unready::Says(format!("{status} {}", answer.text().await.map_err(text)?)))
}
