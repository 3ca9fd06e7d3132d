//! Stored readings are removed once their timestamps are past the retention; readings written late
//! are, too.

use chrono::{Duration, SecondsFormat, Utc};

use super::support::system::consumer;
use crate::common::readings::{add, fields};
use crate::common::redis::RedisServer;
use crate::common::stored;
use crate::common::wait;

fn ago(age: Duration) -> String {
    (Utc::now() - age).to_rfc3339_opts(SecondsFormat::Millis, true)
}

async fn add_taken_at(redis: &RedisServer, timestamp: &str) -> String {
    add(redis, "*", &fields("site", "1.0", timestamp)).await
}

#[tokio::test]
async fn readings_past_the_retention_are_removed_and_others_stay() {
    let redis = RedisServer::start().await;
    let service = consumer(&redis, 1).env("READINGS_RETENTION", "3s").start().await;
    let fresh = add_taken_at(&redis, &ago(Duration::zero())).await;
    let future = add_taken_at(&redis, "2999-01-01T00:00:00Z").await;
    let has = async |id: &str| {
        let members = stored::members(&redis, "site").await;
        members.iter().any(|member| member.text.contains(id))
    };
    wait::until("it is stored", async || has(&fresh).await && has(&future).await).await;
    wait::until("it has grown old and is removed", async || !has(&fresh).await).await;
    let late = add_taken_at(&redis, &ago(Duration::days(400))).await;
    stored::wait_until_settled(&redis).await;
    wait::until("what came late is removed", async || !has(&late).await).await;
    assert!(has(&future).await, "it is not old");
    assert_eq!(service.counter("energy_pipeline_readings_expired_total").await, 2);
    assert_eq!(service.counter("energy_pipeline_pending_entries_deleted_total").await, 0);
}
