//! Sends the readings of a file to an Ingestion API, many as one `POST /readings/batch`, each with its idempotency key.
//!
//! ```text
//! file ──► input: reader thread ──► queue ──► sender: N workers ──► client ──► service
//!          (gzip, CSV or NDJSON,    (256      (a site is one's;     (retries, smaller batches,
//!           idempotency keys)        rows)     outcome of each row)  circuit breaker)
//!                                                 │
//!                                                 └──► tracking: stats, progress, rejects, abort
//! ```
//!
//! - [`input`] turns bytes into rows; those of an export of a meter or a utility by the crate `meter_files`. A row that cannot be parsed is rejected; the rows after it are still sent.
//! - [`client`] speaks HTTP: it retries a row while the service is unavailable, and distinguishes *failed* from *outcome
//!   unknown* by the status and the `code` of a response.
//! - [`sender`] runs the workers, and aborts the import when too many rows fail in succession.
//! - [`tracking`] owns the state that all rows share.
//! - [`import_result`] prints the summary and the command that continues the import, and gives the exit code.
//!
//! Imports point downwards: `sender` → `client` → `tracking` → `input`. Memory does not depend on the size of the file,
//! except for the idempotency keys: 5 to 6 bytes a row, at most 240 MB.
//!
//! This crate knows neither the environment nor the terminal: the program parses [`ImportArguments`], and hands in a
//! [`Console`] and the token that a signal cancels.

mod arguments;
mod client;
mod dry_run;
mod import_result;
mod input;
mod resume_command;
mod sender;
mod shape_arguments;
mod tracking;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, ensure};
use meter_files::profile::{self, Profile};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

pub use self::arguments::ImportArguments;
use self::client::Client;
pub use self::client::api_key::{ApiKey, InvalidApiKey};
pub use self::import_result::ImportResult;
use self::input::meter_file::MeterFileRows;
use self::input::reader::{self, Input, ReadOptions};
use self::input::row::ParsedRow;
use self::input::source::Source;
use self::resume_command::ResumeCommand;
use self::sender::{RequestOptions, Sender};
use self::tracking::ImportState;
pub use self::tracking::console::Console;
use self::tracking::progress::Progress;
use self::tracking::rejects::Rejects;
use self::tracking::stats::Summary;

/// Sends a file, each row with `api_key`, until its end, until `interrupted` is cancelled, or until the import is aborted. `program` is the name
/// that this program was called by; the command that continues the import begins with it.
///
/// # Errors
/// When the import cannot start: the file cannot be opened, or the rejects file cannot be written.
pub async fn run(
    arguments: ImportArguments,
    api_key: Option<&ApiKey>,
    program: &str,
    console: &'static dyn Console,
    interrupted: &CancellationToken,
) -> anyhow::Result<ImportResult> {
    let resume_command = ResumeCommand::new(program, &arguments);
    let requests =
        RequestOptions::new(arguments.batch_size, arguments.concurrency, resume_command.with_keys);
    let options =
        ReadOptions { from_line: arguments.from_line, with_keys: !arguments.no_idempotency_keys };
    let file = arguments.file().to_owned();
    let source = open(&file)?;
    let state = ImportState::new(Progress::new(source.byte_counter(), console), interrupted);
    let input = understand(source, &arguments, console).await?;
    let ImportArguments { url, tls, retry_for, rejects, .. } = arguments;
    let rejects = Rejects::create(rejects, &file, options.from_line, state.progress.clone())?;
    let rejects_file = rejects.path().map(PathBuf::from);
    let client = Client::new(url, api_key, &tls, retry_for, state.clone())?;
    let sender = Sender::new(client, rejects, state.clone());
    let (rows, read_result) = reader::start(input, file, options)?;
    send_with_progress(&state, sender, rows, requests).await?;
    let mut report = None;
    // After an abort the reader may still wait for a terminal; its result does not matter then.
    if !state.abort.is_aborted() {
        // Err means that the reader panicked; the panic was printed.
        match read_result.await.context("the reader panicked")? {
            Ok(read) => report = read,
            Err(error) => state.abort.record_reason(error),
        }
    }
    let summary = Summary { counts: state.stats.snapshot(), rejects: rejects_file };
    let is_interrupted = interrupted.is_cancelled();
    Ok(ImportResult { summary, report, abort: state.abort, is_interrupted, resume_command })
}

/// Reads a file as [`run`] does, prints what would be sent, and sends nothing.
///
/// # Errors
/// When the file cannot be opened or read.
pub async fn dry_run(
    arguments: ImportArguments,
    console: &'static dyn Console,
) -> anyhow::Result<ExitCode> {
    let file = arguments.file();
    let input = understand(open(file)?, &arguments, console).await?;
    let name = file.display().to_string();
    tokio::task::spawn_blocking(move || dry_run::run(input, console)).await?.context(name)
}

/// Prints the names of the profiles that the program has, each with its title.
///
/// # Errors
/// When one of them is invalid.
pub fn list_profiles(console: &dyn Console) -> anyhow::Result<()> {
    for Profile { name, title, .. } in profile::all()? {
        console.print(&format_args!("{name:24} {title}"));
    }
    Ok(())
}

fn open(file: &Path) -> anyhow::Result<Source> {
    Source::open(file).with_context(|| format!("cannot read {}", file.display()))
}

/// Finds out what is in an export, if the arguments say that the file is one, and prints it.
async fn understand(
    source: Source,
    arguments: &ImportArguments,
    console: &'static dyn Console,
) -> anyhow::Result<Input> {
    let file = arguments.file().to_owned();
    if !arguments.shape.is_given() {
        return Ok(Input::Readings(source, file, arguments.format));
    }
    // A line becomes several readings: without keys an import that stopped within one could not go on.
    ensure!(
        !arguments.no_idempotency_keys,
        "--no-idempotency-keys is for files of readings, not for exports of meters"
    );
    let options = arguments.shape.options();
    let opened = tokio::task::spawn_blocking(move || MeterFileRows::open(source, options)).await?;
    let rows = opened.with_context(|| file.display().to_string())?;
    console.eprint(&format_args!("{}: {}", file.display(), rows.understood()));
    Ok(Input::Export(Box::new(rows)))
}

/// Sends all rows, and displays the progress meanwhile.
async fn send_with_progress(
    state: &ImportState,
    sender: Sender,
    rows: mpsc::Receiver<ParsedRow>,
    requests: RequestOptions,
) -> anyhow::Result<()> {
    let sent = CancellationToken::new();
    let sending = async {
        // Cancels also if a worker panics: the display must end, too.
        let _sent = sent.clone().drop_guard();
        sender.send_all(rows, requests).await
    };
    let announcing_abort = async {
        if sent.run_until_cancelled(state.abort.token().cancelled()).await.is_some() {
            state.progress.print_notice("stopping: finishing the rows in flight");
        }
    };
    let displaying = state.progress.run(&state.stats, &sent);
    tokio::join!(sending, displaying, announcing_abort).0
}

#[cfg(test)]
mod tests;
