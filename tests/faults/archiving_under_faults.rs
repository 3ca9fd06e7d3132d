//! Processing services pack and archive days of old readings, some of which arrive late, and commands archive beside them and
//! are killed, while services, Redis and the archive fail: nothing is lost, nothing is twice, and no answer is shorter than
//! one before it.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::support::archivers::Archivers;
use super::support::packing::{PackingSystem, pack_all_sites};
use super::support::producer::Producing;
use super::support::sent::Timestamps;
use crate::common::product::Role;
use crate::common::redis::RedisServer;
use crate::common::stored::wait_until_settled;

/// A system that archives.
struct Archiving {
    packing: PackingSystem,
    archivers: Archivers,
    producer: Producing,
    /// Of the archive, which is a folder of it.
    directory: TempDir,
}

impl Archiving {
    async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("file://{}", folder(&directory).display());
        let redis = RedisServer::start_durable().await;
        let packing = PackingSystem::over(redis, Some(url.clone())).await;
        let producer = packing.system.producer().keyed().timestamps(Timestamps::FAST).start();
        packing.wait_for_packed(1).await;
        let archivers = Archivers::start(packing.system.redis.port(), &url);
        archivers.wait_for_more(1).await;
        Self { packing, archivers, producer, directory }
    }

    /// Waits until more readings are accepted and more of them archived.
    async fn wait_for_more(&self) {
        self.producer.wait_for_more(300).await;
        self.archivers.wait_for_more(1).await;
    }

    /// Ends the work, and compares all tiers with what was accepted. Gives the statuses of answers that were errors.
    async fn check(mut self) -> Vec<u16> {
        self.wait_for_more().await;
        let ledger = self.producer.stop().await;
        let system = &mut self.packing.system;
        wait_until_settled(&system.redis).await;
        self.packing.readers.wait_for_more(8).await;
        let errors = self.packing.readers.stop().await;
        system.processing.iter_mut().for_each(Role::kill9);
        pack_all_sites(&system.redis).await;
        self.archivers.finish().await;
        let url = format!("file://{}", folder(&self.directory).display());
        let report = system.checker().in_one_tier().archive(&url).check(&ledger).await;
        println!("{report}");
        report.assert_invariants_hold();
        assert!(report.archived * 2 > report.stored, "{report}");
        assert_eq!((report.lost_by_redis, report.dead), (0, 0), "{report}");
        errors.into_keys().collect()
    }
}

fn folder(directory: &TempDir) -> std::path::PathBuf {
    directory.path().join("archive")
}

#[tokio::test]
async fn services_and_commands_that_are_killed_while_they_archive_lose_and_double_nothing() {
    let mut archiving = Archiving::start().await;
    for n in [1, 2, 1] {
        archiving.packing.kill(n);
        archiving.wait_for_more().await;
        archiving.packing.start_again(n).await;
    }
    assert_eq!(archiving.check().await, [0_u16; 0], "all answers were 200");
}

#[tokio::test]
async fn a_redis_that_is_killed_while_days_are_archived_loses_and_doubles_nothing() {
    let mut archiving = Archiving::start().await;
    for _ in 0..3 {
        archiving.packing.system.redis.kill9();
        archiving.packing.system.redis.restart().await;
        archiving.wait_for_more().await;
    }
    archiving.check().await;
}

#[tokio::test]
async fn while_the_archive_is_away_readings_are_accepted_and_packed_and_nothing_is_lost() {
    let archiving = Archiving::start().await;
    let archive = folder(&archiving.directory);
    for _ in 0..2 {
        take_away(&archive);
        archiving.producer.wait_for_more(600).await;
        archiving.packing.wait_for_packed(1).await;
        bring_back(&archive);
        archiving.wait_for_more().await;
    }
    let errors = archiving.check().await;
    assert!(errors.iter().all(|status| *status == 503), "{errors:?}");
}

/// In the place of the archive is a file: nothing can be written below it.
fn take_away(archive: &Path) {
    fs::rename(archive, archive.with_extension("away")).unwrap();
    fs::write(archive, "").unwrap();
}

fn bring_back(archive: &Path) {
    fs::remove_file(archive).unwrap();
    fs::rename(archive.with_extension("away"), archive).unwrap();
}
