//! Days that are packed, and a packer that stops in the middle of it.

use std::collections::BTreeSet;

use super::readers::Readers;
use super::system::{System, consumer};
use crate::common::process::{Ended, Process};
use crate::common::product::{Launch, Role, ingestion_api, launch, query_api};
use crate::common::redis::RedisServer;
use crate::common::stored::{insert_members, member};
use crate::common::tiers::{self, SiteTiers, days_key};
use crate::common::wait;

/// The site of tests with one site.
pub const SITE: &str = "house";

/// Seconds between its readings: a day has more than are moved at a time.
pub const INTERVAL: usize = 72;

/// Readings a day.
pub const PER_DAY: usize = 86_400 / INTERVAL;

/// The fail points of a packer, in their order.
pub const PLACES: [&str; 6] = [
    "pack-after-lease",
    "pack-after-read",
    "pack-after-write",
    "pack-after-verify",
    "pack-after-first-removal",
    "pack-after-complete",
];

/// A client that has sent nothing for this number of seconds stands still: `CLIENT LIST` counts whole seconds.
const STANDS_STILL: u64 = 1;

/// A server that loses nothing when it is killed, with this number of days of [`SITE`] from 1970 on, the last of which is
/// not packed.
pub async fn filled(days: usize) -> RedisServer {
    let redis = RedisServer::start_durable().await;
    fill(&redis, days).await;
    redis
}

/// Stores this number of days of [`SITE`].
pub async fn fill(redis: &RedisServer, days: usize) {
    fill_site(redis, days * PER_DAY).await;
    redis.run::<()>(&["ZADD", "energy_readings:sites", "0", SITE]).await;
}

/// Stores this number of readings of [`SITE`], without its place in the index.
pub async fn fill_site(redis: &RedisServer, readings: usize) {
    let seconds = (0..readings).map(|n| n * INTERVAL);
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    let members = seconds.map(|second| (second as f64, member(SITE, second)));
    insert_members(redis, SITE, members).await;
}

/// The members of [`SITE`], in whatever tier.
pub async fn union(redis: &RedisServer) -> BTreeSet<String> {
    let tiers = tiers::of(redis, SITE).await;
    assert!(tiers.faults.is_empty(), "{:?}", tiers.faults);
    tiers.union().into_iter().map(str::to_owned).collect()
}

/// A command, before it is started.
pub fn command(redis: &RedisServer, name: &str) -> Launch {
    launch(&[name]).env("REDIS_HOST", "127.0.0.1").env("REDIS_PORT", redis.port())
}

/// Runs `pack` or `unpack`, whatever comes of it.
pub async fn run(redis: &RedisServer, name: &str) -> Ended {
    command(redis, name).run().await
}

/// Packs all closed days once a lease that a killed process has left is over; afterwards each reading is in one tier.
pub async fn pack_all(redis: &RedisServer) -> SiteTiers {
    wait::until("all closed days are packed", async || {
        expire_lease(redis).await;
        run(redis, "pack").await.status.success()
    })
    .await;
    let tiers = tiers::of(redis, SITE).await;
    assert_eq!((tiers.in_two_tiers(), &tiers.faults), (vec![], &vec![]));
    assert!(tiers.headers.values().all(|header| header.is_complete), "{:?}", tiers.headers);
    assert!(tiers.packed_members().next().is_some(), "no day is packed");
    tiers
}

/// Makes a lease expire, as time does.
pub async fn expire_lease(redis: &RedisServer) {
    let Some(lease) = tiers::of(redis, SITE).await.lease else { return };
    let token = lease.split(' ').next().unwrap();
    redis.run::<()>(&["HSET", &days_key(SITE), "lease", &format!("{token} 1")]).await;
}

/// Starts a command that does this at a fail point, and waits until it stands still there. `None`: it does not get there.
pub async fn start_until(
    redis: &RedisServer,
    name: &str,
    place: &str,
    action: &str,
) -> Option<Process> {
    start_launch_until(command(redis, name), redis, place, action).await
}

