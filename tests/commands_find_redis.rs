//! `dead-letters` and `reconcile` use the configured Redis, or else the private one of a running
//! `up`.

use std::path::Path;

use crate::common::process::Ended;
use crate::common::product::launch;
use crate::common::readings::{NOON, add, fields};
use crate::common::redis::{RedisServer, STREAM, free_port};
use crate::common::up::Up;
use crate::common::wait;

async fn command(arguments: &[&str], directory: &Path, port: Option<u16>) -> Ended {
    let launch = launch(arguments).env("DATA_DIR", directory.display());
    match port {
        Some(port) => launch.env("REDIS_PORT", port).run().await,
        None => launch.run().await,
    }
}

/// Adds an entry that becomes a dead letter.
async fn add_dead_letter(up: &Up) {
    let fields = fields("site", "poison", NOON);
    let words = fields.iter().flat_map(|(name, value)| [name.as_str(), value.as_str()]);
    let command: Vec<_> = ["XADD", STREAM, "*"].into_iter().chain(words).collect();
    let _: String = up.redis(&command).await;
    wait::until("there is a dead letter", async || {
        up.redis::<usize>(&["XLEN", "energy_readings:dead"]).await == 1
    })
    .await;
}

#[tokio::test]
async fn they_find_the_private_redis_of_a_running_up_and_name_it() {
    let directory = tempfile::tempdir().unwrap();
    let up = Up::start(directory.path()).await;
    add_dead_letter(&up).await;
    let listed = command(&["dead-letters", "list"], directory.path(), None).await;
    assert_eq!(listed.status.code(), Some(0), "{listed:?}");
    assert!(listed.stdout.contains("poison"), "{listed:?}");
    assert!(listed.stderr.contains("the private Redis of `up`"), "{listed:?}");
    let all = command(&["dead-letters", "delete", "--all"], directory.path(), None).await;
    assert_eq!(all.status.code(), Some(0), "{all:?}");
    assert_eq!(up.redis::<usize>(&["XLEN", "energy_readings:dead"]).await, 0);
    let reconciled = command(&["reconcile"], directory.path(), None).await;
    assert_eq!(reconciled.status.code(), Some(0), "{reconciled:?}");
    assert!(reconciled.stderr.contains("the private Redis of `up`"), "{reconciled:?}");
}

#[tokio::test]
async fn a_configured_redis_is_used_also_while_up_runs() {
    let directory = tempfile::tempdir().unwrap();
    let up = Up::start(directory.path()).await;
    add_dead_letter(&up).await;
    let redis = RedisServer::start().await;
    add(&redis, "*", &fields("site", "1.0", NOON)).await;
    let listed = command(&["dead-letters", "list"], directory.path(), Some(redis.port())).await;
    assert_eq!((listed.status.code(), listed.stdout.as_str()), (Some(0), ""), "{listed:?}");
    assert!(listed.stderr.contains("no dead letters of energy_readings"), "{listed:?}");
    let refused = command(&["dead-letters", "list"], directory.path(), Some(free_port())).await;
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
}

#[tokio::test]
async fn the_private_redis_of_a_stopped_up_is_not_used() {
    let directory = tempfile::tempdir().unwrap();
    let mut up = Up::start(directory.path()).await;
    up.process.signal("TERM");
    up.process.ended().await;
    let listed = command(&["dead-letters", "list"], directory.path(), None).await;
    assert!(!listed.stderr.contains("the private Redis"), "{listed:?}");
}

#[tokio::test]
async fn a_stream_that_does_not_exist_is_an_error() {
    let redis = RedisServer::start().await;
    add(&redis, "*", &fields("site", "1.0", NOON)).await;
    let launch = launch(&["dead-letters", "list", "--redis-stream", "nope"]);
    let ended = launch.env("REDIS_PORT", redis.port()).run().await;
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert!(ended.stderr.contains("there is no stream nope"), "{}", ended.stderr);
}
