//! The network between the services and Redis fails in every way it can.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::support::proxy::{Cut, Mode, Proxy};
use super::support::report::Verdict;
use super::support::sampler::Sampler;
use super::support::system::World;
use crate::common::redis::RedisServer;
use crate::common::wait;

/// A world whose services reach Redis through a proxy.
async fn world_behind_a_proxy() -> (World, Proxy) {
    let redis = RedisServer::start().await;
    let proxy = Proxy::to(redis.port()).await;
    let port = proxy.port();
    (World::through(redis, port, 2).await, proxy)
}

/// How long the network fails.
#[derive(Clone, Copy)]
enum Until {
    /// So many connections were made anew.
    Connections(u64),
    /// So many readings were accepted all the same.
    Accepted(usize),
}

/// Lets the network fail in this way, under load, and gives the verdict after it works again.
async fn verdict_after(mode: Mode, until: Until) -> Verdict {
    let (world, proxy) = world_behind_a_proxy().await;
    let sampler = Sampler::of(world.redis.port());
    let producer = world.producer().keyed().poison(world.redis.port(), 50).start();
    producer.wait_for_more(100).await;
    let connections = proxy.connections();
    proxy.set(mode);
    match until {
        Until::Connections(new) => {
            let are_made = async || proxy.connections() - connections >= new;
            wait::until("connections are made anew", are_made).await;
        }
        Until::Accepted(readings) => producer.wait_for_more(readings).await,
    }
    proxy.set(Mode::Forward);
    let connections = proxy.connections() - connections;
    producer.wait_for_more(100).await;
    let ledger = producer.stop().await;
    let verdict = world.checker().sampled(sampler.stop().await).check(&ledger).await;
    for role in world.roles() {
        wait::until("it is ready", async || role.get("/readyz").await.status == 200).await;
        assert!(!role.stderr().contains("panicked"), "{}", role.stderr());
    }
    println!("{mode:?}, {connections} connections: {verdict}");
    verdict
}

#[tokio::test]
async fn connections_that_are_killed_five_times_a_second_lose_and_double_nothing() {
    let world = World::start(2).await;
    let sampler = Sampler::of(world.redis.port());
    let producer = world.producer().keyed().poison(world.redis.port(), 50).start();
    let end = Instant::now() + Duration::from_secs(8);
    while Instant::now() < end {
        let kill = ["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"];
        world.redis.run::<()>(&kill).await;
        sleep(Duration::from_millis(200)).await;
    }
    producer.wait_for_more(100).await;
    let ledger = producer.stop().await;
    let verdict = world.checker().sampled(sampler.stop().await).check(&ledger).await;
    verdict.assert_kept();
    println!("{verdict}");
}

#[tokio::test]
async fn a_black_hole_is_left_by_way_of_new_connections_and_what_was_orphaned_is_found() {
    let verdict = verdict_after(Mode::BlackHole, Until::Connections(4)).await;
    verdict.assert_kept();
    assert_eq!(verdict.unknown, 0, "each was sent again until it was accepted: {verdict}");
}

#[tokio::test]
async fn a_slow_network_loses_and_doubles_nothing() {
    let until = Until::Accepted(500);
    let delay = verdict_after(Mode::Delay(Duration::from_millis(400)), until);
    let narrow = verdict_after(Mode::BytesPerSecond(10_000), until);
    let (delay, narrow) = tokio::join!(delay, narrow);
    delay.assert_kept();
    narrow.assert_kept();
}

#[tokio::test]
async fn replies_that_are_cut_lose_and_double_nothing() {
    let cut = |cut, one_in| verdict_after(Mode::Cut(cut, one_in), Until::Connections(40));
    let (before, mid, closed) =
        tokio::join!(cut(Cut::ResetBefore, 10), cut(Cut::ResetMid, 10), cut(Cut::CloseMid, 10));
    for verdict in [before, mid, closed] {
        verdict.assert_kept();
        assert_eq!(verdict.unknown, 0, "each was sent again until it was accepted: {verdict}");
    }
}
