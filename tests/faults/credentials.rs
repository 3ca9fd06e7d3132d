//! Passwords that are wrong, rotated, or of a user with too few rights: no reading is lost, no
//! process exits, and with correct credentials the work goes on.

use std::fs;

use super::support::ledger::Class;
use super::support::system::{System, consumer};
use crate::common::product::ingestion_api;
use crate::common::readings::{add_backlog, reading};
use crate::common::redis::{DEAD_LETTERS, RedisServer};
use crate::common::stored::assert_each_is_stored_once;
use crate::common::wait;

#[tokio::test]
async fn a_wrong_password_is_reported_and_corrected_in_its_file_without_a_restart() {
    let redis = RedisServer::start().await;
    redis.run::<()>(&["ACL", "SETUSER", "meter", "on", ">right", "~*", "&*", "+@all"]).await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("password");
    fs::write(&file, "wrong\n").unwrap();
    let url = format!("redis://meter@127.0.0.1:{}", redis.port());
    let set = |launch: crate::common::product::Launch| {
        launch.env("REDIS_URL", &url).env("REDIS_PASSWORD_FILE", file.display())
    };
    let ingestion = set(ingestion_api(&redis)).start().await;
    let service = set(consumer(&redis, 1)).start().await;
    let ids = add_backlog(&redis, 50, 3).await;
    let body = reading("site").to_string();
    let refused = ingestion.post("/readings", body.clone()).await;
    assert_eq!(refused.status, 503);
    assert!(refused.detail().contains("credentials"), "{refused:?}");
    for role in [&ingestion, &service] {
        wait::until("it says so", async || role.stderr().contains("denied")).await;
        assert_eq!(role.get("/readyz").await.status, 503);
        assert_eq!(role.get("/livez").await.status, 200);
        assert!(!role.stderr().contains("wrong\""), "the password is in the log");
    }
    fs::write(&file, "right\n").unwrap();
    let accepted = wait::until_some("it is accepted", async || {
        let reply = ingestion.post("/readings", body.clone()).await;
        (reply.status == 201).then(|| reply.json()["stream_id"].as_str().unwrap().to_owned())
    })
    .await;
    assert_each_is_stored_once(&redis, &[ids, vec![accepted]].concat()).await;
    assert_eq!(service.counter("energy_pipeline_actor_restarts_total").await, 0);
}

#[tokio::test]
async fn a_password_rotated_under_load_loses_and_duplicates_nothing() {
    let redis = RedisServer::start().await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("password");
    let set_password = |password: &str| {
        let reset = format!(">{password}");
        [["ACL", "SETUSER", "meter", "resetpass", &reset, "on", "~*", "&*", "+@all"]
            .map(str::to_owned)]
        .concat()
    };
    redis.run::<()>(&set_password("first")).await;
    fs::write(&file, "first").unwrap();
    let url = format!("redis://meter@127.0.0.1:{}", redis.port());
    let set = |launch: crate::common::product::Launch| {
        launch.env("REDIS_URL", &url).env("REDIS_PASSWORD_FILE", file.display())
    };
    let ingestion = set(ingestion_api(&redis)).start().await;
    let processing =
        vec![set(consumer(&redis, 1)).start().await, set(consumer(&redis, 2)).start().await];
    let system = System::of(redis, ingestion, processing);
    let producer = system.producer().start();
    for password in ["second", "third"] {
        producer.wait_for_more(100).await;
        system.redis.run::<()>(&set_password(password)).await;
        let kill = ["CLIENT", "KILL", "USER", "meter"];
        system.redis.run::<u64>(&kill).await;
        let before = producer.count(Class::Refused);
        wait::until("the old one is refused", async || producer.count(Class::Refused) > before)
            .await;
        fs::write(&file, password).unwrap();
    }
    producer.wait_for_more(100).await;
    let report = system.checker().check(&producer.stop().await).await;
    report.assert_invariants_hold();
    assert_eq!(report.dead, 0, "{report}");
}

#[tokio::test]
async fn entries_wait_in_the_service_until_its_user_may_store_them() {
    let redis = RedisServer::start().await;
    redis
        .run::<()>(&["ACL", "SETUSER", "meter", "on", ">secret", "~*", "&*", "+@all", "-zadd"])
        .await;
    let ids = add_backlog(&redis, 50, 3).await;
    let url = format!("redis://meter:secret@127.0.0.1:{}", redis.port());
    let service = consumer(&redis, 1).env("REDIS_URL", &url).start().await;
    let other = consumer(&redis, 2).env("REDIS_URL", &url).start().await;
    wait::until("one says so", async || {
        [&service, &other].iter().any(|role| role.stderr().contains("no permissions"))
    })
    .await;
    for role in [&service, &other] {
        assert_eq!(role.get("/livez").await.status, 200);
        assert_eq!(role.counter("energy_pipeline_actor_restarts_total").await, 0);
    }
    assert_eq!(redis.run::<usize>(&["XLEN", DEAD_LETTERS]).await, 0);
    redis.run::<()>(&["ACL", "SETUSER", "meter", "+zadd"]).await;
    assert_each_is_stored_once(&redis, &ids).await;
}
