//! `/livez` fails when the pipeline makes no progress though it should, so that a liveness probe restarts
//! the process; an unavailable Redis never fails it.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::common::product::{Role, processing_service};
use crate::common::readings::add_backlog;
use crate::common::redis::RedisServer;
use crate::common::stored::assert_each_is_stored_once;
use crate::common::wait;

/// The shortest time that is allowed with reads that block for a second.
const PROGRESS_TIMEOUT: Duration = Duration::from_secs(31);

async fn service(redis: &RedisServer, failpoint: &str) -> Role {
    let launch = processing_service(redis).env("READ_BLOCK_MS", "1s").env("FAILPOINTS", failpoint);
    launch.env("PROGRESS_TIMEOUT", format!("{PROGRESS_TIMEOUT:?}")).start().await
}

#[cfg(feature = "failpoints")]
#[tokio::test]
async fn a_stream_reader_that_makes_no_progress_fails_the_liveness_probe_until_it_goes_on() {
    let redis = RedisServer::start().await;
    let processing = service(&redis, "reader-before-read=1*sleep(40000)").await;
    let started = Instant::now();
    assert_eq!(processing.get("/livez").await.status, 200);
    let stalled = wait::until_some("the probe fails", async || {
        Some(processing.get("/livez").await).filter(|reply| reply.status != 200)
    })
    .await;
    let after = started.elapsed() + Duration::from_secs(1);
    assert!(after >= PROGRESS_TIMEOUT, "{after:?}");
    assert_eq!((stalled.status, &stalled.json()["code"]), (503, &json!("stalled")));
    // All actors share the thread that the failpoint blocks, so each of them may be named.
    assert!(stalled.detail().contains("has made no progress for"), "{}", stalled.detail());
    // The response may be here before the line: the log is read from a pipe.
    wait::until("it is logged", async || processing.stderr().contains("no progress")).await;
    wait::until("the probe succeeds again", async || processing.get("/livez").await.status == 200)
        .await;
    let ids = add_backlog(&redis, 10, 2).await;
    assert_each_is_stored_once(&redis, &ids).await;
}

#[tokio::test]
async fn a_redis_that_responds_to_nothing_never_fails_the_liveness_probe() {
    let mut redis = RedisServer::start().await;
    let processing = service(&redis, "").await;
    let ids = add_backlog(&redis, 10, 2).await;
    assert_each_is_stored_once(&redis, &ids).await;
    redis.signal("STOP");
    let stopped = Instant::now();
    wait::until("the outage is longer than the limit", async || {
        assert_eq!(processing.get("/livez").await.status, 200);
        stopped.elapsed() > PROGRESS_TIMEOUT + Duration::from_secs(5)
    })
    .await;
    redis.signal("CONT");
}
