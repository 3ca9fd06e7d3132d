//! An archive in a directory, and an archiver that stops in the middle of a run.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::packing::{SITE, filled, pack_all};
use crate::common::product::{Launch, Role, launch, query_api};
use crate::common::redis::RedisServer;
use crate::common::stored::{insert_members, member};
use crate::common::tiers::{self, SiteTiers};
use crate::common::wait;

/// The hash of the lease of the process that writes to the archive.
pub const RECORD: &str = "energy_readings:archive";

/// A server, an archive, and a query API that reads both.
pub struct Archived {
    pub redis: RedisServer,
    pub directory: TempDir,
}

impl Archived {
    /// With this number of days of [`SITE`], packed but for the last.
    pub async fn packed(days: usize) -> Self {
        let redis = filled(days).await;
        pack_all(&redis).await;
        Self { redis, directory: tempfile::tempdir().unwrap() }
    }

    /// As [`Archived::packed`], after a run that had nothing to archive.
    pub async fn packed_after_a_run(days: usize) -> Self {
        let archived = Self { redis: filled(days).await, directory: tempfile::tempdir().unwrap() };
        assert!(archived.command(&["archive", "run"]).run().await.status.success());
        pack_all(&archived.redis).await;
        archived
    }

    /// As [`Archived::packed`], with archived days each of which has got a late reading since, which is packed.
    pub async fn with_late_readings(days: usize) -> Self {
        let archived = Self::packed(days).await;
        archived.archive_all().await;
        let late = (1..days).map(|day| day * 86_400 - 1);
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        let late = late.map(|second| (second as f64, member(SITE, second)));
        insert_members(&archived.redis, SITE, late).await;
        pack_all(&archived.redis).await;
        archived
    }

    /// The URL of the archive.
    pub fn url(&self) -> String {
        format!("file://{}", self.directory.path().display())
    }

    /// A command with the archive.
    pub fn command(&self, words: &[&str]) -> Launch {
        command(self.redis.port(), &self.url(), words)
    }

    /// A service that reads the archive.
    pub async fn query(&self) -> Role {
        query_api(&self.redis).env("ARCHIVE_URL", self.url()).start().await
    }

    /// The tiers of [`SITE`].
    pub async fn tiers(&self) -> SiteTiers {
        let mut tiers = tiers::of(&self.redis, SITE).await;
        tiers.read_archive(&tiers::archive(&self.url())).await;
        assert!(tiers.faults.is_empty(), "{:?}", tiers.faults);
        tiers
    }

    /// The members of [`SITE`], in whatever tier.
    pub async fn union(&self) -> BTreeSet<String> {
        self.tiers().await.union().into_iter().map(str::to_owned).collect()
    }

    /// Archives all packed days, once the leases that killed processes have left are over. Afterwards each reading is in one
    /// tier, and the archive is whole.
    pub async fn archive_all(&self) -> SiteTiers {
        wait::until("all packed days are archived", async || {
            self.expire_lease().await;
            self.command(&["archive", "run"]).run().await.status.success()
        })
        .await;
        let verified = self.command(&["archive", "verify"]).run().await;
        assert!(verified.status.success(), "{verified:?}");
        let tiers = self.tiers().await;
        assert_eq!((tiers.in_two_tiers().len(), tiers.packed.len()), (0, 0));
        assert!(!tiers.archived.is_empty());
        tiers
    }

    /// Ends the lease of a process, as time does.
    pub async fn expire_lease(&self) {
        let lease: Option<String> = self.redis.run(&["HGET", RECORD, "lease"]).await;
        if let Some(token) = lease.as_deref().and_then(|lease| lease.split(' ').next()) {
            self.redis.run::<()>(&["HSET", RECORD, "lease", &format!("{token} 1")]).await;
        }
    }

    /// The Parquet files.
    pub fn files(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        find(self.directory.path(), &mut found);
        found
    }
}

/// A command with the archive at a URL of the days of the Redis at a port.
pub fn command(redis_port: u16, url: &str, words: &[&str]) -> Launch {
    let launch = launch(words).env("REDIS_HOST", "127.0.0.1").env("REDIS_PORT", redis_port);
    launch.env("ARCHIVE_URL", url).env("PACK_AFTER", "1h").env("ARCHIVE_AFTER", "1h")
}

fn find(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            find(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "parquet") {
            found.push(path);
        }
    }
}
