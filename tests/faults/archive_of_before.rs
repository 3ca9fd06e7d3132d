//! Redis loses its last writes after archived days were changed: whichever command is the last in the append-only file, the
//! archive has what Redis says.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};

use reqwest::Method;

use super::aof_prefixes::{APPENDED, copy};
use super::support::archiving::Archived;
use super::support::packing::{SITE, expire_lease, pack_all, run};
use super::support::rng::Rng;
use crate::common::http::Reply;
use crate::common::redis::RedisServer;
use crate::common::stored::{insert_members, member};
use crate::common::wait;

/// Of each change.
const CUTS: usize = 4;

/// Of one of the readings, on the first day.
const DELETED: &str = "361-0";

/// Seconds of a late reading of the first day.
const LATE: usize = 30;

/// What was stored after a change, and how long the append-only file was then.
struct Changed {
    union: BTreeSet<String>,
    length: u64,
}

impl Changed {
    async fn now(archived: &Archived) -> Self {
        let file = archived.redis.directory().join(APPENDED);
        Self { union: archived.union().await, length: fs::metadata(file).unwrap().len() }
    }
}

/// Two days are archived; a late reading is archived with them; a reading is deleted, and the rest archived again; the days
/// are unpacked, packed and archived.
async fn change(archived: &Archived) -> Vec<Changed> {
    // Before that Redis does not know the archive: `archive restore` is for it.
    archived.archive_all().await;
    let mut changes = vec![Changed::now(archived).await];
    #[expect(clippy::cast_precision_loss, reason = "a small number")]
    let late = (LATE as f64, member(SITE, LATE));
    insert_members(&archived.redis, SITE, [late].into_iter()).await;
    changes.push(Changed::now(archived).await);
    pack_all(&archived.redis).await;
    archived.archive_all().await;
    let query = archived.query().await;
    let path = format!("/sites/{SITE}/readings/{DELETED}");
    let deleted = Reply::of(query.request(Method::DELETE, &path)).await;
    assert_eq!(deleted.status, 204, "{deleted:?}");
    changes.push(Changed::now(archived).await);
    archived.archive_all().await;
    let unpacked = archived.command(&["unpack"]).run().await;
    assert!(unpacked.status.success(), "{unpacked:?}");
    assert!(run(&archived.redis, "pack").await.status.success());
    archived.archive_all().await;
    changes.push(Changed::now(archived).await);
    changes
}

#[tokio::test]
async fn in_every_prefix_of_the_append_only_file_the_archive_has_what_redis_says() {
    let mut archived = Archived::packed(3).await;
    let changes = change(&archived).await;
    archived.redis.kill9();
    let mut rng = Rng::seeded(13);
    for (before, after) in changes.iter().zip(&changes[1..]) {
        for _ in 0..CUTS {
            let length = rng.between(before.length, after.length);
            let union = cut_off(&archived, length).await;
            assert!(union == before.union || union == after.union, "at {length}: {}", union.len());
        }
    }
}

/// Cuts the append-only file off, and archives what is there then: what is stored all the time.
async fn cut_off(archived: &Archived, length: u64) -> BTreeSet<String> {
    let (cut, directory) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    copy(archived.redis.directory(), cut.path());
    copy(archived.directory.path(), directory.path());
    let file = OpenOptions::new().write(true).open(cut.path().join(APPENDED)).unwrap();
    file.set_len(length).unwrap();
    let redis = RedisServer::start_with(&["--dir", cut.path().to_str().unwrap()]).await;
    let archived = Archived { redis, directory };
    let union = archived.union().await;
    let served = archived.query().await.get(&format!("/sites/{SITE}/readings")).await;
    assert_eq!(served.status, 200, "{served:?}");
    assert_eq!(served.json()["readings"].as_array().unwrap().len(), union.len());
    wait::until("all closed days are packed", async || {
        expire_lease(&archived.redis).await;
        run(&archived.redis, "pack").await.status.success()
    })
    .await;
    archived.archive_all().await;
    assert_eq!(archived.union().await, union);
    union
}
