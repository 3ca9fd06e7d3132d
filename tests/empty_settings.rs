//! An empty setting has its default: Compose files, charts and scripts pass unset variables on as
//! empty ones.

use crate::common::process::Process;
use crate::common::product::{Launch, launch, processing_service, query_api};
use crate::common::redis::RedisServer;
use crate::common::wait;

const SERVICES: [&str; 3] = ["ingestion-api", "processing-service", "query-api"];

/// Commands that exit by themselves, with their required arguments.
const TOOLS: [&[&str]; 6] = [
    &["dead-letters", "list"],
    &["dead-letters", "retry", "1-0"],
    &["reconcile"],
    &["reindex"],
    &["import", "/no/such/file"],
    &["healthcheck", "ingestion-api"],
];

/// The variables that the help of a command names.
async fn settings(command: &[&str]) -> Vec<String> {
    let help = launch(&[command, &["--help"]].concat()).run().await.stdout;
    let entries = help.split("[env: ").skip(1);
    let names: Vec<_> =
        entries.filter_map(|rest| rest.split(['=', ']']).next()).map(str::to_owned).collect();
    assert!(!names.is_empty(), "{help}");
    names
}

/// Whether a service starts, or finds its default port in use, which proves the default.
async fn starts(process: &mut Process) -> bool {
    wait::until("it listens or ends", async || {
        process.stdout().contains(" listens on ") || !process.is_running()
    })
    .await;
    process.is_running() || process.ended().await.stderr.contains("cannot listen on")
}

async fn assert_starts(launch: Launch, what: &str) {
    let mut process = launch.start_process();
    assert!(starts(&mut process).await, "{what}: {}", process.stderr());
}

#[tokio::test]
async fn each_setting_of_each_service_may_be_empty() {
    for role in SERVICES {
        for variable in settings(&[role]).await {
            assert_starts(launch(&[role]).env(&variable, ""), &format!("{role} {variable}")).await;
        }
    }
}

#[tokio::test]
async fn each_flag_may_be_empty() {
    let settings = settings(&["ingestion-api"]).await;
    for flag in settings.iter().map(|variable| variable.to_lowercase().replace('_', "-")) {
        let apart = launch(&["ingestion-api"]).arg(format!("--{flag}")).arg("");
        assert_starts(apart, &flag).await;
        assert_starts(launch(&["ingestion-api"]).arg(format!("--{flag}=")), &flag).await;
    }
}

#[tokio::test]
async fn each_setting_of_each_command_may_be_empty() {
    for command in TOOLS {
        for variable in settings(command).await {
            let ended = launch(command).env("INGESTION_PORT", 1).env(&variable, "").run().await;
            let (code, stderr) = (ended.status.code(), &ended.stderr);
            assert!(code.is_some_and(|code| code < 2), "{command:?} {variable}: {stderr}");
        }
    }
}

#[tokio::test]
async fn all_settings_of_up_may_be_empty_at_once() {
    let home = tempfile::tempdir().unwrap();
    let mut command = launch(&["up"]).env("XDG_DATA_HOME", home.path().display());
    for variable in settings(&["up"]).await {
        let is_place = variable.ends_with("_PORT") && variable != "REDIS_PORT";
        if !is_place {
            command = command.env(&variable, "");
        }
    }
    let mut up = command.start_process();
    wait::until("it is up with a private Redis", async || {
        assert!(up.is_running(), "{}", up.stderr());
        up.stdout().contains("(private; ")
    })
    .await;
    assert!(home.path().join("energy-pipeline").exists());
    up.signal("TERM");
    assert_eq!(up.ended().await.status.code(), Some(0));
}

#[tokio::test]
async fn an_empty_flag_takes_precedence_over_a_variable() {
    let redis = RedisServer::start().await;
    let url = "redis://127.0.0.1:1";
    let role = query_api(&redis).env("REDIS_URL", url).arg("--redis-url").arg("").start().await;
    assert_eq!(role.get("/health").await.json()["redis_connected"], true);
}

#[tokio::test]
async fn an_empty_variable_counts_as_unset() {
    let redis = RedisServer::start().await;
    let launch = processing_service(&redis).env("REDIS_URL", "").env("CONSUMER_NAME", "");
    let processing = launch.env("HOSTNAME", "pod-7").start().await;
    let health = processing.get("/health").await.json();
    assert_eq!(health["redis_connected"], true);
    assert_eq!(health["consumer_name"], "pod-7");
}
