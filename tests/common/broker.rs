//! A real MQTT broker, Debian's mosquitto, in a directory of its own, and its clients.

use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::process::{Ended, Process};
use super::product::{Launch, launch};
use super::redis::{RedisServer, free_port};
use super::wait;

/// A broker that is stopped with its test. It keeps sessions and their messages over a restart.
pub struct Broker {
    // Before the directory: fields are dropped in this order.
    process: Option<Process>,
    port: u16,
    directory: TempDir,
}

/// The settings of a broker that keeps everything.
const KEEPS_ALL: &str = "persistence true\nmax_queued_messages 0\nmax_inflight_messages 500\n";

/// Admits every client.
pub const OPEN: &str = "allow_anonymous true\n";

impl Broker {
    /// Starts a broker that admits every client.
    pub async fn start() -> Self {
        Self::start_with(OPEN, |_| Vec::new()).await
    }

    /// Starts a broker with further lines of its configuration, and with these files in its directory, whose names the
    /// lines may contain after `{directory}`.
    pub async fn start_with(
        lines: &str,
        files: impl FnOnce(&Path) -> Vec<(String, Vec<u8>)>,
    ) -> Self {
        let (port, directory) = (free_port(), tempfile::tempdir().unwrap());
        let path = directory.path();
        for (name, content) in files(path) {
            std::fs::write(path.join(name), content).unwrap();
        }
        let lines = lines.replace("{directory}", &path.display().to_string());
        // As root mosquitto would become another user, who may not write to this directory.
        let text = format!(
            "listener {port} 127.0.0.1\nuser root\npersistence_location {}/\n{KEEPS_ALL}{lines}",
            path.display()
        );
        std::fs::write(path.join("mosquitto.conf"), text).unwrap();
        let mut broker = Self { process: None, port, directory };
        broker.restart().await;
        broker
    }

    /// Starts it over its data, on its port.
    pub async fn restart(&mut self) {
        // The PATH of a user need not have the folder of servers.
        let debian = Path::new("/usr/sbin/mosquitto");
        let mut command =
            Command::new(if debian.exists() { debian } else { Path::new("mosquitto") });
        command.arg("-c").arg(self.directory.path().join("mosquitto.conf"));
        let process = Process::start("mosquitto", &mut command);
        wait::until("mosquitto runs", async || process.stderr().contains(" running")).await;
        self.process = Some(process);
    }

    /// Stops it with `SIGTERM`: it writes its sessions to a file.
    pub async fn stop(&mut self) {
        let mut process = self.process.take().expect("mosquitto runs");
        process.signal("TERM");
        process.ended().await;
    }

    /// Its log so far.
    pub fn log(&self) -> String {
        self.process.as_ref().expect("mosquitto runs").stderr()
    }

    /// Its directory.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub fn url(&self) -> String {
        format!("mqtt://127.0.0.1:{}", self.port)
    }

    /// The bridge of this broker, which appends to this Redis.
    pub fn bridge(&self, redis: &RedisServer) -> Launch {
        launch(&["mqtt-bridge"])
            .env("REDIS_HOST", "127.0.0.1")
            .env("REDIS_PORT", redis.port())
            .env("METRICS_PORT", 0)
            .env("MQTT_URL", self.url())
            .env("CONSUMER_NAME", "bridge-1")
    }

    /// Publishes a message with `mosquitto_pub` and QoS 1, and waits until the broker has it.
    pub async fn publish(&self, topic: &str, payload: &str) {
        self.publish_with(&["-t", topic, "-m", payload]).await;
    }

    /// The same with other arguments of `mosquitto_pub`.
    pub async fn publish_with(&self, arguments: &[&str]) {
        let ended = self.client("mosquitto_pub", &[&["-q", "1"], arguments].concat()).await;
        assert!(ended.status.success(), "{}", ended.stderr);
    }

    /// Runs a client of the broker.
    async fn client(&self, name: &str, arguments: &[&str]) -> Ended {
        let mut command = Command::new(name);
        command.args(["-h", "127.0.0.1", "-p", &self.port.to_string()]).args(arguments);
        Process::start(name, &mut command).ended().await
    }

    /// A client that publishes each line of its input to a topic, with QoS 1.
    pub fn publisher(&self, topic: &str) -> Publisher {
        let mut command = Command::new("mosquitto_pub");
        command.args([
            "-h",
            "127.0.0.1",
            "-p",
            &self.port.to_string(),
            "-q",
            "1",
            "-l",
            "-t",
            topic,
        ]);
        Publisher(command.stdin(Stdio::piped()).spawn().unwrap())
    }
}

/// A running `mosquitto_pub`.
pub struct Publisher(Child);

impl Publisher {
    /// Publishes messages.
    pub fn publish(&mut self, lines: impl IntoIterator<Item = String>) {
        let text: String = lines.into_iter().map(|line| line + "\n").collect();
        self.0.stdin.as_mut().unwrap().write_all(text.as_bytes()).unwrap();
    }

    /// Waits until the broker has acknowledged all of them.
    pub async fn finish(mut self) {
        drop(self.0.stdin.take());
        wait::until("mosquitto_pub ends", async || self.0.try_wait().unwrap().is_some()).await;
        assert!(self.0.wait().unwrap().success());
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        // Err: it has exited already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
