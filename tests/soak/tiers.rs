//! Packing, unpacking, archiving and restoring beside the services, by commands that are killed at any moment.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep, timeout};

use crate::common::http::Http;
use crate::common::product::{Launch, launch};
use crate::common::wait;
use crate::support::redis_at::RedisAt;
use crate::support::report::Report;
use crate::support::rng::Rng;

/// Between two commands.
const PAUSE: Duration = Duration::from_secs(2);

/// When a command is killed, in milliseconds after its start; most have ended before the upper bound.
const KILLED_AFTER: (u64, u64) = (50, 8_000);

/// A server that has not replied by then hangs.
const ASKED_WITHIN: Duration = Duration::from_millis(500);

/// Sites of the producers.
const SITES: u64 = 20;

/// The age of days that are packed and archived: those of the producers are years old.
const AGE: &str = "1h";

/// How long the rest is packed and archived in the end, at most: a killed process has had a lease.
const FINISHED_WITHIN: Duration = Duration::from_mins(5);

/// Afterwards each reading of a closed day is in the archive, and the archive is whole.
const LAST: [&[&str]; 3] = [&["pack"], &["archive", "run"], &["archive", "verify"]];

/// The settings of a Redis whose days are packed, and of its archive.
#[derive(Debug, Clone)]
pub struct Tiers {
    redis: Vec<(&'static str, String)>,
    ports: Vec<u16>,
    archive: String,
}

impl Tiers {
    /// Of the Redis that these settings lead to, whose servers are at these ports, with an archive in this directory.
    pub fn of(redis: &[(&'static str, String)], ports: Vec<u16>, directory: &Path) -> Self {
        let archive = directory.join("archive");
        fs::create_dir_all(&archive).unwrap();
        Self { redis: redis.to_vec(), ports, archive: format!("file://{}", archive.display()) }
    }

    /// The settings of services, beside those of Redis.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        let ages = ["PACK_AFTER", "ARCHIVE_AFTER"].map(|name| (name, AGE.to_owned()));
        ages.into_iter().chain([("ARCHIVE_URL", self.archive.clone())]).collect()
    }

    /// The URL of the archive.
    pub fn archive(&self) -> &str {
        &self.archive
    }

    fn command(&self, words: &[&str]) -> Launch {
        let set = |launch: Launch, (name, value)| Launch::env(launch, name, value);
        self.redis.iter().cloned().chain(self.settings()).fold(launch(words), set)
    }

    /// Runs commands until the end, some of which it kills.
    pub async fn change_until(&self, end: Instant, seed: u64) {
        let mut rng = Rng::seeded(seed);
        while Instant::now() < end {
            sleep(PAUSE).await;
            let site = format!("site-{}", rng.below(SITES));
            let commands: [&[&str]; 5] = [
                &["pack"],
                &["archive", "run"],
                &["archive", "run"],
                &["unpack", "--site", &site],
                &["archive", "restore", "--site", &site],
            ];
            let killed_after = rng.between(KILLED_AFTER.0, KILLED_AFTER.1);
            let words = *rng.pick(&commands);
            self.run(words, Duration::from_millis(killed_after)).await;
        }
    }

    /// Runs a command, and kills it after a time.
    async fn run(&self, words: &[&str], killed_after: Duration) {
        if words[0] == "archive" {
            self.expire_lease().await;
        }
        let killed_at = Instant::now() + killed_after;
        let mut process = self.command(words).start_process();
        while process.is_running() && Instant::now() < killed_at {
            sleep(Duration::from_millis(20)).await;
        }
        let words = words.join(" ");
        if process.is_running() {
            process.kill9();
            println!("         {words}: killed");
        } else {
            println!("         {words}: {}", last_line(&process.ended().await.stderr));
        }
    }

    /// Ends the lease of the process that writes to the archive, whether it was killed, or runs or is frozen: time passes.
    async fn expire_lease(&self) {
        for port in &self.ports {
            let mut redis = RedisAt::port(*port);
            let command = "HDEL energy_readings:archive lease";
            // Err: it hangs, is down, or has not this key.
            let _ = timeout(ASKED_WITHIN, redis.try_run::<redis::Value>(command)).await;
        }
    }

    /// Packs and archives all that is left; to be called when all entries are delivered.
    pub async fn finish(&self) {
        for words in LAST {
            let what = format!("{} ends well", words.join(" "));
            wait::within(FINISHED_WITHIN, &what, async || {
                let ended = self.command(words).run_within(FINISHED_WITHIN).await;
                println!(
                    "         {}: {}{}",
                    words.join(" "),
                    ended.stdout,
                    last_line(&ended.stderr)
                );
                if !ended.status.success() {
                    sleep(PAUSE).await;
                }
                ended.status.success()
            })
            .await;
        }
    }

    /// How the answers of a service differ from what is stored in all tiers.
    pub async fn compare_answers(&self, report: &Report) -> Option<String> {
        let service = self.command(&["query-api"]).start().await;
        let (mut readings, mut different) = (0, BTreeSet::new());
        for site in 0..SITES {
            let names = names(&service, &format!("site-{site}")).await;
            readings += names.len();
            different.extend(names);
        }
        let read = [readings, different.len()];
        println!("the query API has {} readings, {} are different", read[0], read[1]);
        (read != [report.stored; 2]).then(|| format!("{read:?} are read, not {}", report.stored))
    }
}

/// Device and id of each reading of a site, as a service has them.
async fn names(service: &Http, site: &str) -> Vec<[String; 2]> {
    let reply = service.get(&format!("/sites/{site}/readings")).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    let body = reply.json();
    let name = |reading: &Value| ["device_id", "stream_id"].map(|name| reading[name].to_string());
    body["readings"].as_array().unwrap().iter().map(name).collect()
}

fn last_line(text: &str) -> &str {
    text.lines().last().unwrap_or_default()
}
