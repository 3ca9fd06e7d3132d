//! The ceiling of ingestion: `redis-benchmark` appends the same fields, without a service.

use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

use anyhow::{Context, ensure};
use chrono::Utc;
use readings::store::codec;
use tokio::process::Command;

use crate::load::Load;
use crate::redis_server::{HOST, Redis, keys};

/// Commands for each second of the run: the rate of a slow machine. Too low: its start is part of the figure. Too high:
/// it runs longer than the others.
const COUNT_A_SECOND: u64 = 60_000;

/// How much faster it is with pipelines.
const FASTER: u64 = 8;

/// Its parameters.
#[derive(Debug)]
pub struct RedisBenchmark {
    pub connections: NonZeroU32,
    /// Approximate time of the run.
    pub seconds: Duration,
    /// Commands in a pipeline.
    pub pipeline: u32,
}

/// Its result; times in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Result {
    pub count: u32,
    /// Commands a second.
    pub rate: f64,
    pub p50: f64,
    pub p99: f64,
    pub longest: f64,
}

impl fmt::Display for RedisBenchmark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pipeline {
            1 => f.write_str("redis-benchmark XADD"),
            pipeline => write!(f, "redis-benchmark XADD -P {pipeline}"),
        }
    }
}

impl RedisBenchmark {
    /// Runs it against a server.
    ///
    /// # Errors
    /// When it is not installed, or prints no figures.
    pub async fn run(&self, redis: &Redis) -> anyhow::Result<Result> {
        let count = self.count()?;
        let output = self.command(redis, count)?.output().await;
        let output = output.context("cannot start redis-benchmark")?;
        ensure!(output.status.success(), "redis-benchmark ended: {}", output.status);
        let text = String::from_utf8_lossy(&output.stdout);
        parse(&text, count).with_context(|| format!("redis-benchmark printed {text:?}"))
    }

    fn count(&self) -> anyhow::Result<u32> {
        let faster = if self.pipeline > 1 { FASTER } else { 1 };
        Ok((self.seconds.as_secs().max(1) * COUNT_A_SECOND * faster).try_into()?)
    }

    fn command(&self, redis: &Redis, count: u32) -> anyhow::Result<Command> {
        let (reading, now) = (Load::even(NonZeroU32::MIN)?.reading(0)?, Utc::now());
        let mut command = Command::new("redis-benchmark");
        command
            .args(["-h", &HOST.to_string(), "-p", &redis.port().to_string(), "--csv"])
            .args(["-c", &self.connections.to_string(), "-P", &self.pipeline.to_string()])
            .args(["-n", &count.to_string(), "XADD", keys().stream(), "*"]);
        for (name, value) in codec::stream_fields(&reading, &codec::ingestion_time(now)) {
            command.args([name, &value]);
        }
        command.kill_on_drop(true);
        Ok(command)
    }
}

/// The last line: a name, then rate, mean, minimum, p50, p95, p99 and maximum, all in quotes.
fn parse(csv: &str, count: u32) -> Option<Result> {
    let last = csv.trim().lines().last()?;
    let mut figures = last.rsplit(',').map_while(|cell| cell.trim_matches('"').parse().ok());
    let (longest, p99, _p95, p50) =
        (figures.next()?, figures.next()?, figures.next()?, figures.next()?);
    let (_minimum, _mean, rate) = (figures.next()?, figures.next()?, figures.next()?);
    Some(Result { count, rate, p50, p99, longest })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_has_the_figures() {
        let csv = "\"test\",\"rps\",\"avg_latency_ms\",\"min_latency_ms\",\"p50_latency_ms\",\
                   \"p95_latency_ms\",\"p99_latency_ms\",\"max_latency_ms\"\n\
                   \"XADD s * a b\",\"104166.66\",\"0.291\",\"0.104\",\"0.287\",\"0.399\",\"0.5\",\"1.2\"\n";
        let wanted = Result { count: 7, rate: 104_166.66, p50: 0.287, p99: 0.5, longest: 1.2 };
        assert_eq!(parse(csv, 7), Some(wanted));
        assert_eq!(parse("Could not connect to Redis", 7), None);
    }
}
