//! Sends the readings of a file to an Ingestion API.
//!
//! A thread of its own reads rows into a short queue; tasks take them from there and post them. What
//! is in memory does not depend on the size of the file.

mod arguments;
mod client;
mod import_result;
mod input;
mod resume_command;
mod sender;
mod tracking;

use std::path::PathBuf;

use anyhow::Context;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

pub use self::arguments::ImportArguments;
use self::client::Client;
pub use self::import_result::Conclusion;
use self::input::reader::{self, Which};
use self::input::row::NextRow;
use self::input::source::Source;
use self::resume_command::Command;
use self::sender::Sender;
use self::tracking::Shared;
pub use self::tracking::console::Console;
use self::tracking::progress::Progress;
use self::tracking::rejects::Rejects;
use self::tracking::stats::Summary;

/// Sends a file until its end, `interrupted`, or a failure that concerns all of it. `program` is how this
/// program was called, for the command that goes on with the import.
///
/// # Errors
/// When the import cannot begin: the file cannot be opened, or the rejects file cannot be written.
pub async fn run(
    arguments: ImportArguments,
    program: String,
    console: &'static dyn Console,
    interrupted: &CancellationToken,
) -> anyhow::Result<Conclusion> {
    let command = Command::of(&program, &arguments);
    let ImportArguments { file, url, concurrency, retry_for, rejects, format, .. } = arguments;
    let which = Which { from_line: arguments.from_line, with_keys: !arguments.no_idempotency_keys };
    let source = Source::open(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let shared = Shared::new(Progress::new(source.meter(), console), interrupted);
    let rejects = Rejects::create(rejects, &file, which.from_line, shared.progress.clone())?;
    let rejects_file = rejects.path().map(PathBuf::from);
    let client = Client::new(url, retry_for, shared.clone())?;
    let sender = Sender::new(client, rejects, shared.clone());
    let (rows, end) = reader::start(source, file, format, which)?;
    send_and_show(&shared, sender, rows, concurrency).await?;
    if !shared.stop.is_stopped() {
        // Err means that the reader panicked, which has been told.
        end.await.context("reading broke off")?.unwrap_or_else(|error| shared.stop.note(error));
    }
    let summary = Summary { counts: shared.counter.counts(), rejects: rejects_file };
    let is_interrupted = interrupted.is_cancelled();
    Ok(Conclusion { summary, stop: shared.stop, is_interrupted, command })
}

async fn send_and_show(
    shared: &Shared,
    sender: Sender,
    rows: mpsc::Receiver<NextRow>,
    concurrency: u16,
) -> anyhow::Result<()> {
    let sent = CancellationToken::new();
    let sending = async {
        // Also if a worker panics.
        let _sent = sent.clone().drop_guard();
        sender.send_all(rows, concurrency).await
    };
    let stopping = async {
        if sent.run_until_cancelled(shared.stop.token().cancelled()).await.is_some() {
            shared.progress.note("ending: finishing the rows under way");
        }
    };
    let showing = shared.progress.show(&shared.counter, &sent);
    tokio::join!(sending, showing, stopping).0
}

#[cfg(test)]
mod tests;
