//! Packed and archived days on a Redis Cluster with several partitions: questions about energy are answered as those of one
//! server, with rollups and without.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::common::cluster::Cluster;
use crate::common::http::Http;
use crate::common::process::Ended;
use crate::common::product::{Launch, Role, launch};
use crate::common::redis::RedisServer;
use crate::common::wait;

/// Sites in slots of all masters.
const SITES: usize = 6;

/// Days of readings, the last of which is not packed.
const DAYS: u32 = 6;

const PARTITIONS: u16 = 4;

/// Questions about a site.
const PATHS: [&str; 5] = [
    "aggregates?start=2024-01-01&end=2024-01-07&interval=1d",
    "aggregates?start=2024-01-01&end=2024-01-07&interval=1h&tz=Asia/Kolkata",
    "aggregates?start=2024-01-02T00:07:00Z&end=2024-01-03T11:00:00Z&interval=5m",
    "energy?start=2024-01-01&end=2024-01-07",
    "energy?start=2024-01-02T05:00:00Z&end=2024-01-04T09:30:00Z&device_id=meter-1",
];

/// Services on one Redis or on a cluster.
struct System {
    settings: Vec<(&'static str, String)>,
    ingestion: Role,
    query: Role,
    #[expect(dead_code, reason = "it stores readings until it is dropped")]
    processing: Role,
}

impl System {
    async fn start(settings: Vec<(&'static str, String)>) -> Self {
        let start = async |name| with(&settings, launch(&[name])).start().await;
        let (ingestion, query) = (start("ingestion-api").await, start("query-api").await);
        let processing = start("processing-service").await;
        let system = Self { settings, ingestion, query, processing };
        wait::until("it is ready", async || system.ingestion.get("/readyz").await.status == 200)
            .await;
        system
    }

    /// Sends all readings, and waits until they are stored.
    async fn fill(&self) {
        let readings: Vec<_> = (0..SITES).flat_map(readings_of).collect();
        for rows in readings.chunks(1_000) {
            let reply = self.ingestion.post("/readings/batch", json!(rows).to_string()).await;
            assert_eq!((reply.status, &reply.json()["accepted"]), (200, &json!(rows.len())));
        }
        for site in (0..SITES).map(|n| format!("site-{n}")) {
            let all = readings.len() / SITES;
            let what = format!("{all} readings of {site} are stored");
            wait::until(&what, async || count(&self.query, &site).await == all).await;
        }
    }

    async fn succeed(&self, words: &[&str]) -> Ended {
        let ended = with(&self.settings, launch(words)).run().await;
        assert!(ended.status.success(), "{ended:?}");
        ended
    }

    async fn answers(&self) -> Vec<Value> {
        let mut answers = Vec::new();
        for site in 0..SITES {
            for path in PATHS {
                let reply = self.query.get(&format!("/sites/site-{site}/{path}")).await;
                assert_eq!(reply.status, 200, "{path}: {reply:?}");
                answers.push(reply.json());
            }
        }
        answers
    }
}

fn with(settings: &[(&'static str, String)], launch: Launch) -> Launch {
    settings.iter().fold(launch, |launch, (name, value)| launch.env(name, value))
}

/// Of two devices, each 20 minutes, with gaps.
fn readings_of(site: usize) -> Vec<Value> {
    let reading = |minute: u32, device: u32| {
        let (day, hour) = (minute / 1_440 + 1, minute / 60 % 24);
        json!({
            "site_id": format!("site-{site}"), "device_id": format!("meter-{device}"),
            "power_reading": f64::from(minute % 977 + device) * 1.25,
            "timestamp": format!("2024-01-{day:02}T{hour:02}:{:02}:00Z", minute % 60),
        })
    };
    let minutes = (0..DAYS * 1_440).step_by(20).filter(|minute| minute % 700 != 0);
    minutes.flat_map(|minute| [reading(minute, 0), reading(minute + 3, 1)]).collect()
}

async fn count(query: &Http, site: &str) -> usize {
    let reply = query.get(&format!("/sites/{site}/readings")).await.json();
    reply["readings"].as_array().map_or(0, Vec::len)
}

async fn delete_rollups(cluster: &Cluster) {
    for site in 0..SITES {
        let key = format!("site:site-{site}:rollups");
        cluster.run::<()>(&key, &["DEL", &key]).await;
    }
}

/// The answers of one server whose readings are all in sorted sets.
async fn expected() -> Vec<Value> {
    let redis = RedisServer::start().await;
    let settings =
        [("REDIS_HOST", "127.0.0.1".to_owned()), ("REDIS_PORT", redis.port().to_string())];
    let system = System::start(settings.into()).await;
    system.fill().await;
    system.answers().await
}

fn settings_of(cluster: &Cluster, archive: &TempDir) -> Vec<(&'static str, String)> {
    vec![
        ("REDIS_URL", cluster.url()),
        ("STREAM_PARTITIONS", PARTITIONS.to_string()),
        ("ARCHIVE_URL", format!("file://{}", archive.path().display())),
    ]
}

#[tokio::test]
async fn energy_of_packed_and_archived_days_of_partitions_on_a_cluster_is_that_of_one_server() {
    let (expected, cluster) = (expected().await, Cluster::start().await);
    let archive = tempfile::tempdir().unwrap();
    let system = System::start(settings_of(&cluster, &archive)).await;
    system.fill().await;
    assert_eq!(system.answers().await, expected, "in sorted sets");
    for words in [&["pack"][..], &["archive", "run"]] {
        system.succeed(words).await;
        assert_eq!(system.answers().await, expected, "{words:?}, with the rollups of before");
        delete_rollups(&cluster).await;
        assert_eq!(system.answers().await, expected, "{words:?}, without rollups");
        assert_eq!(system.answers().await, expected, "{words:?}, with new rollups");
    }
    delete_rollups(&cluster).await;
    let built = system.succeed(&["rollups", "build"]).await;
    let all = format!("{SITES} sites, {} days with readings", DAYS as usize * SITES);
    assert!(built.stderr.contains(&all), "{built:?}");
    assert_eq!(system.answers().await, expected, "with rollups that a command has built");
}
