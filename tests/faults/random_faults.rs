//! Faults of all kinds in sequence under load, in a reproducible random order: `FAULT_SEED` selects
//! another.

use std::time::Duration;

use tokio::time::sleep;

use super::support::helpers::unready_system;
use super::support::producer::Producing;
use super::support::rng::Rng;
use super::support::sampler::Sampler;
use super::support::system::{System, consumer};
use crate::common::product::Launch;
use crate::common::redis::{GROUP, RedisServer, STREAM};

/// Makes services slow, at each place between two steps of their work.
const DELAYS: &str = "reader-after-read=3%sleep(1300);writer-before-zadd=1%sleep(700);\
    bulk-write-after-fence=1%sleep(1200);bulk-write-after-zadd=1%sleep(1200);\
    acker-before-xack=2%sleep(1200);acker-after-xack=2%sleep(600)";

fn slow(redis: &RedisServer, n: usize) -> Launch {
    consumer(redis, n).env("FAILPOINTS", DELAYS)
}

/// Faults of one run.
const FAULTS: usize = 16;

/// A fault.
#[derive(Debug, Clone, Copy)]
enum Fault {
    ServiceKilled,
    ServiceRestarted,
    ServiceFrozen,
    RedisKilled,
    ConnectionsCut,
    WritesPaused,
    MemoryFull,
    GroupDestroyed,
    GroupSetBack,
    BecomesReplica,
}

const KINDS: [Fault; 10] = [
    Fault::ServiceKilled,
    Fault::ServiceRestarted,
    Fault::ServiceFrozen,
    Fault::RedisKilled,
    Fault::ConnectionsCut,
    Fault::WritesPaused,
    Fault::MemoryFull,
    Fault::GroupDestroyed,
    Fault::GroupSetBack,
    Fault::BecomesReplica,
];

impl Fault {
    async fn happen(self, system: &mut System, producing: &Producing, rng: &mut Rng) {
        let n = usize::try_from(rng.below(system.processing.len() as u64)).unwrap();
        match self {
            Self::ServiceKilled => {
                system.processing[n].kill9();
                system.processing[n] = slow(&system.redis, n + 1).start().await;
            }
            Self::ServiceRestarted => {
                system.processing[n].terminate();
                system.processing[n].exit_code().await;
                system.processing[n] = slow(&system.redis, n + 1).start().await;
            }
            Self::ServiceFrozen => {
                system.processing[n].signal("STOP");
                sleep(Duration::from_millis(rng.between(200, 2_500))).await;
                system.processing[n].signal("CONT");
            }
            Self::RedisKilled => system.kill_and_restart_redis(producing).await,
            Self::ConnectionsCut => {
                run(&system.redis, "CLIENT KILL TYPE normal SKIPME yes").await;
            }
            Self::WritesPaused => run(&system.redis, "CLIENT PAUSE 700 WRITE").await,
            Self::MemoryFull => {
                run(&system.redis, "CONFIG SET maxmemory 1").await;
                sleep(Duration::from_millis(rng.between(100, 1_000))).await;
                run(&system.redis, "CONFIG SET maxmemory 0").await;
            }
            Self::GroupDestroyed => {
                run(&system.redis, &format!("XGROUP DESTROY {STREAM} {GROUP}")).await;
            }
            Self::GroupSetBack => {
                let _: redis::RedisResult<redis::Value> = crate::common::redis::try_run(
                    system.redis.port(),
                    &["XGROUP", "SETID", STREAM, GROUP, "0"],
                )
                .await;
            }
            Self::BecomesReplica => {
                run(&system.redis, "REPLICAOF 127.0.0.1 1").await;
                sleep(Duration::from_millis(rng.between(100, 1_500))).await;
                run(&system.redis, "REPLICAOF NO ONE").await;
            }
        }
    }
}

async fn run(redis: &RedisServer, command: &str) {
    redis.run::<redis::Value>(&command.split(' ').collect::<Vec<_>>()).await;
}

#[tokio::test]
async fn faults_of_all_kinds_in_sequence_lose_duplicate_and_dead_letter_no_valid_reading() {
    let seed = std::env::var("FAULT_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let mut system = unready_system(RedisServer::start().await, 0).await;
    for n in 1..=2 {
        system.processing.push(slow(&system.redis, n).start().await);
    }
    let mut rng = Rng::seeded(seed);
    let sampler = Sampler::of(system.redis.port());
    let producer = system.producer().keyed().seed(seed).poison(system.redis.port(), 30).start();
    let mut faults = Vec::new();
    for _ in 0..FAULTS {
        producer.wait_for_more(40).await;
        let fault = *rng.pick(&KINDS);
        faults.push(fault);
        fault.happen(&mut system, &producer, &mut rng).await;
    }
    producer.wait_for_more(100).await;
    let ledger = producer.stop().await;
    let report = system.checker().sampled(sampler.stop().await).check(&ledger).await;
    println!("{faults:?}\n{report}");
    report.assert_invariants_hold();
}
