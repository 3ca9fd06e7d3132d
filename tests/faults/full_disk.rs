//! The disk under the append-only file is full.

use std::path::Path;
use std::process::Command;

use super::support::ledger::Class;
use super::support::system::System;
use crate::common::process::Process;
use crate::common::redis::{RedisServer, try_run};
use crate::common::wait;

/// A Redis whose files are limited to this number of KiB: further writes fail as on a full disk.
fn start_with_files_of(kib: u32, redis: &RedisServer, directory: &Path, fsync: &str) -> Process {
    let mut shell = Command::new("sh");
    let script = format!("trap '' XFSZ; ulimit -S -f {}; exec redis-server \"$@\"", kib * 2);
    shell.args(["-c", &script, "redis", "--bind", "127.0.0.1", "--save", ""]);
    shell.args(["--port", &redis.port().to_string(), "--appendonly", "yes"]);
    shell.args(["--appendfsync", fsync]);
    shell.args(["--auto-aof-rewrite-percentage", "0", "--dir"]).arg(directory);
    Process::start("redis-server with a small disk", &mut shell)
}

async fn wait_until_it_answers(redis: &RedisServer) {
    wait::until("redis-server answers", async || {
        try_run::<String>(redis.port(), &["PING"]).await.is_ok()
    })
    .await;
}

#[tokio::test]
async fn while_the_disk_is_full_nothing_is_accepted_and_afterwards_all_is_stored() {
    let redis = RedisServer::prepared(&[]);
    let directory = tempfile::tempdir().unwrap();
    let server = start_with_files_of(400, &redis, directory.path(), "everysec");
    wait_until_it_answers(&redis).await;
    let system = System::over(redis, 2).await;
    let producer = system.producer().start();
    producer.wait_for_more(100).await;
    wait::until("readings are refused", async || producer.count(Class::Refused) > 50).await;
    for role in system.roles() {
        assert_eq!(role.get("/readyz").await.status, 503);
        assert_eq!(role.get("/livez").await.status, 200);
    }
    let mut prlimit = Command::new("prlimit");
    prlimit.args(["--fsize=unlimited", "--pid", &server.pid().to_string()]);
    assert!(prlimit.status().unwrap().success());
    producer.wait_for_more(200).await;
    let ledger = producer.stop().await;
    let report = system.checker().check(&ledger).await;
    report.assert_invariants_hold();
    assert_eq!(report.dead, 0, "{report}");
}

/// With `appendfsync always` Redis exits when it cannot write.
#[tokio::test]
async fn a_redis_that_exits_because_of_a_full_disk_loses_no_accepted_reading() {
    let redis = RedisServer::prepared(&[]);
    let directory = tempfile::tempdir().unwrap();
    let mut server = start_with_files_of(200, &redis, directory.path(), "always");
    wait_until_it_answers(&redis).await;
    let system = System::over(redis, 2).await;
    let producer = system.producer().keyed().start();
    wait::until("Redis ends", async || !server.is_running()).await;
    let refused = producer.count(Class::Refused);
    wait::until("readings are refused", async || producer.count(Class::Refused) > refused + 50)
        .await;
    for role in system.roles() {
        assert_eq!(role.get("/readyz").await.status, 503);
        assert_eq!(role.get("/livez").await.status, 200);
    }
    let _server = start_with_files_of(1_000_000, &system.redis, directory.path(), "always");
    wait_until_it_answers(&system.redis).await;
    producer.wait_for_more(200).await;
    let report = system.checker().check(&producer.stop().await).await;
    report.assert_invariants_hold();
    assert_eq!(report.dead, 0, "{report}");
}
