//! Exit codes: 0 success or a requested stop, 1 failure, 2 an invalid setting or argument, 130
//! stopped by a second signal (`import`: by the first).

use crate::common::product::{ingestion_api, launch, processing_service, query_api};
use crate::common::readings::{NOON, add, fields};
use crate::common::redis::{RedisServer, free_port};
use crate::common::wait;

#[tokio::test]
async fn services_exit_with_0_when_they_are_stopped() {
    let redis = RedisServer::start().await;
    for launch in [ingestion_api(&redis), processing_service(&redis), query_api(&redis)] {
        let mut role = launch.start().await;
        role.terminate();
        assert_eq!(role.exit_code().await, Some(0));
    }
}

#[tokio::test]
async fn commands_exit_with_0_on_success() {
    let redis = RedisServer::start().await;
    add(&redis, "*", &fields("site", "1.0", NOON)).await;
    redis.deliver_to("consumer", 1).await;
    for command in [
        &["dead-letters", "list"][..],
        &["dead-letters", "delete", "--all"],
        &["reconcile"],
        &["reindex"],
        &["rollups", "build"],
        &["openapi", "ingestion-api"],
        &["--version"],
        &["--help"],
        &["import", "--help"],
    ] {
        let ended = launch(command).env("REDIS_PORT", redis.port()).run().await;
        assert_eq!(ended.status.code(), Some(0), "{command:?}: {ended:?}");
    }
}

#[tokio::test]
async fn commands_exit_with_1_on_failure_and_report_the_cause_once() {
    for command in [
        &["dead-letters", "list"][..],
        &["dead-letters", "retry", "1-0"],
        &["reconcile"],
        &["reindex"],
        &["rollups", "build"],
        &["import", "/no/such/file"],
        &["healthcheck", "query-api"],
    ] {
        let port = free_port();
        let ended =
            launch(command).env("REDIS_PORT", port).env("PROCESSING_PORT", port).run().await;
        assert_eq!(ended.status.code(), Some(1), "{command:?}: {ended:?}");
        assert_eq!(ended.stderr.lines().count(), 1, "{command:?}: {}", ended.stderr);
    }
}

#[tokio::test]
async fn a_service_that_fails_exits_with_1_and_one_log_line_with_the_cause() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    for format in ["json", "text"] {
        let launch = launch(&["query-api"]).env("PROCESSING_PORT", port);
        let ended = launch.env("LOG_FORMAT", format).run().await;
        assert_eq!(ended.status.code(), Some(1), "{ended:?}");
        let lines: Vec<_> =
            ended.stderr.lines().filter(|line| line.contains("listen on")).collect();
        let [line] = lines[..] else { panic!("not one line but {lines:?}") };
        assert!(line.contains("ERROR"), "{line}");
    }
    let silent = launch(&["query-api"]).env("PROCESSING_PORT", port).env("RUST_LOG", "off");
    let ended = silent.run().await;
    assert!(ended.stderr.contains("cannot listen on"), "{}", ended.stderr);
}

#[tokio::test]
async fn all_commands_exit_with_2_on_an_invalid_argument_or_setting() {
    for command in [
        &["up", "--nonsense"][..],
        &["up", "--idempotency-ttl", "0"],
        &["ingestion-api", "--redis-url", "nonsense"],
        &["processing-service", "--max-in-flight", "1"],
        &["query-api", "--redis-port", "x"],
        &["query-api", "--redis-password-file", "/no/such/file"],
        &["dead-letters"],
        &["dead-letters", "list", "--redis-url", "nonsense"],
        &["dead-letters", "retry"],
        &["reconcile", "--redis-password", "a", "--redis-password-file", "/dev/null"],
        &["import"],
        &["import", "-", "--concurrency", "0"],
        &["openapi", "nothing"],
        &["healthcheck", "nothing"],
        &["healthcheck", "up"],
        &["nonsense"],
    ] {
        let ended = launch(command).run().await;
        assert_eq!(ended.status.code(), Some(2), "{command:?}: {ended:?}");
        assert!(!ended.stderr.is_empty(), "{command:?}");
    }
}

#[tokio::test]
async fn a_second_signal_makes_a_service_exit_with_130() {
    let redis = RedisServer::start().await;
    add(&redis, "*", &fields("site", "1.0", NOON)).await;
    let slow = processing_service(&redis).env("PROCESSING_DELAY_MS", 9_000);
    let mut slow = slow.start().await;
    wait::until("it works", async || redis.group().await.pending == 1).await;
    slow.signal("INT");
    wait::until("it drains", async || slow.get("/readyz").await.status == 503).await;
    slow.signal("QUIT");
    assert_eq!(slow.exit_code().await, Some(130));
}

#[tokio::test]
async fn help_and_readme_list_the_exit_codes() {
    let help = launch(&["--help"]).run().await.stdout;
    let readme = std::fs::read_to_string(crate::common::files::path("README.md")).unwrap();
    for (text, place) in [(help, "--help"), (readme, "README.md")] {
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
        for told in ["exit codes", "130", "second signal"] {
            assert!(words.contains(told), "{place} does not tell {told}");
        }
    }
}
