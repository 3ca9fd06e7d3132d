//! Goes through the plan under load, and says in the end how it went.

use std::fmt;
use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout_at};

use super::plan::Plan;
use super::stage::Stage;
use super::vitals::Vitals;
use crate::support::checker::Checker;
use crate::support::ledger::Class;
use crate::support::producer::{Producer, Producing};
use crate::support::redis_at::RedisAt;
use crate::support::report::Verdict;
use crate::support::sampler::Sampler;

/// How often a line says how it goes.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// How long the services may take to work everything off once they are healed.
const WORKED_OFF_WITHIN: Duration = Duration::from_mins(1);

/// Readings a second, of each of the producers.
const PER_SECOND: u64 = 100;

pub struct Chaos {
    stage: Stage,
    producers: Vec<Producing>,
    sampler: Sampler,
    vitals: Vitals,
    started: Instant,
    next_line: Instant,
}

/// How it went.
#[derive(Debug)]
pub struct Outcome {
    verdict: Verdict,
    vitals: Vitals,
    misdeeds: Vec<String>,
}

impl Chaos {
    pub fn on(stage: Stage, seed: u64) -> Self {
        let producer = |number: u64| {
            let producer = Producer::to(stage.ingestion_urls()).ledger(&stage.ledger);
            producer.sites(20).per_second(PER_SECOND).seed(seed + number)
        };
        // One cannot send again what it does not know the outcome of.
        let producers = [producer(1).keyed(), producer(2).keyed(), producer(3)];
        let producers = producers.map(Producer::start).into();
        let sampler = Sampler::of(stage.redis.port());
        let started = Instant::now();
        Self {
            stage,
            producers,
            sampler,
            vitals: Vitals::default(),
            started,
            next_line: started + LINE_EVERY,
        }
    }

    /// Breaks everything as planned, heals it, and compares.
    pub async fn run(mut self, plan: Plan) -> Outcome {
        for step in plan.steps.iter().take_while(|step| step.at < plan.time) {
            self.wait_until(self.started + step.at).await;
            println!("{step}");
            self.stage.perform(*step).await;
        }
        self.wait_until(self.started + plan.time).await;
        println!("healing");
        self.stage.heal().await;
        self.wait_until(Instant::now() + LINE_EVERY).await;
        self.end().await
    }

    /// Waits, and says how it goes meanwhile.
    async fn wait_until(&mut self, moment: Instant) {
        while self.next_line < moment {
            sleep_until(self.next_line).await;
            self.next_line += LINE_EVERY;
            let at = self.started.elapsed().as_secs();
            let count = |class| self.stage.ledger.count(class);
            let (accepted, unknown) = (count(Class::Accepted), count(Class::Unknown));
            let group = self.group().await;
            let vitals = self.vitals.look();
            println!("--- {at} s: accepted {accepted}, unknown {unknown}; {group}; {vitals}");
        }
        sleep_until(moment).await;
    }

    /// What Redis says of the group, if it does.
    async fn group(&self) -> String {
        let mut redis = RedisAt::port(self.stage.redis.port());
        let asked = redis.try_run::<Vec<redis::Value>>("XPENDING energy_readings processing_group");
        match timeout_at(Instant::now() + Duration::from_secs(1), asked).await {
            Ok(Ok(pending)) => format!("pending {:?}", pending.first()),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "Redis hangs".to_owned(),
        }
    }

    async fn end(self) -> Outcome {
        let Self { stage, producers, sampler, vitals, .. } = self;
        for producer in producers {
            producer.stop().await;
        }
        let checker = Checker::of(stage.redis.port()).within(WORKED_OFF_WITHIN);
        let checker = checker.excusing(stage.lost_by_redis.clone()).sampled(sampler.stop().await);
        let verdict = checker.check(&stage.ledger).await;
        if !verdict.broken().is_empty() {
            stage.keep_disk();
        }
        let misdeeds = stage.misdeeds.iter().cloned().chain(vitals.leaks()).collect();
        Outcome { verdict, vitals, misdeeds }
    }
}

impl Outcome {
    /// Whether all invariants hold, and no service did what it must not.
    pub fn is_well(&self) -> bool {
        self.verdict.broken().is_empty() && self.misdeeds.is_empty() && self.verdict.accepted > 0
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { verdict, vitals, misdeeds } = self;
        write!(f, "{vitals}{verdict}")?;
        misdeeds.iter().try_for_each(|misdeed| write!(f, "\nMISDEED {misdeed}"))
    }
}
