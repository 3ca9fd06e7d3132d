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
pub async fn run(arguments: ImportArguments) -> ExitCode {
    let result = async {
        let interrupted = shutdown::on_signal()?;
        let api_key = import_api_key(&arguments)?;
        import::run(arguments, api_key.as_ref(), &program(), &Terminal, &interrupted).await
    };
    match result.await {
        Ok(result) => result.report(&Terminal),
        Err(error) => console::exit_with(&error),
    }
}
