//! The private Redis of `up`: accessible to its user only, and stopped with `up`.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::process::{self, Process};
use crate::common::product::{after, launch};
use crate::common::readings::{NOON, fields, reading};
use crate::common::redis::{STREAM, free_port, program, try_run, try_run_at};
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
        let is_file = fs::metadata(&path).unwrap().is_file();
        assert_eq!(mode(&path), if is_file { 0o600 } else { 0o700 }, "{}", path.display());
    }
}

/// A Redis as older versions started it: on a port, its files for all to read.
fn older_redis(directory: &Path, port: u16, arguments: &[&str]) -> Process {
    fs::set_permissions(directory, fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(directory.join("lock"), "").unwrap();
    fs::write(directory.join("port"), port.to_string()).unwrap();
    let mut command = Command::new(program());
    command.args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--appendonly", "yes"]);
    command.args(["--save", "", "--dir"]).arg(directory).args(arguments);
    Process::start("redis-server", &mut command)
}

/// The ports that a process listens on, as the inodes of its sockets have them.
fn ports(pid: u32) -> Vec<u16> {
    let open = fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    let open: Vec<_> = open.filter_map(|file| fs::read_link(file.unwrap().path()).ok()).collect();
    let tables =
        ["tcp", "tcp6"].map(|table| fs::read_to_string(format!("/proc/{pid}/net/{table}")));
    let lines = tables.iter().flatten().flat_map(|table| table.lines().skip(1));
    let listening = lines.filter_map(|line| {
        let fields: Vec<_> = line.split_whitespace().collect();
        let socket = PathBuf::from(format!("socket:[{}]", fields[9]));
        let port = fields[1].rsplit(':').next()?;
        (fields[3] == "0A" && open.contains(&socket))
            .then(|| u16::from_str_radix(port, 16).unwrap())
    });
    listening.collect()
}

async fn add_reading(port: u16) -> String {
    let fields = fields("site", "1.0", NOON).into_iter().flat_map(|(name, value)| [name, value]);
    let command = ["XADD", STREAM, "*"].map(str::to_owned).into_iter().chain(fields);
    try_run(port, &command.collect::<Vec<_>>()).await.unwrap()
}

#[tokio::test]
async fn it_is_durable_and_listens_on_a_socket_that_only_its_user_can_open() {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("new");
    let up = Up::start(&directory).await;
    send(&up.ingestion, "/readings", 1).await;
    let redis = up.redis_pid().await;
    assert_eq!(fs::read_link(format!("/proc/{redis}/cwd")).unwrap(), directory);
    assert_eq!((ports(redis), up.password()), (vec![], None));
    assert_eq!(up.socket, directory.join("socket/redis.sock"));
    assert_closed_to_others(&directory);
    for (name, value) in [("maxmemory-policy", "noeviction"), ("appendonly", "yes")] {
        let setting: Vec<String> = up.redis(&["CONFIG", "GET", name]).await;
        assert_eq!(setting[1], value, "{name}");
    }
    assert!(!up.process.stderr().contains("maxmemory"), "advice about what is not the user's");
}

#[tokio::test]
async fn where_a_port_is_asked_for_it_requires_a_password_that_only_its_user_can_read() {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("new");
    let with_port = || up(&directory).env("PRIVATE_REDIS_PORT", 0);
    let mut first = Up::launched(with_port(), &directory).await;
    let address = after(&first.process.stdout(), " and 127.0.0.1:").unwrap();
    let port = address.parse().unwrap();
    let (redis, password) = (first.redis_pid().await, first.password().unwrap());
    assert_eq!(ports(redis), [port]);
    let refused = try_run::<String>(port, &["PING"]).await.unwrap_err();
    assert_eq!(refused.code(), Some("NOAUTH"));
    let url = format!("redis://:{password}@127.0.0.1:{port}");
    assert_eq!(try_run_at::<String>(&url, &["PING"]).await.unwrap(), "PONG");
    assert_closed_to_others(&directory);
    assert!(password.len() >= 32, "{password}");
    for pid in [redis, first.process.pid()] {
        assert!(!command_line(pid).contains(&password), "{}", command_line(pid));
    }
    assert!(!first.process.stdout().contains(&password));
    let listed = launch(&["dead-letters", "list"]).env("DATA_DIR", directory.display()).run().await;
    assert!(listed.stderr.contains("the private Redis of `up`"), "{listed:?}");
    first.process.signal("TERM");
    first.process.ended().await;
    let second = Up::launched(with_port(), &directory).await;
    assert_ne!(second.password().unwrap(), password, "a password that was seen is good for ever");
    assert_eq!(ports(second.redis_pid().await), [port], "its address has changed");
}

#[tokio::test]
async fn a_port_in_use_fails_the_start_and_names_the_setting() {
    let directory = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = taken.local_addr().unwrap().port();
    let ended = up(directory.path()).env("PRIVATE_REDIS_PORT", port).run().await;
    assert_eq!(ended.status.code(), Some(1));
    let expected = format!("127.0.0.1:{port} (PRIVATE_REDIS_PORT)");
    assert!(ended.stderr.contains(&expected), "{}", ended.stderr);
}

#[tokio::test]
async fn a_data_directory_whose_path_is_too_long_for_a_socket_has_it_in_the_temporary_directory() {
    let parent = tempfile::tempdir().unwrap();
    let (temporary, directory) = (parent.path().join("t"), parent.path().join("long".repeat(50)));
    fs::create_dir(&temporary).unwrap();
    let launch_up = || up(&directory).env("TMPDIR", temporary.display());
    let mut killed = Up::launched(launch_up(), &directory).await;
    assert!(killed.socket.starts_with(&temporary), "{}", killed.socket.display());
    assert_closed_to_others(killed.socket.parent().unwrap());
    let ids = send(&killed.ingestion, "/readings", 1).await;
    let listed = launch(&["dead-letters", "list"]).env("DATA_DIR", directory.display()).run().await;
    assert!(listed.stderr.contains("the private Redis of `up`"), "{listed:?}");
    let redis = killed.redis_pid().await;
    orphan(&mut killed);
    let mut again = Up::launched(launch_up(), &directory).await;
    assert!(!is_alive(redis), "two servers over the same files");
    wait_until_stored(&again.processing, &ids).await;
    again.process.signal("TERM");
    again.process.ended().await;
    assert_eq!(fs::read_dir(&temporary).unwrap().count(), 0, "a directory is left behind");
}

#[tokio::test]
async fn a_copy_of_the_data_directory_does_not_use_the_socket_of_the_original() {
    let parent = tempfile::tempdir().unwrap();
    let [original, copy] = ["a", "b"].map(|name| parent.path().join(name.repeat(150)));
    let first = Up::start(&original).await;
    let ids = send(&first.ingestion, "/readings", 1).await;
    fs::create_dir(&copy).unwrap();
    fs::copy(original.join("socket.path"), copy.join("socket.path")).unwrap();
    let second = Up::start(&copy).await;
    assert_ne!(second.socket, first.socket);
    wait_until_stored(&second.processing, &[]).await;
    wait_until_stored(&first.processing, &ids).await;
    assert_eq!(first.redis::<String>(&["PING"]).await, "PONG");
}

#[tokio::test]
async fn data_of_an_older_version_are_used_and_closed_to_other_users() {
    let directory = tempfile::tempdir().unwrap();
    let port = free_port();
    let mut older = older_redis(directory.path(), port, &[]);
    wait::until("it answers", async || try_run::<String>(port, &["PING"]).await.is_ok()).await;
    let id = add_reading(port).await;
    older.signal("TERM");
    older.ended().await;
    let up = Up::start(directory.path()).await;
    wait_until_stored(&up.processing, &[id]).await;
    assert_closed_to_others(directory.path());
    assert!(!directory.path().join("port").exists(), "an address that is not used any more");
}

#[tokio::test]
async fn an_orphaned_server_of_an_older_version_is_stopped_first() {
    for password in [None, Some("secret")] {
        let directory = tempfile::tempdir().unwrap();
        let port = free_port();
        let arguments: Vec<_> = password.into_iter().flat_map(|it| ["--requirepass", it]).collect();
        let mut orphan = older_redis(directory.path(), port, &arguments);
        if let Some(password) = password {
            fs::write(directory.path().join("redis.password"), password).unwrap();
        }
        let login = password.map(|it| format!(":{it}@")).unwrap_or_default();
        let url = format!("redis://{login}127.0.0.1:{port}");
        wait::until("it answers", async || try_run_at::<String>(&url, &["PING"]).await.is_ok())
            .await;
        let listed = launch(&["dead-letters", "list"]).env("DATA_DIR", directory.path().display());
        assert!(listed.run().await.stderr.contains("the private Redis of `up`"));
        let up = Up::start(directory.path()).await;
        assert!(!orphan.is_running(), "two servers over the same files");
        assert_eq!((ports(up.redis_pid().await), up.password()), (vec![], None));
    }
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
    assert_eq!(again.socket, killed.socket, "its address has changed");
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
    fs::remove_file(directory.path().join("socket.path")).unwrap();
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
