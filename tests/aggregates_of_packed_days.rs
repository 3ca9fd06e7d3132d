//! Energy of a site is the same whether its days are packed or not, and their rollups stay valid.

use crate::common::packed::{fill, pack};
use crate::common::process::Ended;
use crate::common::product::{launch, query_api};
use crate::common::redis::RedisServer;
use crate::common::stored;

const PATHS: [&str; 3] = [
    "/sites/s/aggregates?start=1997-05-01&end=1997-08-01&interval=1d",
    "/sites/s/energy?start=1997-05-01&end=1997-08-01",
    "/sites/s/aggregates?start=1997-06-01T00:07:00Z&end=1997-06-03T11:00:00Z&interval=5m",
];

/// 60 days of 1997, without rollups or with them.
async fn answers(redis: &RedisServer) -> Vec<serde_json::Value> {
    let query = query_api(redis).start().await;
    let mut answers = Vec::new();
    for path in PATHS {
        let reply = query.get(path).await;
        assert_eq!(reply.status, 200, "{path}: {reply:?}");
        answers.push(reply.json());
    }
    answers
}

async fn build(redis: &RedisServer) -> Ended {
    launch(&["rollups", "build"]).env("REDIS_PORT", redis.port()).run().await
}

#[tokio::test]
async fn packed_days_have_the_energy_that_they_had() {
    let redis = RedisServer::start().await;
    fill(&redis, "s", 9_990..10_050).await;
    let before = answers(&redis).await;
    pack(&redis, &[]).await;
    assert_eq!(stored::members(&redis, "s").await.len(), 24);
    assert_eq!(answers(&redis).await, before, "with the rollups of before");
    redis.run::<()>(&["DEL", "site:s:rollups"]).await;
    assert_eq!(answers(&redis).await, before, "with rollups of packed days");
    // One that is delivered again counts once.
    redis
        .run::<()>(&["ZADD", "site:s:readings", "863136000", &stored::member("s", 863_136_000)])
        .await;
    assert_eq!(answers(&redis).await, before);
}

#[tokio::test]
async fn rollups_build_computes_those_of_packed_days() {
    let redis = RedisServer::start().await;
    fill(&redis, "s", 9_990..10_050).await;
    pack(&redis, &[]).await;
    for computed in [60, 0] {
        let ended = build(&redis).await;
        let done = format!("1 sites, 60 days with readings, {computed} rollups computed");
        assert_eq!((ended.status.code(), ended.stderr.trim()), (Some(0), done.as_str()));
    }
}
