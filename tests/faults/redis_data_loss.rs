//! Redis restarts without its data, or takes long to load them.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::support::ledger::now_ns;
use super::support::log_volume::assert_log_volume;
use super::support::proxy::{Mode, Proxy};
use super::support::system::{System, consumer};
use crate::common::readings::add_backlog;
use crate::common::redis::RedisServer;
use crate::common::stored;
use crate::common::wait;

/// How long Redis is down.
const AWAY: Duration = Duration::from_secs(3);

#[tokio::test]
async fn after_redis_has_lost_all_data_work_resumes_within_seconds_and_no_log_is_flooded() {
    let redis = RedisServer::start_with(&["--appendonly", "no"]).await;
    let mut system = System::over(redis, 2).await;
    let producer = system.producer().start();
    producer.wait_for_more(300).await;
    system.redis.kill9();
    let died_ms = now_ns() / 1_000_000;
    let [first, second] = &system.processing[..] else { unreachable!() };
    tokio::join!(
        assert_log_volume(&system.ingestion, AWAY),
        assert_log_volume(first, AWAY),
        assert_log_volume(second, AWAY)
    );
    system.redis.restart().await;
    let returned = Instant::now();
    producer.wait_for_more(100).await;
    wait::until("readings are stored", async || stored::count(&system.redis).await > 50).await;
    assert!(returned.elapsed() < Duration::from_secs(5), "after {:?}", returned.elapsed());
    let ledger = producer.stop().await;
    // By the time in their ids: some responses to readings accepted just before the kill arrive
    // later.
    let is_later = |id: &String| id.split('-').next().unwrap().parse::<u64>().unwrap() > died_ms;
    let (after, before): (Vec<_>, Vec<_>) =
        ledger.accepted_since(0).into_iter().partition(is_later);
    let report = system.checker().excusing(before).check(&ledger).await;
    report.assert_invariants_hold();
    assert!(report.lost_by_redis > 0, "the loss is seen: {report}");
    assert!(report.stored >= after.len(), "nothing else is lost: {report}");
    let mut groups_created = 0;
    for role in system.roles() {
        groups_created += role.counter("energy_pipeline_consumer_groups_created_total").await;
    }
    assert!(groups_created >= 1, "no service counts the created group");
    println!("{report}");
}

#[tokio::test]
async fn while_redis_loads_a_service_is_alive_and_not_ready_and_afterwards_ready() {
    let slow = ["--key-load-delay", "100", "--loading-process-events-interval-bytes", "1024"];
    let mut system = System::over(RedisServer::start_with(&slow).await, 1).await;
    fill(&system.redis).await;
    let producer = system.producer().start();
    producer.wait_for_more(100).await;
    system.redis.kill9();
    let System { redis, ingestion, processing, .. } = &mut system;
    let (mut ready, mut said) = (false, BTreeSet::new());
    let looking = async {
        while !ready {
            for role in [&*ingestion, &processing[0]] {
                assert_eq!(role.get("/livez").await.status, 200);
                let reply = role.get("/readyz").await;
                said.insert(reply.text());
                ready = reply.status == 200;
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::join!(redis.restart(), looking);
    assert!(said.iter().any(|said| said.contains("is starting")), "it was seen loading: {said:?}");
    for role in system.roles() {
        wait::until("it is ready", async || role.get("/readyz").await.status == 200).await;
    }
    producer.wait_for_more(100).await;
    let ledger = producer.stop().await;
    let report = system.checker().check(&ledger).await;
    report.assert_invariants_hold();
    println!("{report}");
}

/// Fills the append-only file with commands that take 2.5 seconds to load. While loading, Redis
/// replies after every thousand of them, every tenth of a second: the handshake of a connection,
/// which needs several replies, succeeds also on a busy machine.
async fn fill(redis: &RedisServer) {
    let mut connection = redis.connect().await;
    let mut pipe = redis::pipe();
    for n in 0..25_000 {
        pipe.cmd("SET").arg("filling").arg(n).ignore();
    }
    pipe.query_async::<()>(&mut connection).await.unwrap();
}

#[tokio::test]
async fn an_interrupted_xautoclaim_floods_no_log() {
    let mut redis = RedisServer::start().await;
    add_backlog(&redis, 20_000, 1).await;
    redis.deliver_to("slow-consumer", 20_000).await;
    let proxy = Proxy::to(redis.port()).await;
    // `XAUTOCLAIM` scans some hundred entries per call, so the search takes a while.
    proxy.set(Mode::Delay(Duration::from_millis(30)));
    let service = consumer(&redis, 1).env("REDIS_PORT", proxy.port());
    let service = service.env("CLAIM_MIN_IDLE_MS", 3_600_000).start().await;
    wait::until("the search has begun", async || {
        let calls: String = redis.run(&["INFO", "commandstats"]).await;
        calls.contains("xautoclaim")
    })
    .await;
    redis.kill9();
    assert_log_volume(&service, AWAY).await;
}
