//! `import`: the crate of that name does the work, and prints through this program's console.

use std::fmt::Display;
use std::process::ExitCode;

use import::{Console, ImportArguments};

use crate::config::{import_api_key, program};
use crate::{console, shutdown};

/// Standard output and standard error.
struct Terminal;

impl Console for Terminal {
    fn print(&self, line: &dyn Display) {
        console::print(line);
    }

    fn eprint(&self, line: &dyn Display) {
        console::eprint(line);
    }
}

/// Sends a file, and returns the exit code that `import --help` documents.
///
/// # Errors
/// When the import cannot start: the API key or the file cannot be read, or the rejects file not be written.
pub async fn run(arguments: ImportArguments) -> anyhow::Result<ExitCode> {
    if arguments.lists_profiles() {
        import::list_profiles(&Terminal)?;
        return Ok(ExitCode::SUCCESS);
    }
    if arguments.is_dry_run() {
        return import::dry_run(arguments, &Terminal).await;
    }
    let api_key = import_api_key(&arguments)?;
    let interrupted = shutdown::on_signal()?;
    let import =
        import::run(arguments, api_key.as_ref(), &program(), &Terminal, &interrupted).await?;
    Ok(import.report(&Terminal))
}
