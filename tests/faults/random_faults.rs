//! Faults of all kinds one after another under load, chosen by chance that can be repeated: `FAULT_SEED`
//! chooses others.

use std::time::Duration;

use tokio::time::sleep;

use super::support::helpers::unready_world;
use super::support::producer::Producing;
use super::support::rng::Rng;
use super::support::sampler::Sampler;
use super::support::system::{World, consumer};
use crate::common::product::Launch;
use crate::common::redis::{GROUP, RedisServer, STREAM};

/// Services are often as slow as those that freeze, at each place between two steps of their work.
const DELAYS: &str = "reader-after-read=3%sleep(1300);writer-before-zadd=1%sleep(700);\
    bulk-write-after-fence=1%sleep(1200);bulk-write-after-zadd=1%sleep(1200);\
    acker-before-xack=2%sleep(1200);acker-after-xack=2%sleep(600)";

fn slow(redis: &RedisServer, n: usize) -> Launch {
    consumer(redis, n).env("FAILPOINTS", DELAYS)
}

/// Faults of one run.
const FAULTS: usize = 16;

/// Something that goes wrong.
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
    async fn happen(self, world: &mut World, producing: &Producing, rng: &mut Rng) {
        let n = usize::try_from(rng.below(world.processing.len() as u64)).unwrap();
        match self {
            Self::ServiceKilled => {
                world.processing[n].kill9();
                world.processing[n] = slow(&world.redis, n + 1).start().await;
            }
            Self::ServiceRestarted => {
                world.processing[n].terminate();
                world.processing[n].exit_code().await;
                world.processing[n] = slow(&world.redis, n + 1).start().await;
            }
            Self::ServiceFrozen => {
                world.processing[n].signal("STOP");
                sleep(Duration::from_millis(rng.between(200, 2_500))).await;
                world.processing[n].signal("CONT");
            }
            Self::RedisKilled => world.kill_and_restart_redis(producing).await,
            Self::ConnectionsCut => {
                run(&world.redis, "CLIENT KILL TYPE normal SKIPME yes").await;
            }
            Self::WritesPaused => run(&world.redis, "CLIENT PAUSE 700 WRITE").await,
            Self::MemoryFull => {
                run(&world.redis, "CONFIG SET maxmemory 1").await;
                sleep(Duration::from_millis(rng.between(100, 1_000))).await;
                run(&world.redis, "CONFIG SET maxmemory 0").await;
            }
            Self::GroupDestroyed => {
                run(&world.redis, &format!("XGROUP DESTROY {STREAM} {GROUP}")).await;
            }
            Self::GroupSetBack => {
                let _: redis::RedisResult<redis::Value> = crate::common::redis::try_run(
                    world.redis.port(),
                    &["XGROUP", "SETID", STREAM, GROUP, "0"],
                )
                .await;
            }
            Self::BecomesReplica => {
                run(&world.redis, "REPLICAOF 127.0.0.1 1").await;
                sleep(Duration::from_millis(rng.between(100, 1_500))).await;
                run(&world.redis, "REPLICAOF NO ONE").await;
            }
        }
    }
}

async fn run(redis: &RedisServer, command: &str) {
    redis.run::<redis::Value>(&command.split(' ').collect::<Vec<_>>()).await;
}

#[tokio::test]
async fn faults_of_all_kinds_one_after_another_lose_double_and_bury_nothing_that_is_good() {
    let seed = std::env::var("FAULT_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let mut world = unready_world(RedisServer::start().await, 0).await;
    for n in 1..=2 {
        world.processing.push(slow(&world.redis, n).start().await);
    }
    let mut rng = Rng::seeded(seed);
    let sampler = Sampler::of(world.redis.port());
    let producer = world.producer().keyed().seed(seed).poison(world.redis.port(), 30).start();
    let mut faults = Vec::new();
    for _ in 0..FAULTS {
        producer.wait_for_more(40).await;
        let fault = *rng.pick(&KINDS);
        faults.push(fault);
        fault.happen(&mut world, &producer, &mut rng).await;
    }
    producer.wait_for_more(100).await;
    let ledger = producer.stop().await;
    let verdict = world.checker().sampled(sampler.stop().await).check(&ledger).await;
    println!("{faults:?}\n{verdict}");
    verdict.assert_kept();
}
