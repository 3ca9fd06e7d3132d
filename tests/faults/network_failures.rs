//! The network between the services and Redis fails in every way it can.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::support::proxy::{Cut, Mode, Proxy};
use super::support::report::Report;
use super::support::sampler::Sampler;
use super::support::system::System;
use crate::common::redis::RedisServer;
use crate::common::wait;

/// A system whose services reach Redis through a proxy.
async fn world_behind_a_proxy() -> (System, Proxy) {
    let redis = RedisServer::start().await;
    let proxy = Proxy::to(redis.port()).await;
    let port = proxy.port();
    (System::through(redis, port, 2).await, proxy)
}

/// How long the network fails.
#[derive(Clone, Copy)]
enum Until {
    /// Until this number of reconnects.
    Connections(u64),
    /// Until this number of readings is accepted in spite of it.
    Accepted(usize),
}

/// Sets a mode of the network under load, and returns the report after it has been reset.
async fn report_after(mode: Mode, until: Until) -> Report {
    let (system, proxy) = world_behind_a_proxy().await;
    let sampler = Sampler::of(system.redis.port());
    let producer = system.producer().keyed().poison(system.redis.port(), 50).start();
    producer.wait_for_more(100).await;
    let connections = proxy.connections();
    proxy.set(mode);
    match until {
        Until::Connections(new) => {
            let are_made = async || proxy.connections() - connections >= new;
            wait::until("connections are replaced", are_made).await;
        }
        Until::Accepted(readings) => producer.wait_for_more(readings).await,
    }
    proxy.set(Mode::Forward);
    let connections = proxy.connections() - connections;
    producer.wait_for_more(100).await;
    let ledger = producer.stop().await;
    let report = system.checker().sampled(sampler.stop().await).check(&ledger).await;
    for role in system.roles() {
        wait::until("it is ready", async || role.get("/readyz").await.status == 200).await;
        assert!(!role.stderr().contains("panicked"), "{}", role.stderr());
    }
    println!("{mode:?}, {connections} connections: {report}");
    report
}

#[tokio::test]
async fn connections_killed_five_times_a_second_lose_and_duplicate_nothing() {
    let system = System::start(2).await;
    let sampler = Sampler::of(system.redis.port());
    let producer = system.producer().keyed().poison(system.redis.port(), 50).start();
    let end = Instant::now() + Duration::from_secs(8);
    while Instant::now() < end {
        let kill = ["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"];
        system.redis.run::<()>(&kill).await;
        sleep(Duration::from_millis(200)).await;
    }
    producer.wait_for_more(100).await;
    let ledger = producer.stop().await;
    let report = system.checker().sampled(sampler.stop().await).check(&ledger).await;
    report.assert_invariants_hold();
    println!("{report}");
}

#[tokio::test]
async fn after_a_black_hole_connections_are_replaced_and_no_entry_is_orphaned() {
    let report = report_after(Mode::BlackHole, Until::Connections(4)).await;
    report.assert_invariants_hold();
    assert_eq!(report.unknown, 0, "each was sent again until it was accepted: {report}");
}

#[tokio::test]
async fn a_slow_network_loses_and_duplicates_nothing() {
    let until = Until::Accepted(500);
    let delay = report_after(Mode::Delay(Duration::from_millis(400)), until);
    let narrow = report_after(Mode::BytesPerSecond(10_000), until);
    let (delay, narrow) = tokio::join!(delay, narrow);
    delay.assert_invariants_hold();
    narrow.assert_invariants_hold();
}

#[tokio::test]
async fn truncated_replies_lose_and_duplicate_nothing() {
    let cut = |cut, one_in| report_after(Mode::Cut(cut, one_in), Until::Connections(40));
    let (before, mid, closed) =
        tokio::join!(cut(Cut::ResetBefore, 10), cut(Cut::ResetMid, 10), cut(Cut::CloseMid, 10));
    for report in [before, mid, closed] {
        report.assert_invariants_hold();
        assert_eq!(report.unknown, 0, "each was sent again until it was accepted: {report}");
    }
}
