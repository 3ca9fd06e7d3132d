//! A script that does not end blocks Redis for all clients until it is killed.

use std::time::{Duration, Instant};

use super::support::ledger::Class;
use super::support::redis_at::RedisAt;
use super::support::system::System;
use crate::common::redis::RedisServer;
use crate::common::wait;

#[tokio::test]
async fn an_endless_script_delays_but_loses_nothing() {
    let redis = RedisServer::start_with(&["--busy-reply-threshold", "200"]).await;
    let system = System::over(redis, 2).await;
    let producer = system.producer().keyed().start();
    producer.wait_for_more(200).await;
    let port = system.redis.port();
    let script = tokio::spawn(async move {
        let mut endless = redis::cmd("EVAL");
        endless.arg("while true do end").arg(0);
        // Err: the script is killed.
        RedisAt::port(port).query::<()>(&endless).await
    });
    let not_accepted = async || producer.count(Class::Refused) + producer.count(Class::Unknown);
    wait::until("readings are refused", async || not_accepted().await > 20).await;
    let since = Instant::now();
    for role in system.roles() {
        assert_eq!(role.get("/readyz").await.status, 503);
        assert_eq!(role.get("/livez").await.status, 200);
    }
    wait::until("it has run for long", async || since.elapsed() > Duration::from_secs(2)).await;
    system.redis.run::<()>(&["SCRIPT", "KILL"]).await;
    assert!(script.await.unwrap().is_err());
    producer.wait_for_more(200).await;
    let report = system.checker().check(&producer.stop().await).await;
    report.assert_invariants_hold();
    assert_eq!(report.unknown, 0, "each was sent again with its key: {report}");
    assert_eq!(report.dead, 0, "{report}");
}
