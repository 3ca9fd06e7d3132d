//! The soak: the delivery guarantee under chaos, for a configurable time.
//!
//! `make soak MINUTES=30 SEED=1`: two Ingestion APIs, three Processing Services and a Redis under a
//! constant load, and a fault every one to five seconds. The seed decides which and when. In the
//! end everything is healed and the ledger is compared with the contents of Redis; the exit code is
//! 0 when all invariants hold. `PACE=4` injects faults four times as often.
//!
//! Before it, `MALFORMED` (100,000) malformed requests are sent to services of their own; `MINUTES=0` ends after them.
#![cfg(test)]

mod attack;
mod chaos;
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

use std::process::ExitCode;
use std::time::Duration;

use self::attack::Attack;
use self::chaos::Chaos;
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
    let time = Duration::from_secs(minutes * 60);
    let plan = Plan::drawn(seed, time, u32::try_from(pace).expect("a small number"));
    println!("soak of {minutes} min with seed {seed}, pace {pace}");
    let testbed = Testbed::set(seed).await;
    println!("logs and ledger: {}", testbed.directory().display());
    let outcome = Chaos::on(testbed, seed).run(plan).await;
    println!("{outcome}");
    if outcome.is_success() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn setting(name: &str, otherwise: u64) -> u64 {
    let text = std::env::var(name).unwrap_or_default();
    if text.is_empty() { otherwise } else { text.parse().expect("a number") }
}
