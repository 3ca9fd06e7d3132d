//! Executes the plan under load and reports the result.

use std::fmt;
use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout_at};

use super::plan::Plan;
use super::process_metrics::ProcessMetrics;
use super::testbed::Testbed;
use super::tiers::Tiers;
use crate::support::checker::Checker;
use crate::support::ledger::{Class, Ledger};
use crate::support::producer::{Producer, Producing};
use crate::support::redis_at::RedisAt;
use crate::support::report::Report;
use crate::support::sampler::Sampler;
use crate::support::sent::Timestamps;

/// The interval of progress lines.
pub const LINE_EVERY: Duration = Duration::from_secs(10);

/// Bound on processing everything once all is healed.
pub const WORKED_OFF_WITHIN: Duration = Duration::from_mins(1);

/// Readings a second, of each of the producers.
const PER_SECOND: u64 = 100;

pub struct Chaos {
    testbed: Testbed,
    producers: Vec<Producing>,
    sampler: Sampler,
    process_metrics: ProcessMetrics,
    started: Instant,
    next_line: Instant,
    seed: u64,
}

/// The result.
#[derive(Debug)]
pub struct Outcome {
    report: Report,
    process_metrics: ProcessMetrics,
    failures: Vec<String>,
}

impl Chaos {
    pub fn on(testbed: Testbed, seed: u64) -> Self {
        let producers = producers(&testbed.ingestion_urls(), &testbed.ledger, seed);
        let sampler = Sampler::of(testbed.redis.port());
        let started = Instant::now();
        Self {
            testbed,
            producers,
            sampler,
            process_metrics: ProcessMetrics::default(),
            started,
            next_line: started + LINE_EVERY,
            seed,
        }
    }

    /// Executes the plan, heals everything, and compares.
    pub async fn run(mut self, plan: Plan) -> Outcome {
        let (tiers, seed) = (self.testbed.tiers.clone(), self.seed);
        let end = self.started + plan.time;
        tokio::join!(self.perform(&plan), tiers.change_until(end, seed));
        println!("healing");
        self.testbed.heal().await;
        self.wait_until(Instant::now() + LINE_EVERY).await;
        self.end().await
    }

    async fn perform(&mut self, plan: &Plan) {
        for step in plan.steps.iter().take_while(|step| step.at < plan.time) {
            self.wait_until(self.started + step.at).await;
            println!("{step}");
            self.testbed.perform(*step).await;
        }
        self.wait_until(self.started + plan.time).await;
    }

    /// Waits, and prints progress lines meanwhile.
    async fn wait_until(&mut self, moment: Instant) {
        while self.next_line < moment {
            sleep_until(self.next_line).await;
            self.next_line += LINE_EVERY;
            let at = self.started.elapsed().as_secs();
            let count = |class| self.testbed.ledger.count(class);
            let (accepted, unknown) = (count(Class::Accepted), count(Class::Unknown));
            let group = self.group().await;
            let process_metrics = self.process_metrics.sample();
            println!(
                "--- {at} s: accepted {accepted}, unknown {unknown}; {group}; {process_metrics}"
            );
        }
        sleep_until(moment).await;
    }

    /// The pending entries of the group, or the error.
    async fn group(&self) -> String {
        let mut redis = RedisAt::port(self.testbed.redis.port());
        let asked = redis.try_run::<Vec<redis::Value>>("XPENDING energy_readings processing_group");
        match timeout_at(Instant::now() + Duration::from_secs(1), asked).await {
            Ok(Ok(pending)) => format!("pending {:?}", pending.first()),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "Redis hangs".to_owned(),
        }
    }

    async fn end(self) -> Outcome {
        let Self { mut testbed, producers, sampler, process_metrics, .. } = self;
        for producer in producers {
            producer.stop().await;
        }
        let checker = Checker::of(testbed.redis.port()).within(WORKED_OFF_WITHIN);
        let checker = checker.excusing(testbed.lost_by_redis.clone()).sampled(sampler.stop().await);
        let Testbed { tiers, ledger, failures, .. } = &mut testbed;
        let report = check(checker, tiers, ledger, failures).await;
        if !report.broken().is_empty() {
            testbed.keep_disk();
        }
        Outcome::of(report, process_metrics, &testbed.failures)
    }
}

/// Packs and archives the rest, and compares the ledger with all tiers, and these with the answers of a service.
pub async fn check(
    checker: Checker,
    tiers: &Tiers,
    ledger: &Ledger,
    failures: &mut Vec<String>,
) -> Report {
    checker.wait_until_worked_off().await;
    tiers.finish().await;
    let report = checker.in_one_tier().archive(tiers.archive()).check(ledger).await;
    failures.extend(tiers.compare_answers(&report).await);
    report
}

/// Starts the producers.
pub fn producers(urls: &[String], ledger: &Ledger, seed: u64) -> Vec<Producing> {
    let producer = |number: u64| {
        let producer = Producer::to(urls).ledger(ledger);
        let producer = producer.timestamps(Timestamps::FAST);
        producer.sites(20).per_second(PER_SECOND).seed(seed + number)
    };
    // The third does not retry requests with an unknown outcome.
    let producers = [producer(1).keyed(), producer(2).keyed(), producer(3)];
    producers.map(Producer::start).into()
}

impl Outcome {
    pub fn of(report: Report, process_metrics: ProcessMetrics, failures: &[String]) -> Self {
        let failures = failures.iter().cloned().chain(process_metrics.leaks()).collect();
        Self { report, process_metrics, failures }
    }

    /// Whether all invariants hold and no service failed.
    pub fn is_success(&self) -> bool {
        self.report.broken().is_empty() && self.failures.is_empty() && self.report.accepted > 0
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { report, process_metrics, failures } = self;
        write!(f, "{process_metrics}{report}")?;
        failures.iter().try_for_each(|failure| write!(f, "\nFAILURE {failure}"))
    }
}
