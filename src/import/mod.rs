//! Sends the readings of a file to an Ingestion API.

use std::process::ExitCode;

use clap::Args;

/// Where the readings are, and where they go.
#[derive(Debug, Args)]
pub struct ImportArguments {
    /// The file
    pub file: String,
}

/// Placeholder until the importer lands.
pub async fn run(_arguments: ImportArguments) -> ExitCode {
    ExitCode::FAILURE
}
