//! `DEDUP_POLICY` and archived days: a late reading is stored without the archive, and compared with the archived readings by
//! the next run of the archiver, or when its day comes back.

use tempfile::TempDir;

use crate::common::packed::{index, pack};
use crate::common::process::Ended;
use crate::common::product::{Launch, Role, launch, processing_service, query_api};
use crate::common::readings::{add, fields};
use crate::common::redis::RedisServer;
use crate::common::stored::wait_until_settled;
use crate::common::wait;

/// A Redis, a directory with an archived day, and a service that reads both.
struct Archived {
    redis: RedisServer,
    directory: TempDir,
    query: Role,
    _processing: Role,
}

impl Archived {
    /// A reading of noon of 11 January 1970 with 5 watts is archived, and those with 6 and 7 watts arrive late at a service
    /// that has no archive.
    async fn with_late_readings(policy: &str) -> Self {
        let redis = RedisServer::start().await;
        let processing = processing_service(&redis).env("DEDUP_POLICY", policy).start().await;
        add(&redis, "5000-0", &fields("s", "5.0", "1970-01-11T12:00:00Z")).await;
        add(&redis, "5001-0", &fields("s", "1.0", "1970-01-13T12:00:00Z")).await;
        wait_until_settled(&redis).await;
        index(&redis, "s").await;
        pack(&redis, &[]).await;
        let directory = tempfile::tempdir().unwrap();
        let query = query_api(&redis).env("ARCHIVE_URL", url(&directory)).start().await;
        let archived = Self { redis, directory, query, _processing: processing };
        archived.succeed(&["archive", "run"]).await;
        for (id, watts) in [("6000-0", "6.0"), ("7000-0", "7.0")] {
            add(&archived.redis, id, &fields("s", watts, "1970-01-11T12:00:00Z")).await;
            wait_until_settled(&archived.redis).await;
        }
        archived
    }

    fn launch(&self, words: &[&str]) -> Launch {
        let launch = launch(words).env("REDIS_HOST", "127.0.0.1");
        launch.env("REDIS_PORT", self.redis.port()).env("ARCHIVE_URL", url(&self.directory))
    }

    async fn succeed(&self, words: &[&str]) -> Ended {
        let ended = self.launch(words).run().await;
        assert!(ended.status.success(), "{words:?}: {ended:?}");
        ended
    }

    /// The served powers of that noon.
    async fn powers(&self) -> Vec<f64> {
        let path = "/sites/s/readings?end=1970-01-12";
        let readings = self.query.get(path).await.json();
        let readings = readings["readings"].as_array().unwrap().iter();
        readings.map(|reading| reading["power_reading"].as_f64().unwrap()).collect()
    }
}

fn url(directory: &TempDir) -> String {
    format!("file://{}", directory.path().display())
}

#[tokio::test]
async fn a_late_reading_is_served_beside_the_archived_one_until_the_archiver_runs() {
    for (policy, before, after) in [
        ("last", [5.0, 7.0].as_slice(), [7.0].as_slice()),
        ("first", &[5.0, 6.0], &[5.0]),
        ("none", &[5.0, 6.0, 7.0], &[5.0, 6.0, 7.0]),
    ] {
        let archived = Archived::with_late_readings(policy).await;
        assert_eq!(archived.powers().await, before, "{policy}");
        pack(&archived.redis, &[]).await;
        assert_eq!(archived.powers().await, before, "{policy}, once it is packed");
        let ended = archived.succeed(&["archive", "run"]).await;
        let tells = ended.stderr.contains("1 readings of archived days removed");
        assert_eq!(tells, before != after, "{policy}: {ended:?}");
        assert_eq!(archived.powers().await, after, "{policy}");
        archived.succeed(&["archive", "verify"]).await;
        archived.succeed(&["reconcile"]).await;
    }
}

#[tokio::test]
async fn a_service_that_archives_days_compares_late_readings() {
    let archived = Archived::with_late_readings("last").await;
    let service = archived.launch(&["processing-service"]).env("CONSUMER_NAME", "archiver");
    let _service = service.env("PACK_AFTER", "1h").start().await;
    wait::until("the archiver has run", async || archived.powers().await == [7.0]).await;
}

#[tokio::test]
async fn late_readings_of_days_that_come_back_from_the_archive_are_compared() {
    for command in [["archive", "restore"].as_slice(), &["unpack"]] {
        let archived = Archived::with_late_readings("last").await;
        archived.succeed(command).await;
        assert_eq!(archived.powers().await, [7.0], "{command:?}");
    }
}
