//! Sends the readings of a file to an Ingestion API.
//!
//! A thread of its own reads rows into a short queue; tasks take them from there and post them. What
//! is in memory does not depend on the size of the file.

mod answer;
mod arguments;
mod availability;
mod body;
mod client;
mod conclusion;
mod console;
mod end_of_day;
mod foreign;
mod format;
mod header;
mod http;
mod keys;
mod lines;
mod objects;
mod progress;
mod quotes;
mod reader;
mod records;
mod rejects;
mod report;
mod resume;
mod rows;
mod sender;
mod service_url;
mod source;
mod stop;
#[cfg(test)]
mod stub;
mod table;
mod verdict;

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

pub use self::arguments::ImportArguments;
use self::client::Client;
pub use self::conclusion::Conclusion;
pub use self::console::Console;
use self::progress::Progress;
use self::reader::Which;
use self::rejects::Rejects;
use self::report::{Counter, Summary};
use self::resume::Command;
use self::rows::NextRow;
use self::sender::Sender;
use self::source::Source;
use self::stop::Stop;

/// What the parts of an import share.
#[derive(Clone)]
struct Shared {
    counter: Arc<Counter>,
    progress: Progress,
    stop: Arc<Stop>,
}

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
    shared.send_and_show(sender, rows, concurrency).await?;
    if !shared.stop.is_stopped() {
        // Err means that the reader panicked, which has been told.
        end.await.context("reading broke off")?.unwrap_or_else(|error| shared.stop.note(error));
    }
    let summary = Summary { counts: shared.counter.counts(), rejects: rejects_file };
    let is_interrupted = interrupted.is_cancelled();
    Ok(Conclusion { summary, stop: shared.stop, is_interrupted, command })
}

impl Shared {
    fn new(progress: Progress, interrupted: &CancellationToken) -> Self {
        let stop = Arc::new(Stop::with(interrupted));
        Self { counter: Arc::new(Counter::start()), progress, stop }
    }

    async fn send_and_show(
        &self,
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
            if sent.run_until_cancelled(self.stop.token().cancelled()).await.is_some() {
                self.progress.note("ending: finishing the rows under way");
            }
        };
        let showing = self.progress.show(&self.counter, &sent);
        tokio::join!(sending, showing, stopping).0
    }
}

#[cfg(test)]
mod tests;
