//! The soak: the delivery guarantee under chaos, for a configurable time.
//!
//! `make soak MINUTES=30 SEED=1`: two Ingestion APIs, three Processing Services and a Redis under a
//! constant load, and a fault every one to five seconds. The seed decides which and when. In the
//! end everything is healed and the ledger is compared with the contents of Redis; the exit code is
//! 0 when all invariants hold. `PACE=4` injects faults four times as often.
//!
//! `make soak CLUSTER=4` (`--cluster`, `PARTITIONS=4`): on a Redis Cluster of three masters with a replica each, whose
//! masters are killed, stopped and cut off, and whose slots move ([`cluster`]).
//!
//! Meanwhile the services pack and archive (`PACK_AFTER`, `ARCHIVE_URL`), and commands pack, unpack, archive and restore
//! ([`tiers`]), some of which are killed. The readings are years old, a day passes in seconds, and one in ten is up to four
//! days late: it comes to a packed or an archived day. In the end all closed days are archived, each reading is in one
//! tier, and a Query API has each once.
//!
//! Before it, `MALFORMED` (100,000) malformed requests are sent to services of their own; `MINUTES=0` ends after them.
#![cfg(test)]

mod attack;
mod chaos;
mod cluster;
mod cluster_bed;
#[allow(dead_code, reason = "the black-box suite uses the rest")]
#[path = "../common/mod.rs"]
mod common;
mod plan;
mod process_metrics;
mod service;
#[allow(dead_code, reason = "the black-box suite uses the rest")]
#[path = "../faults/support/mod.rs"]
mod support;
mod testbed;
mod tiers;

use std::process::ExitCode;
use std::time::Duration;

use self::attack::Attack;
use self::chaos::{Chaos, Outcome};
use self::plan::Plan;
use self::testbed::Testbed;

#[tokio::main]
async fn main() -> ExitCode {
    let (minutes, seed, pace) = (setting("MINUTES", 2), setting("SEED", 1), setting("PACE", 1));
    let malformed = setting("MALFORMED", 100_000);
    if malformed > 0 {
        let attack = Attack::of(malformed, seed).await;
        println!("{attack}");
        if !attack.is_success() {
            return ExitCode::FAILURE;
        }
    }
    if minutes == 0 {
        return ExitCode::SUCCESS;
    }
    let (time, pace) = (Duration::from_mins(minutes), u32::try_from(pace).expect("a small number"));
    if std::env::args().any(|argument| argument == "--cluster") {
        let partitions = setting("PARTITIONS", 1);
        println!(
            "soak of {minutes} min on a cluster with seed {seed}, pace {pace}, {partitions} partitions"
        );
        return exit_code(&cluster::run(seed, time, pace, partitions).await);
    }
    let plan = Plan::drawn(seed, time, pace);
    println!("soak of {minutes} min with seed {seed}, pace {pace}");
    let testbed = Testbed::set(seed).await;
    println!("logs and ledger: {}", testbed.directory().display());
    exit_code(&Chaos::on(testbed, seed).run(plan).await)
}

fn exit_code(outcome: &Outcome) -> ExitCode {
    println!("{outcome}");
    if outcome.is_success() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn setting(name: &str, otherwise: u64) -> u64 {
    let text = std::env::var(name).unwrap_or_default();
    if text.is_empty() { otherwise } else { text.parse().expect("a number") }
}
