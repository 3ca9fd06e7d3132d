//! The time until work resumes: after a service was killed, and after Redis was.
//!
//! The times are printed (`--nocapture`). `RECOVERY_DEFAULTS=1` measures the first with the default
//! of `CLAIM_MIN_IDLE_MS`, which takes half a minute a round.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use redis::Value;

use super::support::ledger::Class;
use super::support::system::{CLAIM_MIN_IDLE_MS, System};
use crate::common::product::{Launch, Role, processing_service};
use crate::common::redis::{GROUP, RedisServer, STREAM};
use crate::common::wait;

const SLOW_MS: u64 = 50;

const ROUNDS: usize = 5;

/// Readings with a 503 while Redis is unavailable: those of some five seconds.
const REFUSED_MEANWHILE: usize = 1_500;

/// In addition to the idle time: the interval of the reclaimer, and the processing.
const LOOKS_AND_WORK: Duration = Duration::from_secs(6);

/// The idle time after which entries of a dead service may be claimed, by the setting.
fn min_idle() -> (bool, Duration) {
    match std::env::var_os("RECOVERY_DEFAULTS") {
        Some(_) => (true, Duration::from_secs(30)),
        None => (false, Duration::from_millis(CLAIM_MIN_IDLE_MS)),
    }
}

/// A service with this delay for each reading; a slow one always has entries in flight.
fn service(redis: &RedisServer, n: usize, delay_ms: u64) -> Launch {
    let (by_default, min_idle) = min_idle();
    let name = format!("consumer-{n}");
    let launch =
        processing_service(redis).env("CONSUMER_NAME", name).env("PROCESSING_DELAY_MS", delay_ms);
    if by_default { launch } else { launch.env("CLAIM_MIN_IDLE_MS", min_idle.as_millis()) }
}

/// Entries pending for a consumer, by id.
async fn pending_of(redis: &RedisServer, consumer: &str) -> Vec<String> {
    let command = ["XPENDING", STREAM, GROUP, "-", "+", "100000", consumer];
    let pending: Vec<(String, String, u64, u64)> = redis.run(&command).await;
    pending.into_iter().map(|(id, ..)| id).collect()
}

async fn is_pending(redis: &RedisServer, id: &str) -> bool {
    let found: Value = redis.run(&["XPENDING", STREAM, GROUP, id, id, "1"]).await;
    found != Value::Array(Vec::new())
}

/// Kills a service, and returns the time until its entries were stored and acknowledged.
async fn time_to_take_over(redis: &RedisServer, mut service: Role, name: &str) -> Duration {
    let has_some = async || pending_of(redis, name).await.len() > 3;
    wait::until("it has entries in hand", has_some).await;
    service.kill9();
    let killed = Instant::now();
    let left = pending_of(redis, name).await;
    for id in &left {
        wait::until("it is stored", async || !is_pending(redis, id).await).await;
    }
    println!("{} entries of a killed service were stored {:?} later", left.len(), killed.elapsed());
    killed.elapsed()
}

#[tokio::test]
async fn entries_of_a_killed_service_are_stored_soon_after_they_may_be_claimed() {
    let mut system = System::start(0).await;
    for (n, delay_ms) in [(1, 0), (2, SLOW_MS)] {
        system.processing.push(service(&system.redis, n, delay_ms).start().await);
    }
    let producer = system.producer().start();
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let slow = system.processing.pop().unwrap();
        let time = time_to_take_over(&system.redis, slow, "consumer-2").await;
        let (_, min_idle) = min_idle();
        assert!(time < min_idle + LOOKS_AND_WORK, "it took {time:?}");
        times.push(time);
        system.processing.push(service(&system.redis, 2, SLOW_MS).start().await);
    }
    report("from kill -9 of a service to the last of its entries stored by another", times);
    system.checker().check(&producer.stop().await).await.assert_invariants_hold();
}

#[tokio::test]
async fn when_redis_is_back_readings_are_accepted_and_stored_within_seconds() {
    let mut system = System::over(RedisServer::start_durable().await, 2).await;
    let producer = system.producer().keyed().start();
    let (mut accepted, mut stored) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        producer.wait_for_more(100).await;
        system.redis.kill9();
        // So long that every backoff has reached its maximum.
        let refused = producer.count(Class::Refused) + REFUSED_MEANWHILE;
        wait::until("it is missed", async || producer.count(Class::Refused) >= refused).await;
        system.redis.restart().await;
        let returned = Instant::now();
        producer.wait_for_more(1).await;
        accepted.push(returned.elapsed());
        let last = last_id(&system.redis).await;
        wait::until("all of it is stored", async || is_worked_off(&system.redis, &last).await)
            .await;
        stored.push(returned.elapsed());
    }
    for times in [&accepted, &stored] {
        assert!(times.iter().all(|time| *time < Duration::from_secs(10)), "{times:?}");
    }
    report("from Redis back to a reading accepted", accepted);
    report("from Redis back to all that was accepted stored", stored);
    system.checker().check(&producer.stop().await).await.assert_invariants_hold();
}

async fn last_id(redis: &RedisServer) -> String {
    let about: HashMap<String, Value> = redis.run(&["XINFO", "STREAM", STREAM]).await;
    redis::from_redis_value_ref(&about["last-generated-id"]).unwrap()
}

/// Whether all entries up to this one were delivered and acknowledged.
async fn is_worked_off(redis: &RedisServer, last: &str) -> bool {
    let groups: Vec<HashMap<String, Value>> = redis.run(&["XINFO", "GROUPS", STREAM]).await;
    let delivered: String = redis::from_redis_value_ref(&groups[0]["last-delivered-id"]).unwrap();
    let pending: Value = redis.run(&["XPENDING", STREAM, GROUP, "-", last, "1"]).await;
    numbers(&delivered) >= numbers(last) && pending == Value::Array(Vec::new())
}

fn numbers(id: &str) -> Vec<u64> {
    id.split('-').map(|number| number.parse().unwrap()).collect()
}

fn report(what: &str, mut times: Vec<Duration>) {
    times.sort();
    let (least, median, most) = (times[0], times[times.len() / 2], times[times.len() - 1]);
    println!("{what}: median {median:?}, from {least:?} to {most:?}, of {}", times.len());
}
