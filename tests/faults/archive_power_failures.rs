//! The machine loses power while days are archived: whichever command is the last in the append-only file of Redis, while the
//! archive has all that was written to it, each reading is in a tier.

use std::fs::{self, OpenOptions};

use super::aof_prefixes::{APPENDED, copy};
use super::support::archiving::Archived;
use super::support::packing::SITE;
use super::support::readers::Readers;
use super::support::rng::Rng;
use crate::common::redis::RedisServer;

/// The days of the site; the last is not archived.
const DAYS: usize = 3;

const CUTS: usize = 12;

fn length(archived: &Archived) -> u64 {
    fs::metadata(archived.redis.directory().join(APPENDED)).unwrap().len()
}

/// Archives, loses what Redis has written last, and compares.
async fn lose_power_after_archiving(mut archived: Archived) {
    let (before, start) = (archived.union().await, length(&archived));
    archived.archive_all().await;
    archived.redis.kill9();
    let (mut rng, mut unfinished) = (Rng::seeded(17), 0);
    for _ in 0..CUTS {
        let cut = cut_off(&archived, rng.between(start, length(&archived))).await;
        assert_eq!(cut.union().await, before);
        let tiers = cut.tiers().await;
        unfinished += usize::from(tiers.archived.len() < DAYS - 1 || !tiers.packed.is_empty());
        let query = cut.query().await;
        let readers = Readers::start(query.base(), [SITE]);
        readers.wait_for_more(1).await;
        cut.archive_all().await;
        assert_eq!(cut.union().await, before);
        readers.wait_for_more(1).await;
        readers.stop_without_errors("after a cut").await;
    }
    assert!(unfinished > 0, "no cut came before the last change of a day");
}

/// The archive as it is, and a Redis that has these bytes of its append-only file.
async fn cut_off(archived: &Archived, bytes: u64) -> Archived {
    let [redis, directory] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    copy(archived.redis.directory(), redis.path());
    copy(archived.directory.path(), directory.path());
    let file = OpenOptions::new().write(true).open(redis.path().join(APPENDED)).unwrap();
    file.set_len(bytes).unwrap();
    Archived { redis: RedisServer::start_in(redis).await, directory }
}

#[tokio::test]
async fn in_every_prefix_of_the_append_only_file_of_an_archiving_each_reading_is_in_a_tier() {
    lose_power_after_archiving(Archived::packed_after_a_run(DAYS).await).await;
}
