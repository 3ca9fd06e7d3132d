//! `GET /pipeline` says when packing and archiving last ran, how far a run is and how it ended, in whichever process.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::common::packed::{fill, pack};
use crate::common::product::{Launch, Role, launch, processing_service, query_api};
use crate::common::redis::RedisServer;
use crate::common::stored::{insert_members, member};
use crate::common::wait;

const DAY: usize = 86_400;

/// A service that packs days which ended an hour ago.
fn packer(redis: &RedisServer) -> Launch {
    processing_service(redis).env("PACK_AFTER", "1h")
}

async fn state(query: &Role, task: &str) -> Option<Value> {
    query.get("/pipeline").await.json().get(task).cloned()
}

/// The run of packing of the only consumer, once it is as expected.
async fn packing(query: &Role, is_expected: impl Fn(&Value) -> bool) -> Value {
    wait::until_some("the run of packing is as expected", async || {
        let runs = state(query, "packing").await?;
        let [run] = <[Value; 1]>::try_from(runs.as_array().unwrap().clone()).unwrap();
        is_expected(&run).then_some(run)
    })
    .await
}

/// What archives all packed days of a server.
fn archive_run(redis: &RedisServer, directory: &TempDir) -> Launch {
    launch(&["archive", "run"])
        .env("REDIS_HOST", "127.0.0.1")
        .env("REDIS_PORT", redis.port())
        .env("ARCHIVE_URL", format!("file://{}", directory.path().display()))
}

#[tokio::test]
async fn the_last_run_of_packing_says_what_it_has_packed_and_when_it_ended() {
    let redis = RedisServer::start().await;
    for site in ["a", "b"] {
        fill(&redis, site, 10..13).await;
    }
    let query = query_api(&redis).start().await;
    assert_eq!(state(&query, "packing").await, None);
    let service = packer(&redis).start().await;
    let run = packing(&query, |run| run["state"] == "done" && run["days"] != 0).await;
    assert_eq!([&run["sites"], &run["days"], &run["readings"]], [2, 4, 96]);
    assert_eq!([&run["consumer"], &run["not_packed"]], [&json!("consumer-1"), &json!(0)]);
    assert_eq!([&run["oldest_waiting_day"], &run["last_error"]], [&Value::Null, &Value::Null]);
    assert_eq!(run["last_success_at"], run["ended_at"]);
    assert!(run["started_at"].as_str() <= run["ended_at"].as_str(), "{run}");
    let gauge = service.counter("energy_pipeline_packing_last_success_seconds").await;
    assert!(gauge > 1_700_000_000, "{gauge}");
}

#[tokio::test]
async fn a_run_in_progress_says_how_far_it_is() {
    let redis = RedisServer::start().await;
    fill(&redis, "a", 10..30).await;
    let query = query_api(&redis).start().await;
    let _service = packer(&redis).env("FAILPOINTS", "pack-after-lease=sleep(700)").start().await;
    let run = packing(&query, |run| run["days"] != 0).await;
    assert_eq!([&run["state"], &run["ended_at"]], [&json!("running"), &Value::Null]);
    assert!(run["days"].as_u64() < Some(19), "{run}");
    assert_eq!(run["oldest_waiting_day"], "1970-01-11");
}

#[tokio::test]
async fn a_damaged_day_waits_though_later_runs_pass_it_by_until_it_is_deleted() {
    let redis = RedisServer::start().await;
    fill(&redis, "a", 10..13).await;
    pack(&redis, &[]).await;
    redis.run::<()>(&["HSET", "site:{site:a:readings}:packed", "11", "damaged"]).await;
    let late = 11 * DAY + 1;
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    insert_members(&redis, "a", [(late as f64, member("a", late))].into_iter()).await;
    let query = query_api(&redis).start().await;
    let service = packer(&redis).start().await;
    let first = packing(&query, |run| run["not_packed"] == 1).await;
    let message = first["last_error"]["message"].as_str().unwrap();
    assert!(message.starts_with("1970-01-12 of site a: error"), "{message}");
    let second = packing(&query, |run| run["state"] == "done" && run["not_packed"] == 0).await;
    assert_eq!(second["oldest_waiting_day"], "1970-01-12");
    assert_eq!(second["last_error"], first["last_error"]);
    assert_ne!(service.counter("energy_pipeline_packing_lag_seconds").await, 0);
    redis.run::<()>(&["DEL", "site:a:readings"]).await;
    packing(&query, |run| run["oldest_waiting_day"] == Value::Null).await;
    assert_eq!(service.counter("energy_pipeline_packing_lag_seconds").await, 0);
}

#[tokio::test]
async fn a_consumer_that_does_not_exist_any_more_has_no_run() {
    let redis = RedisServer::start().await;
    let run = format!(r#"{{"reported_ms":{}}}"#, chrono::Utc::now().timestamp_millis());
    redis.run::<()>(&["HSET", "energy_readings:tier-runs", "packing gone", &run]).await;
    let query = query_api(&redis).start().await;
    assert_eq!(state(&query, "packing").await, None);
}

#[tokio::test]
async fn the_last_run_of_archiving_says_what_it_has_archived_and_what_failed() {
    let (redis, directory) = (RedisServer::start().await, tempfile::tempdir().unwrap());
    fill(&redis, "a", 10..15).await;
    pack(&redis, &[]).await;
    let query = query_api(&redis).start().await;
    assert_eq!(state(&query, "archiving").await, None);
    let archive = async || archive_run(&redis, &directory).run().await;
    let ended = archive().await;
    assert!(ended.status.success(), "{ended:?}");
    let done = state(&query, "archiving").await.unwrap();
    assert_eq!([&done["state"], &done["last_error"]], [&json!("done"), &Value::Null]);
    assert_eq!([&done["days_due"], &done["days"], &done["changed"]], [4, 4, 0]);
    let cut = chrono::Utc::now() - chrono::TimeDelta::days(35);
    assert_eq!(done["watermark"], cut.format("%Y-%m-%d").to_string());
    assert_eq!(done["last_success_at"], done["ended_at"]);

    std::fs::remove_dir_all(directory.path().join("manifest")).unwrap();
    assert!(!archive().await.status.success());
    let failed = state(&query, "archiving").await.unwrap();
    assert_eq!([&failed["state"], &failed["days"]], [&json!("failed"), &json!(0)]);
    let message = failed["last_error"]["message"].as_str().unwrap();
    assert!(message.contains("are in another archive"), "{message}");
    for kept in ["watermark", "last_success_at"] {
        assert_eq!(failed[kept], done[kept], "{kept}");
    }
}
