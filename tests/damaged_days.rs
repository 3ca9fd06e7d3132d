//! A packed value or a file that is not what was written is neither completed, packed again, archived nor replaced: the
//! readings stay where they are, and what needs them is an error.

use readings::store::packed::{ArchivedDay, Contents, DayHeader};

use crate::common::archived::{Archived, readings};
use crate::common::packed::{
    command, fill, headers, members, pack, set_header, set_value, unpack, unpack_with,
};
use crate::common::product::{processing_service, query_api};
use crate::common::readings::{add, fields};
use crate::common::redis::RedisServer;
use crate::common::stored::{self, insert_members, member, wait_until_settled};

const DAY: i32 = 10;

/// A late reading of the day.
async fn late(redis: &RedisServer) {
    insert_members(redis, "s", [(864_001.0, member("s", 864_001))].into_iter()).await;
}

/// Takes the first reading out of the packed value of the day.
async fn damage(redis: &RedisServer) {
    let packed = members(redis, "s").await.remove(&DAY).unwrap();
    set_value(redis, "s", DAY, &packed[1..]).await;
}

async fn has_value(redis: &RedisServer) -> bool {
    redis.run(&["HEXISTS", "site:{site:s:readings}:packed", &DAY.to_string()]).await
}

#[tokio::test]
async fn a_day_whose_value_lacks_a_reading_is_neither_packed_again_nor_unpacked_nor_read() {
    let redis = RedisServer::start().await;
    fill(&redis, "s", 10..12).await;
    pack(&redis, &[]).await;
    damage(&redis).await;
    let before = headers(&redis, "s").await;
    late(&redis).await;
    for name in ["pack", "unpack"] {
        let ended = command(&redis, &[name]).await;
        assert_eq!(ended.status.code(), Some(1), "{ended:?}");
        assert!(ended.stderr.contains("has 23 readings at revision 0, its header 24"), "{ended:?}");
        assert_eq!(headers(&redis, "s").await, before, "{name}");
        assert!(has_value(&redis).await, "{name}");
    }
    assert_eq!(stored::members(&redis, "s").await.len(), 25, "the late reading is hot");
    let query = query_api(&redis).start().await;
    assert!(readings(&query, "s").await.status >= 500);
}

#[tokio::test]
async fn a_day_whose_value_lacks_a_reading_is_not_archived() {
    let archived = Archived::packed().await;
    damage(&archived.redis).await;
    let before = headers(&archived.redis, "s").await;
    for run in ["the first", "another"] {
        let ended = archived.fail(&["run"]).await;
        assert!(ended.stderr.contains("1970-01-11 of site s was not archived"), "{run}: {ended:?}");
        assert_eq!(headers(&archived.redis, "s").await[&DAY], before[&DAY]);
        assert!(has_value(&archived.redis).await);
        assert_eq!(archived.files().len(), 1, "no file is written for it: {run}");
    }
    let all = [headers(&archived.redis, "s").await, headers(&archived.redis, "t").await];
    let moved = all.iter().flat_map(|it| it.values()).filter(|it| it.archived().is_some());
    assert_eq!(moved.count(), 7, "it keeps no other day from the archive");
}

/// What packs, archives or stores readings goes on beside it, and a reading of the day arrives.
#[tokio::test]
async fn a_damaged_day_keeps_neither_other_days_nor_readings_from_being_stored() {
    let redis = RedisServer::start().await;
    for site in ["r", "s", "t"] {
        fill(&redis, site, 10..12).await;
    }
    pack(&redis, &["--site", "s"]).await;
    damage(&redis).await;
    late(&redis).await;
    assert_eq!(command(&redis, &["pack"]).await.status.code(), Some(1));
    for site in ["r", "t"] {
        assert_eq!(members(&redis, site).await.len(), 1, "{site} is packed");
    }
    let unpacked = command(&redis, &["unpack"]).await;
    assert_eq!(unpacked.status.code(), Some(1), "{unpacked:?}");
    for site in ["r", "t"] {
        assert_eq!(members(&redis, site).await.len(), 0, "{site} is unpacked");
    }
    for (policy, timestamp) in [("none", "1970-01-11T12:00:00Z"), ("last", "1970-01-11T13:00:00Z")]
    {
        let service = processing_service(&redis).env("DEDUP_POLICY", policy).start().await;
        add(&redis, "*", &fields("s", "7.5", timestamp)).await;
        wait_until_settled(&redis).await;
        drop(service);
    }
    assert_eq!(stored::members(&redis, "s").await.len(), 24 + 1 + 2);
}

#[tokio::test]
async fn a_damaged_value_is_discarded_when_an_operator_says_so() {
    let redis = RedisServer::start().await;
    fill(&redis, "s", 10..12).await;
    pack(&redis, &[]).await;
    damage(&redis).await;
    late(&redis).await;
    let printed = unpack(&redis, &["--discard-damaged"]).await;
    let expected = "1 sites, 1 days unpacked, 0 readings restored, 24 of damaged days discarded";
    assert_eq!(printed, expected);
    assert!(!has_value(&redis).await);
    let query = query_api(&redis).start().await;
    let served = readings(&query, "s").await;
    assert_eq!(served.json()["readings"].as_array().unwrap().len(), 25, "{}", served.text());
    pack(&redis, &[]).await;
    assert_eq!(members(&redis, "s").await[&DAY].len(), 1, "the late reading is packed");
}

