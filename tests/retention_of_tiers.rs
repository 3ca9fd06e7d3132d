//! Packed and archived days expire (`READINGS_RETENTION`): each once all of it has, and with what files have of it.

use std::collections::BTreeSet;
use std::time::{SystemTime, UNIX_EPOCH};

use readings::energy::rollup::Day;
use readings::store::series::SeriesStore;
use readings::{Instant, SiteId};

use crate::common::archived::{self, Archived};
use crate::common::packed::{headers, members, pack};
use crate::common::process::Ended;
use crate::common::product::processing_service;
use crate::common::redis::RedisServer;
use crate::common::stored::{self, insert_members, member};
use crate::common::wait;

/// What is before noon of this day (UTC, since 1970) has expired.
const DAY: i32 = 12;

/// The retention by which it has.
fn retention() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    format!("{}s", now - u64::try_from(DAY).unwrap() * 86_400 - 43_200)
}

/// Deletes what has expired, as a processing service with this retention does each minute.
async fn expire(redis: &RedisServer) {
    let server =
        readings::store::RedisServer::from_url(&format!("redis://127.0.0.1:{}", redis.port()));
    let series = SeriesStore::new(server.unwrap().shared());
    let noon = Day::from_number(DAY).start().epoch_micros() + 43_200_000_000;
    for site in ["s", "t"].map(|site| SiteId::new(site).unwrap()) {
        series.expire_before(&site, Instant::from_epoch_micros(noon)).await.unwrap();
        series.expire_days(&site, Day::from_number(DAY)).await.unwrap();
    }
}

/// A late reading of the day 13, which is packed.
async fn late(archived: &Archived) {
    let second = 13 * 86_400 + 1;
    let late = [(1_123_201.0, member("s", second))];
    insert_members(&archived.redis, "s", late.into_iter()).await;
    pack(&archived.redis, &[]).await;
}

async fn archive(archived: &Archived, retention: &str) -> Ended {
    archived.command(&["run"]).env("READINGS_RETENTION", retention).run().await
}

/// What `archive status` says of files and readings.
async fn status(archived: &Archived) -> String {
    let ended = archived.command(&["status"]).run().await;
    let wanted = |line: &&str| line.starts_with("files ") || line.starts_with("readings ");
    let lines: Vec<_> = ended.stdout.lines().filter(wanted).collect();
    lines.join("; ")
}

async fn served(tiers: &Archived, site: &str) -> usize {
    let reply = archived::readings(&tiers.reader().await, site).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.json()["readings"].as_array().unwrap().len()
}

#[tokio::test]
async fn a_packed_day_is_deleted_once_all_of_it_has_expired() {
    let archived = Archived::packed().await;
    archived.redis.run::<()>(&["HSET", "site:s:rollups", "10", "x", "12", "x"]).await;
    expire(&archived.redis).await;
    let rollups: BTreeSet<String> = archived.redis.run(&["HKEYS", "site:s:rollups"]).await;
    assert_eq!(rollups, BTreeSet::from(["12", "generation"].map(str::to_owned)));
    let left = members(&archived.redis, "s").await;
    let left: Vec<_> = left.into_iter().map(|(day, members)| (day, members.len())).collect();
    assert_eq!(left, [(DAY, 24), (13, 24)]);
    assert_eq!(stored::members(&archived.redis, "s").await.len(), 24);
    assert_eq!(served(&archived, "s").await, 3 * 24);
}

#[tokio::test]
async fn an_archived_day_does_not_count_once_it_has_expired_and_its_rows_go_with_the_next_file() {
    let archived = Archived::packed().await;
    archived.succeed(&["run"]).await;
    let retention = retention();
    expire(&archived.redis).await;
    assert_eq!(served(&archived, "s").await, 3 * 24);
    assert!(archive(&archived, &retention).await.status.success());
    assert!(status(&archived).await.ends_with("readings   192"), "{}", status(&archived).await);
    late(&archived).await;
    assert!(archive(&archived, &retention).await.status.success());
    assert!(status(&archived).await.ends_with("readings   97"), "{}", status(&archived).await);
    archived.succeed(&["verify"]).await;
}

#[tokio::test]
async fn a_file_of_which_all_days_have_expired_is_deleted() {
    let archived = Archived::packed().await;
    archived.succeed(&["run"]).await;
    let service = processing_service(&archived.redis).env("READINGS_RETENTION", "4s");
    let service = service.start().await;
    wait::until("Redis has no day", async || {
        headers(&archived.redis, "s").await.is_empty()
            && headers(&archived.redis, "t").await.is_empty()
    })
    .await;
    drop(service);
    assert!(archive(&archived, "4s").await.status.success());
    assert!(status(&archived).await.starts_with("files      0,"), "{}", status(&archived).await);
    assert_eq!(served(&archived, "s").await, 0);
}

#[tokio::test]
async fn what_redis_has_not_deleted_yet_stays_in_files_though_it_has_expired() {
    let archived = Archived::packed().await;
    // Days that are archived by the run.
    assert!(archive(&archived, "4s").await.status.success());
    archived.succeed(&["verify"]).await;
    // Days that a new file takes over.
    late(&archived).await;
    assert!(archive(&archived, &retention()).await.status.success());
    let verified = archived.succeed(&["verify"]).await;
    assert!(verified.contains("8 days of sites with 193 readings"), "{verified}");
    assert_eq!(served(&archived, "s").await, 5 * 24 + 1);
    // A file with nothing else.
    assert!(archive(&archived, "4s").await.status.success());
    archived.succeed(&["verify"]).await;
}

#[cfg(feature = "failpoints")]
mod between_the_steps {
    use super::*;
    use crate::common::packed::{index, union};
    use crate::common::product::launch;

    /// A packer that has read readings before they expired does not bring them back.
    #[tokio::test]
    async fn readings_that_expire_while_their_day_is_packed_are_not_packed() {
        let redis = RedisServer::start().await;
        stored::insert(&redis, "s", 0..100).await;
        stored::insert(&redis, "s", 86_400..86_401).await;
        index(&redis, "s").await;
        let packer = launch(&["pack"]).env("REDIS_PORT", redis.port());
        let packer = packer.env("FAILPOINTS", "pack-after-read=1*sleep(3000)");
        let mut packer = packer.start_process();
        wait::until("the packer has the lease", async || {
            redis.run::<bool>(&["HEXISTS", "site:{site:s:readings}:days", "lease"]).await
        })
        .await;
        expire(&redis).await;
        assert!(stored::members(&redis, "s").await.is_empty() && packer.is_running());
        packer.ended().await;
        assert_eq!(union(&redis, "s").await, [""; 0]);
    }
}
