//! The private Redis of `up`: accessible to its user only, and stopped with `up`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::process::{self, Process};
use crate::common::readings::{NOON, fields, reading};
use crate::common::redis::{STREAM, free_port, try_run};
use crate::common::up::{Up, is_alive, send, stored_ids, up, wait_until_stored};
use crate::common::wait;

fn command_line(pid: u32) -> String {
    fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap().replace('\0', " ")
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// All files and directories below a directory.
fn below(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| {
            [vec![path.clone()], if path.is_dir() { below(&path) } else { vec![] }].concat()
        })
        .collect()
}

fn assert_closed_to_others(directory: &Path) {
    assert_eq!(mode(directory), 0o700);
    for path in below(directory) {
        assert_eq!(mode(&path), if path.is_dir() { 0o700 } else { 0o600 }, "{}", path.display());
    }
}

/// A Redis as older versions started it: without password or lock, its files for all to read.
fn older_redis(directory: &Path, port: u16) -> Process {
    fs::set_permissions(directory, fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(directory.join("lock"), "").unwrap();
    fs::write(directory.join("port"), port.to_string()).unwrap();
    let mut command = Command::new("redis-server");
    command.args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--appendonly", "yes"]);
    command.args(["--save", "", "--dir"]).arg(directory);
    Process::start("redis-server", &mut command)
}

async fn add_reading(port: u16) -> String {
    let fields = fields("site", "1.0", NOON).into_iter().flat_map(|(name, value)| [name, value]);
    let command = ["XADD", STREAM, "*"].map(str::to_owned).into_iter().chain(fields);
    try_run(port, &command.collect::<Vec<_>>()).await.unwrap()
}

#[tokio::test]
async fn it_is_durable_and_listens_on_loopback_only() {
    let directory = tempfile::tempdir().unwrap();
    let up = Up::start(directory.path()).await;
    let redis = up.redis_pid().await;
    assert_eq!(fs::read_link(format!("/proc/{redis}/cwd")).unwrap(), directory.path());
    for (name, value) in
        [("maxmemory-policy", "noeviction"), ("appendonly", "yes"), ("bind", "127.0.0.1")]
    {
        let setting: Vec<String> = up.redis(&["CONFIG", "GET", name]).await;
        assert_eq!(setting[1], value, "{name}");
    }
    assert!(!up.process.stderr().contains("maxmemory"), "advice about what is not the user's");
}

#[tokio::test]
async fn it_requires_a_password_that_only_its_user_can_read() {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("new");
    let mut first = Up::start(&directory).await;
    send(&first.ingestion, "/readings", 1).await;
    let refused = try_run::<String>(first.redis_port, &["PING"]).await.unwrap_err();
    assert_eq!(refused.code(), Some("NOAUTH"));
    assert_closed_to_others(&directory);
    let (redis, password) = (first.redis_pid().await, first.password());
    assert!(password.len() >= 32, "{password}");
    for pid in [redis, first.process.pid()] {
        assert!(!command_line(pid).contains(&password), "{}", command_line(pid));
    }
    assert!(!first.process.stdout().contains(&password));
    first.process.signal("TERM");
    first.process.ended().await;
    let second = Up::start(&directory).await;
    assert_ne!(second.password(), password, "a password that was seen is good for ever");
}

#[tokio::test]
async fn data_of_an_older_version_are_used_and_closed_to_other_users() {
    let directory = tempfile::tempdir().unwrap();
    let port = free_port();
    let mut older = older_redis(directory.path(), port);
    wait::until("it answers", async || try_run::<String>(port, &["PING"]).await.is_ok()).await;
    let id = add_reading(port).await;
    older.signal("TERM");
    older.ended().await;
    let up = Up::start(directory.path()).await;
    wait_until_stored(&up.processing, &[id]).await;
    assert_closed_to_others(directory.path());
}

#[tokio::test]
async fn an_orphaned_server_of_an_older_version_is_stopped_first() {
    let directory = tempfile::tempdir().unwrap();
    let port = free_port();
    let mut orphan = older_redis(directory.path(), port);
    wait::until("it answers", async || try_run::<String>(port, &["PING"]).await.is_ok()).await;
    let id = add_reading(port).await;
    let up = Up::start(directory.path()).await;
    assert!(!orphan.is_running(), "two servers over the same files");
    wait_until_stored(&up.processing, &[id]).await;
}

#[tokio::test]
async fn a_directory_with_other_files_keeps_its_permissions() {
    let directory = tempfile::tempdir().unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let foreign = directory.path().join("foreign");
    fs::write(&foreign, "").unwrap();
    fs::set_permissions(&foreign, fs::Permissions::from_mode(0o644)).unwrap();
    let _up = Up::start(directory.path()).await;
    assert_eq!((mode(directory.path()), mode(&foreign)), (0o755, 0o644));
    for path in below(directory.path()).iter().filter(|path| **path != foreign) {
        assert_eq!(mode(path) & 0o077, 0, "{}", path.display());
    }
}

#[tokio::test]
async fn it_stops_when_up_is_killed_and_the_next_up_has_its_data() {
    let directory = tempfile::tempdir().unwrap();
    let mut killed = Up::start(directory.path()).await;
    let redis = killed.redis_pid().await;
    let ids = send(&killed.ingestion, "/readings", 20).await;
    killed.process.kill9();
    wait::until("its Redis ends", async || !is_alive(redis)).await;
    let again = Up::start(directory.path()).await;
    assert_eq!(again.redis_port, killed.redis_port, "people find it where it was");
    wait_until_stored(&again.processing, &ids).await;
}

/// Kills an `up` together with what would stop its Redis.
fn orphan(up: &mut Up) {
    let children = process::children(up.process.pid());
    let guard = children.iter().find(|child| command_line(**child).starts_with("/bin/sh"));
    process::signal(*guard.expect("there is a guard"), "KILL");
    up.process.kill9();
}

#[tokio::test]
async fn an_orphaned_server_is_stopped_by_the_next_up() {
    let directory = tempfile::tempdir().unwrap();
    let mut killed = Up::start(directory.path()).await;
    let redis = killed.redis_pid().await;
    let ids = send(&killed.ingestion, "/readings", 20).await;
    orphan(&mut killed);
    assert!(is_alive(redis), "there is no orphan to test with");
    let again = Up::start(directory.path()).await;
    assert!(!is_alive(redis), "two servers over the same files");
    wait_until_stored(&again.processing, &ids).await;
}

#[tokio::test]
async fn the_next_up_waits_for_a_server_that_does_not_respond() {
    let directory = tempfile::tempdir().unwrap();
    let mut killed = Up::start(directory.path()).await;
    let redis = killed.redis_pid().await;
    let ids = send(&killed.ingestion, "/readings", 20).await;
    orphan(&mut killed);
    process::signal(redis, "STOP");
    fs::remove_file(directory.path().join("port")).unwrap();
    let mut next = up(directory.path()).start_process();
    wait::until("it waits", async || next.stderr().contains("that an earlier run left")).await;
    assert!(!next.stdout().contains("is up"));
    process::signal(redis, "TERM");
    process::signal(redis, "CONT");
    wait::until("it is up", async || next.stdout().contains("is up")).await;
    assert!(!is_alive(redis), "two servers over the same files");
    next.signal("TERM");
    next.ended().await;
    let again = Up::start(directory.path()).await;
    wait_until_stored(&again.processing, &ids).await;
}

#[tokio::test]
async fn it_stops_when_up_is_stopped_by_a_second_signal() {
    let directory = tempfile::tempdir().unwrap();
    let mut up = Up::start(directory.path()).await;
    let redis = up.redis_pid().await;
    process::signal(redis, "STOP");
    up.process.signal("TERM");
    wait::until("it drains", async || up.process.stderr().contains("a second signal")).await;
    up.process.signal("TERM");
    assert_eq!(up.process.ended().await.status.code(), Some(130));
    process::signal(redis, "CONT");
    wait::until("its Redis ends", async || !is_alive(redis)).await;
}

#[tokio::test]
async fn it_is_restarted_when_it_crashes_and_still_stops_with_up() {
    let directory = tempfile::tempdir().unwrap();
    let mut up = Up::start(directory.path()).await;
    let mut ids = send(&up.ingestion, "/readings", 20).await;
    for _ in 0..2 {
        up.wait_until_written().await;
        let dead = up.redis_pid().await;
        process::signal(dead, "KILL");
        wait::until("readings are accepted again", async || {
            let reply = up.ingestion.post("/readings", reading("site").to_string()).await;
            if reply.status == 201 {
                ids.push(reply.json()["stream_id"].as_str().unwrap().to_owned());
            }
            reply.status == 201
        })
        .await;
        assert_ne!(up.redis_pid().await, dead);
        wait_until_stored(&up.processing, &ids).await;
    }
    let redis = up.redis_pid().await;
    assert_eq!(stored_ids(&up.processing, "/sites/site/readings").await.len(), ids.len());
    up.process.kill9();
    wait::until("its Redis ends", async || !is_alive(redis)).await;
}