/// As [`start_until`], of a program that is a client of this server.
pub async fn start_launch_until(
    launch: Launch,
    redis: &RedisServer,
    place: &str,
    action: &str,
) -> Option<Process> {
    let before = clients(redis).await.into_iter().map(|(id, _)| id).max().unwrap_or_default();
    let failpoints = format!("{place}={action}");
    let mut process = launch.env("FAILPOINTS", failpoints).start_process();
    let what = format!("it stands still at {place}, or has ended");
    let stands = wait::until_some(&what, async || {
        if !process.is_running() {
            return Some(false);
        }
        let clients = clients(redis).await;
        let own: Vec<_> = clients.into_iter().filter(|(id, _)| *id > before).collect();
        let stands = !own.is_empty() && own.iter().all(|(_, idle)| *idle >= STANDS_STILL);
        stands.then_some(true)
    })
    .await;
    stands.then_some(process)
}

/// The id and the idle seconds of each client but the one that asks.
async fn clients(redis: &RedisServer) -> Vec<(u64, u64)> {
    let mut connection = redis.connect().await;
    let (own, list): (u64, String) = redis::pipe()
        .cmd("CLIENT")
        .arg("ID")
        .cmd("CLIENT")
        .arg("LIST")
        .query_async(&mut connection)
        .await
        .unwrap();
    let field = |line: &str, name: &str| {
        let found = line.split(' ').find_map(|field| field.strip_prefix(name)?.strip_prefix('='));
        found.and_then(|value| value.parse::<u64>().ok())
    };
    let client = |line: &str| Some((field(line, "id")?, field(line, "idle")?));
    list.lines().filter_map(client).filter(|(id, _)| *id != own).collect()
}

/// A system whose processing services pack, and clients that read all sites of its producers.
pub struct PackingSystem {
    pub system: System,
    /// The URL of the archive of its services.
    archive: Option<String>,
    #[allow(dead_code, reason = "it serves the readers until it is dropped")]
    query: Role,
    pub readers: Readers,
}

impl PackingSystem {
    /// Over this server, with two processing services, and an archive at a URL if there is one.
    pub async fn over(redis: RedisServer, archive: Option<String>) -> Self {
        let ingestion = ingestion_api(&redis).start().await;
        let mut processing = Vec::new();
        for n in 1..=2 {
            processing.push(packing_consumer(&redis, n, archive.as_deref()).start().await);
        }
        let query = archiving(query_api(&redis), archive.as_deref()).start().await;
        let readers = Readers::start(query.base(), (0..SITES).map(|n| format!("site-{n}")));
        Self { system: System::of(redis, ingestion, processing), archive, query, readers }
    }

    /// Kills the n-th processing service.
    pub fn kill(&mut self, n: usize) {
        self.system.processing[n - 1].kill9();
    }

    /// Starts the n-th processing service again.
    pub async fn start_again(&mut self, n: usize) {
        let launch = packing_consumer(&self.system.redis, n, self.archive.as_deref());
        self.system.processing[n - 1] = launch.start().await;
    }

    /// How many readings are packed.
    pub async fn packed(&self) -> usize {
        let all = tiers::all(&self.system.redis).await;
        all.iter().map(|site| site.packed_members().count()).sum()
    }

    /// Waits until more readings are packed.
    pub async fn wait_for_packed(&self, more: usize) {
        let enough = self.packed().await + more;
        let what = format!("{enough} readings are packed");
        wait::until(&what, async || self.packed().await >= enough).await;
    }
}

/// Sites of a producer.
const SITES: usize = 8;

/// The n-th processing service, which packs and archives days that ended an hour ago.
fn packing_consumer(redis: &RedisServer, n: usize, archive: Option<&str>) -> Launch {
    archiving(consumer(redis, n).env("PACK_AFTER", "1h"), archive)
}

fn archiving(launch: Launch, archive: Option<&str>) -> Launch {
    match archive {
        Some(url) => launch.env("ARCHIVE_URL", url).env("ARCHIVE_AFTER", "1h"),
        None => launch,
    }
}

/// Packs all closed days of all sites, once all services that pack have ended.
pub async fn pack_all_sites(redis: &RedisServer) {
    wait::until("all closed days of all sites are packed", async || {
        run(redis, "pack").await.status.success()
    })
    .await;
}
