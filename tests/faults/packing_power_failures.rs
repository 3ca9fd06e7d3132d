//! The machine loses power while days are packed and unpacked: whichever command is the last in the append-only file, each
//! reading is in a tier.

use std::fs::{self, OpenOptions};

use super::aof_prefixes::{APPENDED, copy};
use super::support::packing::{filled, pack_all, run, union};
use super::support::rng::Rng;
use crate::common::redis::RedisServer;

const CUTS: usize = 40;

#[tokio::test]
async fn in_every_prefix_of_the_append_only_file_each_reading_is_in_a_tier() {
    let mut redis = filled(3).await;
    let before = union(&redis).await;
    let length =
        |redis: &RedisServer| fs::metadata(redis.directory().join(APPENDED)).unwrap().len();
    let filled = length(&redis);
    for name in ["pack", "unpack", "pack"] {
        assert!(run(&redis, name).await.status.success(), "{name}");
    }
    redis.kill9();
    let (mut rng, mut unfinished) = (Rng::seeded(11), 0);
    for _ in 0..CUTS {
        let cut = tempfile::tempdir().unwrap();
        copy(redis.directory(), cut.path());
        let file = OpenOptions::new().write(true).open(cut.path().join(APPENDED)).unwrap();
        file.set_len(rng.between(filled, length(&redis))).unwrap();
        let redis = RedisServer::start_with(&["--dir", cut.path().to_str().unwrap()]).await;
        assert_eq!(union(&redis).await, before);
        let headers = crate::common::tiers::of(&redis, super::support::packing::SITE).await.headers;
        unfinished += headers.values().filter(|header| !header.is_complete).count();
        pack_all(&redis).await;
        assert_eq!(union(&redis).await, before);
    }
    assert!(unfinished > 0, "no cut came between two changes of a day");
}
