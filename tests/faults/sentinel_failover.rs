//! Sentinels promote a replica; the services ask them for the master's address.

use std::fmt::Write;
use std::fs;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use super::failover::replica_of;
use super::support::checker::Checker;
use super::support::ledger::now_ns;
use super::support::producer::Producer;
use super::support::redis_at::RedisAt;
use super::support::report::Report;
use super::support::system::{consumer, missing};
use crate::common::process::Process;
use crate::common::product::{Launch, ingestion_api};
use crate::common::redis::{RedisServer, free_port};
use crate::common::wait;

const MASTER: &str = "readings";

/// Far below the time until Sentinel demotes the old master (ten seconds or more).
const SOON: Duration = Duration::from_secs(5);

/// Readings that are accepted in the time between two replies.
const A_FEW: usize = 5;

/// Three Sentinels that monitor one master.
struct Sentinels {
    ports: Vec<u16>,
    _processes: Vec<Process>,
    _directory: TempDir,
}

impl Sentinels {
    async fn watching(master: &RedisServer) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let ports: Vec<_> = (0..3).map(|_| free_port()).collect();
        let start = |&port: &u16| {
            let file = directory.path().join(format!("{port}.conf"));
            let rules = format!(
                "port {port}\nbind 127.0.0.1\nsentinel monitor {MASTER} 127.0.0.1 {} 2\n\
                 sentinel down-after-milliseconds {MASTER} 1000\n\
                 sentinel failover-timeout {MASTER} 5000\n",
                master.port()
            );
            fs::write(&file, rules).unwrap();
            let mut command = Command::new("redis-server");
            Process::start("sentinel", command.arg(file).arg("--sentinel"))
        };
        let processes = ports.iter().map(start).collect();
        let sentinels = Self { ports, _processes: processes, _directory: directory };
        for &port in &sentinels.ports {
            wait::until("a Sentinel knows the others and the replica", async || {
                let info: redis::RedisResult<String> =
                    RedisAt::port(port).try_run("INFO sentinel").await;
                info.is_ok_and(|info| info.contains("slaves=1,sentinels=3"))
            })
            .await;
        }
        sentinels
    }

    fn url(&self) -> String {
        let mut url = "redis+sentinel://".to_owned();
        for (n, port) in self.ports.iter().enumerate() {
            write!(url, "{}127.0.0.1:{port}", if n == 0 { "" } else { "," }).unwrap();
        }
        url + "/" + MASTER
    }

    async fn master_port(&self) -> u16 {
        let ask = format!("SENTINEL GET-MASTER-ADDR-BY-NAME {MASTER}");
        let (_, port): (String, u16) = RedisAt::port(self.ports[0]).run(&ask).await;
        port
    }

    /// Starts a failover, and waits until the Sentinels name the new master. The old one is not
    /// demoted yet, and accepts writes that will be lost.
    async fn fail_over(&self) {
        let before = self.master_port().await;
        wait::until("the Sentinels agree", async || {
            let ask = format!("SENTINEL FAILOVER {MASTER}");
            RedisAt::port(self.ports[0]).try_run::<String>(&ask).await.is_ok()
        })
        .await;
        wait::until("there is another master", async || self.master_port().await != before).await;
    }
}

/// Starts a failover by Sentinel under load, and checks the result.
async fn report_after_a_failover(replicas_to_write: &str) -> Report {
    let first = RedisServer::start().await;
    let second = replica_of(&first).await;
    first.run::<()>(&["CONFIG", "SET", "min-replicas-to-write", replicas_to_write]).await;
    let sentinels = Sentinels::watching(&first).await;
    let url = sentinels.url();
    let follow = |launch: Launch| launch.env("REDIS_URL", &url).start();
    let ingestion = follow(ingestion_api(&first)).await;
    let processing = [follow(consumer(&first, 1)).await, follow(consumer(&first, 2)).await];
    let producer = Producer::to([ingestion.base()]).start();
    producer.wait_for_more(200).await;
    sentinels.fail_over().await;
    wait::within(SOON, "readings go to the new master", async || {
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

#[tokio::test]
async fn services_follow_a_failover_before_the_old_master_is_demoted() {
    // Until the Sentinels' reply the old master accepts readings that are not replicated.
    report_after_a_failover("0").await.assert_invariants_hold();
}

#[tokio::test]
async fn with_min_replicas_to_write_a_failover_loses_next_to_nothing() {
    let report = report_after_a_failover("1").await;
    report.assert_invariants_hold();
    assert!(report.lost_by_redis <= A_FEW, "{report}");
}
