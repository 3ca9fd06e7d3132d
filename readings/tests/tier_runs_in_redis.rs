//! The last runs of packing and archiving, reported to a real Redis and read by other processes.
#![cfg(test)]

mod support;

use readings::store::tier_runs::{
    ArchivingProgress, PackingProgress, RunPhase, TierRunReporter, TierRunStates, TierRuns,
};
use readings::store::{Keys, RedisServer as Server};

use self::support::redis::RedisServer;
use self::support::shared;

const KEY: &str = "energy_readings:tier-runs";

type Packing = TierRunReporter<PackingProgress>;

fn keys() -> Keys {
    Keys::new("energy_readings", "processing_group")
}

fn packing(redis: &RedisServer, consumer: &str) -> Packing {
    TierRunReporter::of_packing(&keys(), shared(redis), consumer)
}

async fn begin(reporter: &mut Packing) {
    reporter.begin(|_| PackingProgress::default()).await;
}

async fn states(redis: &RedisServer) -> TierRunStates {
    TierRuns::new(&keys(), shared(redis)).read().await.unwrap()
}

/// A run of packing that was last reported this many milliseconds ago.
async fn insert(redis: &RedisServer, consumer: &str, milliseconds_ago: i64) {
    let reported = chrono::Utc::now().timestamp_millis() - milliseconds_ago;
    let run = format!(r#"{{"started_ms":1,"reported_ms":{reported}}}"#);
    redis.run::<()>(&["HSET", KEY, &format!("packing {consumer}"), &run]).await;
}

#[tokio::test]
async fn another_process_sees_a_run_while_it_is_in_progress_and_how_it_ended() {
    let redis = RedisServer::start().await;
    assert_eq!(states(&redis).await, TierRunStates::default());
    let mut reporter = packing(&redis, "proc 0");
    begin(&mut reporter).await;
    reporter.progress().days = 3;
    let [(consumer, run)] = <[_; 1]>::try_from(states(&redis).await.packing).unwrap();
    assert_eq!((consumer.as_str(), run.phase()), ("proc 0", RunPhase::Running));
    assert_eq!(run.progress.days, 0, "it was reported a moment ago");
    reporter.end(None).await;
    let [(_, run)] = <[_; 1]>::try_from(states(&redis).await.packing).unwrap();
    assert_eq!((run.phase(), run.progress.days), (RunPhase::Done, 3));
    assert_eq!(run.succeeded_ms, run.ended_ms);
    assert_eq!(states(&redis).await.archiving, None);
}

#[tokio::test]
async fn a_process_that_starts_again_knows_the_last_success_and_the_last_error() {
    let redis = RedisServer::start().await;
    let mut before = packing(&redis, "a");
    begin(&mut before).await;
    before.note("day 7 is damaged");
    before.end(None).await;
    begin(&mut packing(&redis, "b")).await;
    begin(&mut packing(&redis, "a")).await;
    let packing = states(&redis).await.packing;
    let [(_, a), (_, b)] = &packing[..] else { panic!("{packing:?}") };
    assert_eq!(a.phase(), RunPhase::Running);
    assert!(a.succeeded_ms.is_some());
    assert_eq!(a.last_error.as_ref().unwrap().message, "day 7 is damaged");
    assert_eq!((b.succeeded_ms, &b.last_error), (None, &None));
}

#[tokio::test]
async fn what_is_archived_stays_known_while_runs_fail() {
    let redis = RedisServer::start().await;
    for watermark in [Some(19_000), None] {
        let mut reporter = TierRunReporter::of_archiving(&keys(), shared(&redis));
        reporter.begin(ArchivingProgress::next).await;
        if watermark.is_some() {
            reporter.progress().watermark = watermark;
        }
        reporter.end(watermark.is_none().then_some("the bucket is away")).await;
    }
    let run = states(&redis).await.archiving.unwrap();
    assert_eq!((run.phase(), run.progress.watermark), (RunPhase::Failed, Some(19_000)));
    assert!(run.succeeded_ms.is_some());
}

#[tokio::test]
async fn a_consumer_that_has_not_reported_for_a_day_is_forgotten() {
    const DAY: i64 = 86_400_000;
    let redis = RedisServer::start().await;
    insert(&redis, "gone", DAY + 60_000).await;
    insert(&redis, "here", DAY - 60_000).await;
    let run = r#"{"started_ms":1,"reported_ms":1}"#;
    redis.run::<()>(&["HSET", KEY, "archiving", run]).await;
    let read = states(&redis).await;
    let names: Vec<_> = read.packing.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["here"]);
    begin(&mut packing(&redis, "new")).await;
    let mut fields: Vec<String> = redis.run(&["HKEYS", KEY]).await;
    fields.sort();
    assert_eq!(fields, ["archiving", "packing here", "packing new"]);
}

#[tokio::test]
async fn what_is_in_another_form_is_left_out_and_replaced() {
    let redis = RedisServer::start().await;
    for field in ["packing a", "archiving", "later"] {
        redis.run::<()>(&["HSET", KEY, field, "no JSON"]).await;
    }
    assert_eq!(states(&redis).await, TierRunStates::default());
    begin(&mut packing(&redis, "a")).await;
    assert_eq!(states(&redis).await.packing.len(), 1);
}

#[tokio::test]
async fn a_server_that_denies_the_report_is_not_asked_again() {
    let redis = RedisServer::start().await;
    let rights = ["on", ">secret", "~*", "&*", "+@all", "-hset"];
    redis.run::<()>(&[&["ACL", "SETUSER", "limited"], &rights[..]].concat()).await;
    let url = format!("redis://limited:secret@127.0.0.1:{}", redis.port());
    let connection = Server::from_url(&url).unwrap().shared();
    let mut reporter = TierRunReporter::of_packing(&keys(), connection, "a");
    for _ in 0..3 {
        begin(&mut reporter).await;
        reporter.end(None).await;
    }
    let denied: Vec<redis::Value> = redis.run(&["ACL", "LOG"]).await;
    let [redis::Value::Array(entry)] = &denied[..] else { panic!("{denied:?}") };
    let [name, times] = &entry[..2] else { panic!("{entry:?}") };
    assert_eq!((name, times), (&redis::Value::BulkString(b"count".into()), &redis::Value::Int(1)));
}
