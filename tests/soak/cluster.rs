//! The soak on a Redis Cluster: the cluster and the services are broken at the same time, under load.

use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;
use tokio::time::{Instant, sleep, sleep_until};

use super::chaos::{LINE_EVERY, Outcome, WORKED_OFF_WITHIN, check, producers};
use super::cluster_bed::ClusterBed;
use super::plan::{Action, INGESTIONS, Kind, PROCESSORS, Plan};
use super::process_metrics::ProcessMetrics;
use super::service::Service;
use super::tiers::Tiers;
use crate::common::cluster::SHARDS;
use crate::common::redis::{RedisServer, STREAM};
use crate::support::checker::Checker;
use crate::support::ledger::{Class, Ledger};

/// Between two faults of the cluster.
const PAUSE: Duration = Duration::from_secs(2);

/// Sites of the producers.
const SITES: usize = 20;

/// Injects faults for this time, heals everything, and compares.
pub async fn run(seed: u64, time: Duration, pace: u32, partitions: u64) -> Outcome {
    let prefix = format!("soak-cluster-{seed}-");
    let directory = TempDir::with_prefix_in(prefix, env!("CARGO_TARGET_TMPDIR")).unwrap().keep();
    println!("logs and ledger: {}", directory.display());
    let mut bed = ClusterBed::with(keys(partitions), seed).await;
    let settings =
        [("REDIS_URL", bed.cluster.url()), ("STREAM_PARTITIONS", partitions.to_string())];
    let ports = (0..2 * SHARDS).map(|node| bed.cluster.node(node).port()).collect();
    let tiers = Tiers::of(&settings, ports, &directory);
    bed.archive = Some(tiers.archive().to_owned());
    let settings = settings.into_iter().chain(tiers.settings()).collect();
    let mut services = Services::start(settings, &directory).await;
    let ledger = Ledger::at(directory.join("ledger.ndjson"));
    let producing = producers(&services.ingestion_urls(), &ledger, seed);
    let plan = Plan::of_services(seed, time, pace);
    let (end, mut metrics) = (Instant::now() + time, ProcessMetrics::default());
    tokio::join!(
        break_cluster(&mut bed, end, pace),
        services.perform(&plan),
        tiers.change_until(end, seed),
        print_progress(&ledger, &mut metrics, end)
    );
    println!("healing; injected {bed}");
    services.heal().await;
    bed.cluster.wait_until_healthy().await;
    sleep(LINE_EVERY).await;
    for producer in producing {
        producer.stop().await;
    }
    let checker = Checker::of_all(bed.master_ports().await).within(WORKED_OFF_WITHIN);
    let checker = checker.excusing_readings(bed.lost_by_redis.clone());
    let report = check(checker, &tiers, &ledger, &mut services.failures).await;
    Outcome::of(report, metrics, &services.failures)
}

/// Those of streams, sites, and what all partitions share.
fn keys(partitions: u64) -> Vec<String> {
    let streams: Vec<_> = match partitions {
        1 => vec![STREAM.to_owned()],
        several => (0..several).map(|n| format!("{STREAM}:{{{n}}}")).collect(),
    };
    let sites = (0..SITES).map(|site| format!("site:site-{site}:readings"));
    streams.into_iter().chain(sites).chain([STREAM.to_owned(), format!("{STREAM}:sites")]).collect()
}

async fn break_cluster(bed: &mut ClusterBed, end: Instant, pace: u32) {
    while Instant::now() < end {
        sleep(PAUSE / pace).await;
        bed.inject_one().await;
    }
}

async fn print_progress(ledger: &Ledger, metrics: &mut ProcessMetrics, end: Instant) {
    let started = Instant::now();
    while Instant::now() < end {
        sleep(LINE_EVERY).await;
        let (accepted, unknown) = (ledger.count(Class::Accepted), ledger.count(Class::Unknown));
        let (at, sample) = (started.elapsed().as_secs(), metrics.sample());
        println!("--- {at} s: accepted {accepted}, unknown {unknown}; {sample}");
    }
}

/// The services.
struct Services {
    all: Vec<Service>,
    /// Not started: services find the cluster by its URL.
    no_redis: RedisServer,
    failures: Vec<String>,
}

impl Services {
    async fn start(settings: Vec<(&'static str, String)>, directory: &Path) -> Self {
        let (no_redis, mut all) = (RedisServer::prepared(&[]), Vec::new());
        for number in 0..PROCESSORS + INGESTIONS {
            all.push(Service::start_with(number, &no_redis, directory, settings.clone()).await);
        }
        Self { all, no_redis, failures: Vec::new() }
    }

    fn ingestion_urls(&self) -> Vec<String> {
        self.all[PROCESSORS..].iter().map(Service::url).collect()
    }

    async fn perform(&mut self, plan: &Plan) {
        let started = Instant::now();
        for step in plan.steps.iter().take_while(|step| step.at < plan.time) {
            sleep_until(started + step.at).await;
            println!("{step}");
            match (step.kind, step.action) {
                (Kind::Begin, Action::Kill(n)) => self.all[n].kill(),
                (Kind::Begin, Action::Terminate(n)) => self.all[n].terminate(),
                (Kind::Begin, Action::Freeze(n)) => self.all[n].freeze(),
                (Kind::End, Action::Kill(n)) => self.all[n].start_again(&self.no_redis).await,
                (Kind::End, Action::Terminate(n)) => self.replace(n).await,
                (Kind::End, Action::Freeze(n)) => self.all[n].thaw(),
                _ => {}
            }
        }
    }

    /// Waits until a terminated service has exited, and starts another in its place.
    async fn replace(&mut self, service: usize) {
        if let Some(code) = self.all[service].ended().await.filter(|code| *code != 0) {
            self.failures.push(format!("service {service}, asked to end, ended with {code}"));
        }
        self.all[service].start_again(&self.no_redis).await;
    }

    async fn heal(&mut self) {
        for service in &mut self.all {
            service.thaw();
            service.start_again(&self.no_redis).await;
        }
    }
}
