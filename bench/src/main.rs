//! `bench`: measures the release program against a real Redis, all on this machine's loopback.
//!
//! A scenario is a file: it starts a Redis and the measured process for each run, takes its figures,
//! checks that nothing was lost, and fills a [`report::Report`]. What each figure means is in the
//! README beside this crate.

mod cli;
mod download;
mod drain;
mod get;
mod histogram;
mod http;
mod ingest;
mod load;
mod machine;
mod pace;
mod plain_loop;
mod plain_server;
mod preload;
mod process;
mod redis_server;
mod report;
mod service;
mod startup;
mod table;
mod turns;
mod usage;

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::bail;
use clap::Parser;
use tokio::runtime;
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::{Cli, Command};

fn main() -> ExitCode {
    let command = Cli::parse().command;
    // One thread: the generator must leave the other cores to what it measures.
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let ended = runtime.map_err(Into::into).and_then(|runtime| runtime.block_on(bounded(command)));
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody can be told when standard error is closed.
            let _ = writeln!(io::stderr(), "bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs a command until it or the process is ended. Either way its child processes end, too, as
/// their owners are dropped.
async fn bounded(command: Command) -> anyhow::Result<()> {
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut terminated = signal(SignalKind::terminate())?;
    tokio::select! {
        ended = run(command) => ended,
        _ = interrupted.recv() => bail!("interrupted"),
        _ = terminated.recv() => bail!("terminated"),
    }
}

async fn run(command: Command) -> anyhow::Result<()> {
    let outcomes = match command {
        Command::Drain(arguments) => vec![drain::run(&arguments).await?],
        Command::Baseline(arguments) => vec![drain::run_baseline(&arguments).await?],
        Command::Ingest(arguments) => vec![ingest::run(&arguments).await?],
        Command::Get(arguments) => get::run(&arguments).await?,
        Command::Startup(arguments) => startup::run(&arguments).await?,
        Command::PlainLoop(arguments) => return plain_loop::run(&arguments).await,
        Command::PlainServer(arguments) => return plain_server::run(&arguments).await,
    };
    for outcome in &outcomes {
        writeln!(io::stdout(), "{outcome}")?;
    }
    Ok(())
}
