//! Three Sentinels that monitor one master.

use std::fmt::Write;
use std::fs;
use std::process::Command;

use redis::{FromRedisValue, RedisResult};
use tempfile::TempDir;

use super::redis_at::RedisAt;
use crate::common::files;
use crate::common::process::Process;
use crate::common::redis::{RedisServer, free_port, program, program_with_tls};
use crate::common::wait;

/// The name of the master.
pub const MASTER: &str = "readings";

/// The password of Sentinels that have one.
pub const SENTINEL_PASSWORD: &str = "s3ntinel";

/// Three Sentinels, which are stopped with their test.
pub struct Sentinels {
    members: Vec<Sentinel>,
    is_secured: bool,
    _directory: TempDir,
}

struct Sentinel {
    /// Without TLS: for the test itself.
    port: u16,
    /// That of the services.
    client_port: u16,
    _process: Process,
}

impl Sentinels {
    /// Without passwords and TLS, for a master with one replica.
    pub async fn watching(master: &RedisServer) -> Self {
        Self::start(&format!("127.0.0.1 {}", master.port()), false).await
    }

    /// With TLS and [`SENTINEL_PASSWORD`]; they announce the master and its replica by the host name `localhost`.
    pub async fn secured(master_tls_port: u16) -> Self {
        Self::start(&format!("localhost {master_tls_port}"), true).await
    }

    async fn start(master: &str, is_secured: bool) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let start = |_| {
            let (port, tls_port) = (free_port(), free_port());
            let mut rules = String::new();
            if is_secured {
                rules = secured_rules(tls_port);
            }
            let file = directory.path().join(format!("{port}.conf"));
            write!(
                rules,
                "port {port}\nbind 127.0.0.1\nsentinel monitor {MASTER} {master} 2\n\
                 sentinel down-after-milliseconds {MASTER} 1000\n\
                 sentinel failover-timeout {MASTER} 5000\n"
            )
            .unwrap();
            fs::write(&file, rules).unwrap();
            let program = if is_secured { program_with_tls() } else { program() };
            let mut command = Command::new(program);
            let process = Process::start("sentinel", command.arg(file).arg("--sentinel"));
            Sentinel {
                port,
                client_port: if is_secured { tls_port } else { port },
                _process: process,
            }
        };
        let members = (0..3).map(start).collect();
        let sentinels = Self { members, is_secured, _directory: directory };
        for n in 0..3 {
            wait::until("a Sentinel knows the others and the replica", async || {
                let info = sentinels.ask::<String>(n, "INFO sentinel").await;
                info.is_ok_and(|info| info.contains("slaves=1,sentinels=3"))
            })
            .await;
        }
        sentinels
    }

    async fn ask<T: FromRedisValue>(&self, n: usize, command: &str) -> RedisResult<T> {
        let mut sentinel = RedisAt::port(self.members[n].port);
        if self.is_secured {
            sentinel.try_run::<()>(&format!("AUTH {SENTINEL_PASSWORD}")).await?;
        }
        sentinel.try_run(command).await
    }

    /// The URL of the master; `login` is its user and password with an `@`, or empty.
    pub fn url(&self, login: &str) -> String {
        let host = if self.is_secured { "localhost" } else { "127.0.0.1" };
        let hosts: Vec<_> =
            self.members.iter().map(|it| format!("{host}:{}", it.client_port)).collect();
        let scheme = if self.is_secured { "rediss+sentinel" } else { "redis+sentinel" };
        format!("{scheme}://{login}{}/{MASTER}", hosts.join(","))
    }

    /// From now on they find no quorum for a failover.
    pub async fn forbid_failovers(&self) {
        for n in 0..3 {
            let set = format!("SENTINEL SET {MASTER} quorum 9");
            self.ask::<String>(n, &set).await.unwrap();
        }
    }

    async fn master_port(&self) -> u16 {
        let ask = format!("SENTINEL GET-MASTER-ADDR-BY-NAME {MASTER}");
        let (_, port): (String, u16) = self.ask(0, &ask).await.unwrap();
        port
    }

    /// Starts a failover, and waits until the Sentinels name the new master. The old one is not
    /// demoted yet, and accepts writes that will be lost.
    pub async fn fail_over(&self) {
        let before = self.master_port().await;
        let start = format!("SENTINEL FAILOVER {MASTER}");
        wait::until("the Sentinels agree", async || self.ask::<String>(0, &start).await.is_ok())
            .await;
        wait::until("there is another master", async || self.master_port().await != before).await;
    }
}

fn secured_rules(tls_port: u16) -> String {
    format!(
        "tls-port {tls_port}\n{}\nrequirepass {SENTINEL_PASSWORD}\n\
         sentinel resolve-hostnames yes\nsentinel announce-hostnames yes\n",
        tls_settings().map(|(name, value)| format!("{name} {value}")).join("\n")
    )
}

/// Settings of servers and Sentinels that use TLS among themselves as well.
pub fn tls_settings() -> [(&'static str, String); 5] {
    let certificate = |name: &str| {
        files::path(&format!("tests/certificates/{name}")).to_str().unwrap().to_owned()
    };
    [
        ("tls-cert-file", certificate("localhost.pem")),
        ("tls-key-file", certificate("localhost.key.pem")),
        ("tls-ca-cert-file", certificate("localhost.pem")),
        ("tls-auth-clients", "no".to_owned()),
        ("tls-replication", "yes".to_owned()),
    ]
}