#[tokio::test]
async fn archived_readings_of_a_damaged_day_are_restored_when_its_value_is_discarded() {
    let archived = Archived::packed().await;
    archived.succeed(&["run"]).await;
    late(&archived.redis).await;
    pack(&archived.redis, &[]).await;
    damage(&archived.redis).await;
    archived.fail(&["run"]).await;
    let discard = ["--site", "s", "--before", "1970-01-12", "--discard-damaged"];
    unpack_with(&archived.redis, &archived.url(), &discard).await;
    let reader = archived.reader().await;
    let served = readings(&reader, "s").await.json();
    assert_eq!(served["readings"].as_array().unwrap().len(), 5 * 24);
    pack(&archived.redis, &[]).await;
    archived.succeed(&["run"]).await;
    archived.succeed(&["verify"]).await;
}

/// As of a file that has lost a reading, or has others.
#[tokio::test]
async fn a_file_whose_readings_are_not_those_of_a_header_is_not_replaced() {
    let archived = Archived::packed().await;
    archived.succeed(&["run"]).await;
    let files = archived.files();
    late(&archived.redis).await;
    pack(&archived.redis, &[]).await;
    let reader = archived.reader().await;
    let right = headers(&archived.redis, "s").await[&12].clone();
    let contents = right.archived().unwrap();
    for wrong in [
        Contents { count: contents.count + 1, ..contents },
        Contents { checksum: !contents.checksum, ..contents },
    ] {
        let archived_day = Some(ArchivedDay::Current(wrong));
        let header = DayHeader { archived: archived_day, ..right.clone() };
        set_header(&archived.redis, "s", 12, &header).await;
        let ended = archived.fail(&["verify"]).await;
        assert!(ended.stdout.contains("its header in Redis has"), "{ended:?}");
        let ended = archived.fail(&["run"]).await;
        assert!(ended.stderr.contains("the archive has 24 readings other than the"), "{ended:?}");
        assert_eq!(readings(&reader, "s").await.status, 503);
        assert!(files.iter().all(|file| file.exists()));
    }
    set_header(&archived.redis, "s", 12, &right).await;
    archived.succeed(&["run"]).await;
    archived.succeed(&["verify"]).await;
}

/// What is left of the day is in the archive alone.
#[tokio::test]
async fn the_rows_of_a_damaged_day_that_was_restored_stay_in_their_file() {
    let archived = Archived::packed().await;
    archived.succeed(&["run"]).await;
    archived.succeed(&["restore", "--site", "s", "--before", "1970-01-13"]).await;
    damage(&archived.redis).await;
    archived.fail(&["run"]).await;
    let verified = archived.succeed(&["verify"]).await;
    assert!(verified.contains("1 files: 7 days of sites with 168 readings"), "{verified}");
    assert!(verified.contains("1 days in files are not archived days"), "{verified}");
    assert!(archived.files_below("replaced").is_empty());
}

#[tokio::test]
async fn a_file_that_is_missing_is_not_replaced() {
    let archived = Archived::packed().await;
    archived.succeed(&["run"]).await;
    let file = archived.files().remove(0);
    let content = std::fs::read(&file).unwrap();
    late(&archived.redis).await;
    pack(&archived.redis, &[]).await;
    std::fs::remove_file(&file).unwrap();
    let before = headers(&archived.redis, "s").await;
    archived.fail(&["run"]).await;
    assert_eq!(headers(&archived.redis, "s").await, before);
    std::fs::write(&file, content).unwrap();
    archived.succeed(&["run"]).await;
    let verified = archived.succeed(&["verify"]).await;
    assert!(verified.contains("8 days of sites with 193 readings"), "{verified}");
}

#[cfg(feature = "failpoints")]
mod before_it_is_read_back {
    use super::*;
    use crate::common::product::launch;
    use crate::common::wait;

    #[tokio::test]
    async fn a_value_that_is_not_the_one_that_was_written_leaves_its_readings_in_the_sorted_set() {
        let redis = RedisServer::start().await;
        fill(&redis, "s", 10..12).await;
        let before = stored::members(&redis, "s").await;
        let packer = launch(&["pack"]).env("FAILPOINTS", "pack-after-write=1*sleep(3000)");
        let packer = packer.env("REDIS_HOST", "127.0.0.1").env("REDIS_PORT", redis.port());
        let mut packer = packer.start_process();
        wait::until("the value is written", async || has_value(&redis).await).await;
        damage(&redis).await;
        let ended = packer.ended().await;
        assert_eq!(ended.status.code(), Some(1), "{ended:?}");
        assert!(ended.stderr.contains("not the one that was written"), "{ended:?}");
        assert_eq!(stored::members(&redis, "s").await, before);
    }

    #[tokio::test]
    async fn a_file_that_is_not_the_one_that_was_written_is_no_part_of_the_archive() {
        let archived = Archived::packed().await;
        let before = members(&archived.redis, "s").await;
        let run = archived.command(&["run"]).env("FAILPOINTS", "archive-after-file=1*sleep(3000)");
        let mut run = run.start_process();
        let is_written =
            |file: &std::path::PathBuf| file.extension().is_some_and(|it| it == "parquet");
        wait::until("the file is written", async || archived.files().iter().any(is_written)).await;
        let written = archived.files().into_iter().find(is_written).unwrap();
        std::fs::OpenOptions::new().write(true).open(written).unwrap().set_len(100).unwrap();
        let ended = run.ended().await;
        assert_eq!(ended.status.code(), Some(1), "{ended:?}");
        assert_eq!(members(&archived.redis, "s").await, before);
        archived.succeed(&["run"]).await;
        archived.succeed(&["verify"]).await;
    }
}
