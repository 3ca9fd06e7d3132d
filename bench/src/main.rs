//! `bench`: measures the release program against a real Redis, all on this machine's loopback.
//!
//! A scenario is a file: for each run it starts a Redis server and the measured process, measures, verifies that no
//! reading was lost, and fills a [`report::Report`]. The README of this crate defines each figure.

mod aggregates;
mod aof;
mod api_key;
mod cli;
mod download;
mod drain;
mod drain_while_packing;
mod draining;
mod end_to_end;
mod generator;
mod get;
mod histogram;
mod http;
mod ingest;
mod interleave;
mod latency_probes;
mod layout;
mod live_sites;
mod load;
mod load_url;
mod machine;
mod minutes;
mod open_loop;
mod plain_loop;
mod plain_server;
mod process;
mod record;
mod redis_benchmark;
mod redis_server;
mod report;
mod requests;
mod seed;
mod service;
mod sites;
mod startup;
mod suite;
mod table;
mod target;
mod tiers;
mod usage;

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::bail;
use clap::Parser;
use tokio::runtime;
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::{Cli, Command, Scenario};

fn main() -> ExitCode {
    let cli = Cli::parse();
    // One thread: the bench must leave the cores to the measured processes. The generator has its own.
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let ended = runtime.map_err(Into::into).and_then(|runtime| runtime.block_on(bounded(cli)));
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Err means that standard error is closed.
            let _ = writeln!(io::stderr(), "bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs a command until it ends or a signal arrives. Dropping the future kills all child processes.
async fn bounded(cli: Cli) -> anyhow::Result<()> {
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut terminated = signal(SignalKind::terminate())?;
    tokio::select! {
        ended = run(cli) => ended,
        _ = interrupted.recv() => bail!("interrupted"),
        _ = terminated.recv() => bail!("terminated"),
    }
}

async fn run(Cli { record, command }: Cli) -> anyhow::Result<()> {
    let (outcomes, failures) = match command {
        Command::All(arguments) => {
            let (outcomes, failures) = suite::run(&arguments, measure).await?;
            record::print(&outcomes)?;
            (outcomes, failures)
        }
        Command::Scenario(scenario) => {
            let outcomes = measure(scenario).await?;
            outcomes.iter().try_for_each(|outcome| writeln!(io::stdout(), "{outcome}"))?;
            (outcomes, Vec::new())
        }
        Command::PlainLoop(arguments) => return plain_loop::run(&arguments).await,
        Command::PlainServer(arguments) => return plain_server::run(&arguments).await,
    };
    if let Some(path) = record {
        record::write(&outcomes, &path)?;
    }
    suite::check_failures(&failures)
}

async fn measure(scenario: Scenario) -> suite::Outcomes {
    Ok(match scenario {
        Scenario::Drain(arguments) => vec![drain::run(&arguments).await?],
        Scenario::Baseline(arguments) => vec![drain::run_baseline(&arguments).await?],
        Scenario::Ingest(arguments) => vec![ingest::run(&arguments).await?],
        Scenario::EndToEnd(arguments) => vec![end_to_end::run(&arguments).await?],
        Scenario::Get(arguments) => get::run(&arguments).await?,
        Scenario::Aggregates(arguments) => aggregates::run(&arguments).await?,
        Scenario::LiveSites(arguments) => vec![live_sites::run(&arguments).await?],
        Scenario::Sites(arguments) => vec![sites::run(&arguments).await?],
        Scenario::DrainWhilePacking(arguments) => {
            vec![drain_while_packing::run(&arguments).await?]
        }
        Scenario::Tiers(arguments) => vec![tiers::run(&arguments).await?],
        Scenario::Startup(arguments) => startup::run(&arguments).await?,
        Scenario::Load(arguments) => vec![load_url::run(&arguments).await?],
    })
}
