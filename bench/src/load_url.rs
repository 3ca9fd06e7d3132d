//! Loads any running implementation of the contract by its URL.

use std::collections::BTreeMap;
use std::io::{self, Write};

use anyhow::Context;
use hyper::Uri;

use crate::cli::LoadArguments;
use crate::generator::{Generator, Responses};
use crate::interleave::{Outcome, interleave};
use crate::report::Figure;
use crate::requests::Requests;
use crate::target::{check, resolve};
use crate::usage::{Spent, micros_each};

const FIGURES: [Figure; 10] = [
    Figure::new("readings/s", 0),
    Figure::new("requests/s", 0),
    Figure::new("latency p50, ms", 2),
    Figure::new("latency p90, ms", 2),
    Figure::new("latency p99, ms", 2),
    Figure::new("latency p99.9, ms", 2),
    Figure::new("longest latency, ms", 2),
    Figure::new("target CPU (--pid), us a reading", 2),
    Figure::run_condition("refused, % of requests", 2),
    Figure::run_condition("generator CPU, us a request", 2),
];

/// Loads the targets, interleaved.
///
/// # Errors
/// When a target cannot be reached, lacks the endpoint, or closes a connection.
pub async fn run(arguments: &LoadArguments) -> anyhow::Result<Outcome> {
    let LoadArguments { url, generator, repeat, .. } = arguments;
    let targets: Vec<_> = url.iter().map(|url| (url.to_string(), url)).collect();
    let scenario = format!("load: {generator}");
    interleave(scenario, &targets, repeat, FIGURES, async |url| measure(url, arguments).await).await
}

async fn measure(url: &Uri, arguments: &LoadArguments) -> anyhow::Result<[f64; 10]> {
    let generator = &arguments.generator;
    let host = url.authority().context("the URL has no host")?.as_str();
    let (address, requests) = (resolve(url).await?, Requests::new(host, generator.batch)?);
    check(address, &requests, &url.to_string()).await?;
    let batch = requests.readings;
    let running = Generator::start(address, generator, requests);
    let pids: Vec<u32> = arguments.pid.into_iter().collect();
    let (spent, accepted) = running.watch(&pids, &[]).await?;
    let responses = running.finish().await?;
    print_refused(&responses.refused)?;
    Ok(figures(&spent, accepted, batch, &responses, !pids.is_empty()))
}

fn figures(
    spent: &Spent,
    requests: u32,
    batch: u32,
    responses: &Responses,
    target: bool,
) -> [f64; 10] {
    let Responses { latencies, refused, accepted } = responses;
    let refused = f64::from(refused.values().sum::<u32>());
    let readings = requests.saturating_mul(batch);
    [
        spent.rate(readings),
        spent.rate(requests),
        latencies.percentile(50.0),
        latencies.percentile(90.0),
        latencies.percentile(99.0),
        latencies.percentile(99.9),
        latencies.max(),
        if target { micros_each(spent.service, readings) } else { f64::NAN },
        100.0 * refused / (refused + f64::from(*accepted)),
        micros_each(spent.bench, requests),
    ]
}

/// Prints the responses that are not 2xx: the rate of failed requests is no throughput.
fn print_refused(refused: &BTreeMap<u16, u32>) -> io::Result<()> {
    let mut errors = io::stderr();
    for (status, count) in refused {
        writeln!(errors, "bench: {count} responses {status}")?;
    }
    Ok(())
}
