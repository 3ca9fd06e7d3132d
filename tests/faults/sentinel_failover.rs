//! Sentinels promote a replica; the services ask them for the master's address.

use super::failover::{follows, replica_of};
use super::support::checker::Checker;
use super::support::ledger::now_ns;
use super::support::producer::Producer;
use super::support::report::Report;
use super::support::sentinels::{SENTINEL_PASSWORD, Sentinels, tls_settings};
use super::support::system::{consumer, missing};
use crate::common::files;
use crate::common::product::{Launch, ingestion_api};
use crate::common::redis::{RedisServer, free_port};
use crate::common::wait;

/// Readings that are accepted in the time between two replies.
const A_FEW: usize = 5;

/// Starts a failover by Sentinel under load, and checks the result.
async fn report_after_a_failover(
    [first, second]: [&RedisServer; 2],
    sentinels: &Sentinels,
    follow: impl Fn(Launch) -> Launch,
) -> Report {
    let ingestion = follow(ingestion_api(first)).start().await;
    let processing =
        [follow(consumer(first, 1)).start().await, follow(consumer(first, 2)).start().await];
    let producer = Producer::to([ingestion.base()]).start();
    producer.wait_for_more(200).await;
    sentinels.fail_over().await;
    wait::until("readings go to the new master", async || {
        // Sentinel demotes it after ten seconds or more, which ends its connections.
        assert!(is_master(first).await, "the services have not followed before that");
        let last = producer.accepted_since(now_ns() - 100_000_000);
        !last.is_empty() && missing(second.port(), &last).await.is_empty()
    })
    .await;
    producer.wait_for_more(200).await;
    let ledger = producer.stop().await;
    let not_replicated = missing(second.port(), &ledger.accepted_since(0)).await;
    let checker = Checker::of(second.port()).live(["consumer-1", "consumer-2"]);
    let report = checker.excusing(not_replicated).check(&ledger).await;
    for service in &processing {
        assert_eq!(service.get("/readyz").await.status, 200);
    }
    println!("{report}");
    report
}

async fn is_master(server: &RedisServer) -> bool {
    server.run::<String>(&["INFO", "replication"]).await.contains("role:master")
}

/// As [`report_after_a_failover`], without passwords and TLS.
async fn report_with_replicas_to_write(replicas: &str) -> Report {
    let first = RedisServer::start().await;
    let second = replica_of(&first).await;
    first.run::<()>(&["CONFIG", "SET", "min-replicas-to-write", replicas]).await;
    let sentinels = Sentinels::watching(&first).await;
    let url = sentinels.url("");
    let follow = |launch: Launch| launch.env("REDIS_URL", &url);
    report_after_a_failover([&first, &second], &sentinels, follow).await
}

/// A server with TLS, also for its replication, that announces itself as `localhost`; and its TLS port.
async fn encrypted(replica_of: Option<u16>) -> (RedisServer, u16) {
    let port = free_port();
    let mut rules = vec!["--tls-port".to_owned(), port.to_string()];
    rules.extend(tls_settings().into_iter().flat_map(|(name, value)| [format!("--{name}"), value]));
    let mut words = vec!["--replica-announce-ip", "localhost"];
    words.extend(["--user", "app", "on", ">secret", "~*", "+@all"]);
    rules.extend(words.into_iter().map(str::to_owned));
    if let Some(master) = replica_of {
        rules.extend(["--replicaof".to_owned(), format!("localhost {master}")]);
    }
    let rules: Vec<&str> = rules.iter().map(String::as_str).collect();
    (RedisServer::start_with(&rules).await, port)
}

#[tokio::test]
async fn services_follow_a_failover_before_the_old_master_is_demoted() {
    // Until the Sentinels' reply the old master accepts readings that are not replicated.
    report_with_replicas_to_write("0").await.assert_invariants_hold();
}

#[tokio::test]
async fn with_min_replicas_to_write_a_failover_loses_next_to_nothing() {
    let report = report_with_replicas_to_write("1").await;
    report.assert_invariants_hold();
    assert!(report.lost_by_redis <= A_FEW, "{report}");
}

#[tokio::test]
async fn services_follow_a_failover_of_sentinels_with_passwords_tls_and_host_names() {
    let (first, master) = encrypted(None).await;
    let (second, _) = encrypted(Some(master)).await;
    follows(&second).await;
    let sentinels = Sentinels::secured(master).await;
    let url = sentinels.url("app:secret@");
    let authority = files::path("tests/certificates/localhost.pem");
    let follow = |launch: Launch| {
        let launch = launch.env("REDIS_URL", &url).env("REDIS_TLS_CA_FILE", authority.display());
        launch.env("REDIS_SENTINEL_PASSWORD", SENTINEL_PASSWORD)
    };
    report_after_a_failover([&first, &second], &sentinels, follow).await.assert_invariants_hold();
}
