//! Archived days: packed days move into Parquet files (`ARCHIVE_URL`, `archive run`), are read from there, and come back.

use std::time::{Duration, SystemTime};

use ::readings::SiteId;
use ::readings::store::keys;

use crate::common::archived::{Archived, readings};
use crate::common::packed::{headers, members, pack, unpack_with};
use crate::common::product::{launch, processing_service, query_api};
use crate::common::readings::{add, fields};
use crate::common::stored::{self, insert_members, wait_until_settled};
use crate::common::wait;

/// The steps of the archiver, each of which may be the last of a process.
const STEPS: [&str; 5] = [
    "archive-after-file",
    "archive-after-verify",
    "archive-after-manifest",
    "archive-after-header",
    "archive-before-delete",
];

const LEASE: [&str; 3] = ["HDEL", "energy_readings:archive", "lease"];

#[tokio::test]
async fn archived_days_are_in_files_and_are_read_as_before() {
    let archived = Archived::packed().await;
    let reader = archived.reader().await;
    let before = readings(&reader, "s").await.text();
    let printed = archived.succeed(&["run"]).await;
    assert_eq!(printed, "8 days archived in 1 new files, 0 changed meanwhile");
    assert!(members(&archived.redis, "s").await.is_empty(), "no packed value is left");
    let kept = headers(&archived.redis, "s").await;
    assert!(kept.values().all(|header| header.archived().is_some_and(|it| it.count == 24)));
    assert_eq!(readings(&reader, "s").await.text(), before);
    let again = archived.succeed(&["run"]).await;
    assert_eq!(again, "0 days archived in 0 new files, 0 changed meanwhile");
    let verified = archived.succeed(&["verify"]).await;
    assert!(verified.starts_with("1 files: 8 days of sites with 192 readings"), "{verified}");
}

/// A site has a header for each of its days: a run each hour would read megabytes of a thousand sites.
#[tokio::test]
async fn a_run_without_a_day_to_archive_reads_the_headers_of_no_site() {
    let archived = Archived::packed().await;
    assert_eq!(headers_read(&archived).await, 6, "of two sites: to plan, to write, to summarize");
    assert_eq!(headers_read(&archived).await, 0);
    // Without a summary they are read once.
    let days = keys::days(&SiteId::new("t").unwrap());
    archived.redis.run::<()>(&["HDEL", &days, "summary"]).await;
    assert_eq!(headers_read(&archived).await, 1);
    assert_eq!(headers_read(&archived).await, 0);
}

/// Of the slow log: its number, time, duration, command, and client.
type Entry = (u64, u64, u64, Vec<Vec<u8>>, String, String);

/// Runs the archiver: how often it reads all headers of a site.
async fn headers_read(archived: &Archived) -> usize {
    for setting in [["slowlog-log-slower-than", "0"], ["slowlog-max-len", "10000"]] {
        archived.redis.run::<()>(&["CONFIG", "SET", setting[0], setting[1]]).await;
    }
    archived.redis.run::<()>(&["SLOWLOG", "RESET"]).await;
    archived.succeed(&["run"]).await;
    let log: Vec<Entry> = archived.redis.run(&["SLOWLOG", "GET", "-1"]).await;
    let days = ["s", "t"].map(|site| keys::days(&SiteId::new(site).unwrap()).into_bytes());
    let reads_days = |words: &[Vec<u8>]| words[0] == b"HGETALL" && days.contains(&words[1]);
    log.iter().filter(|(_, _, _, words, ..)| reads_days(words)).count()
}

#[tokio::test]
async fn a_processing_service_that_packs_days_archives_them() {
    let archived = Archived::packed().await;
    let service = processing_service(&archived.redis).env("ARCHIVE_URL", archived.url());
    let service = service.env("PACK_AFTER", "1h").env("ARCHIVE_AFTER", "2h").start().await;
    wait::until("all packed days are archived", async || {
        let headers = headers(&archived.redis, "t").await;
        headers.values().all(|header| header.archived().is_some())
    })
    .await;
    wait::until("the run is counted", async || {
        service.counter("energy_pipeline_archive_runs_total").await == 1
    })
    .await;
    assert_eq!(service.counter("energy_pipeline_archive_moves_total").await, 8);
    assert_eq!(service.counter("energy_pipeline_archive_readings").await, 192);
}

#[tokio::test]
async fn days_are_not_archived_before_they_are_packed() {
    let archived = Archived::packed().await;
    let service = processing_service(&archived.redis).env("ARCHIVE_URL", archived.url());
    let ended = service.env("PACK_AFTER", "3d").env("ARCHIVE_AFTER", "2d").run().await;
    assert_eq!(ended.status.code(), Some(2), "{ended:?}");
    assert!(ended.stderr.contains("ARCHIVE_AFTER must be at least PACK_AFTER"), "{ended:?}");
}

#[tokio::test]
async fn without_the_archive_what_needs_it_is_503_and_never_shorter() {
    let archived = Archived::packed().await;
    archived.succeed(&["run"]).await;
    let without = query_api(&archived.redis).start().await;
    let answer = readings(&without, "s").await;
    assert_eq!(answer.status, 503, "{}", answer.text());
    for file in archived.files() {
        std::fs::remove_file(file).unwrap();
    }
    let reader = archived.reader().await;
    assert_eq!(readings(&reader, "s").await.status, 503);
    let ended = archived.fail(&["verify"]).await;
    assert!(ended.stdout.contains("of 1970-01-11 the files lack 2 sites"), "{ended:?}");
}

#[tokio::test]
async fn a_process_may_end_at_each_step_and_no_reading_is_lost_or_repeated() {
    for step in STEPS {
        let archived = Archived::packed().await;
        let reader = archived.reader().await;
        let before = readings(&reader, "t").await.text();
        archived.command(&["run"]).env("FAILPOINTS", format!("{step}=panic")).run().await;
        assert_eq!(readings(&reader, "t").await.text(), before, "after {step}");
        archived.redis.run::<()>(&LEASE).await;
        archived.succeed(&["run"]).await;
        assert_eq!(readings(&reader, "t").await.text(), before, "again after {step}");
        let verified = archived.succeed(&["verify"]).await;
        assert!(verified.contains(": 8 days of sites with 192 readings"), "{step}: {verified}");
    }
}

#[tokio::test]
async fn a_late_reading_of_an_archived_day_is_archived_with_it() {
    let archived = Archived::packed().await;
    archived.succeed(&["run"]).await;
    let late = r#"{"stream_id": "77-0", "site_id": "s", "device_id": "late", "power_reading": 1.5, "timestamp": "1970-01-11T12:30:00Z", "ingested_at": "2024-01-15T10:30:00.000000"}"#;
    let hot = [(864_000.0 + 45_000.0, late.to_owned())];
    insert_members(&archived.redis, "s", hot.into_iter()).await;
    let reader = archived.reader().await;
    let before = readings(&reader, "s").await.text();
    assert!(before.contains("late"));
    pack(&archived.redis, &[]).await;
    assert_eq!(readings(&reader, "s").await.text(), before, "once it is packed");
    let files = archived.files();
    assert_eq!(
        archived.succeed(&["run"]).await,
        "1 days archived in 1 new files, 0 changed meanwhile"
    );
    assert_eq!(readings(&reader, "s").await.text(), before, "once it is archived");
    assert!(archived.files().len() == 1 && archived.files() != files, "a new file in place of one");
    let verified = archived.succeed(&["verify"]).await;
    assert!(verified.contains("8 days of sites with 193 readings"), "{verified}");
}

#[tokio::test]
async fn an_empty_redis_gets_all_archived_days_back() {
    let archived = Archived::packed().await;
    archived.succeed(&["run"]).await;
    let reader = archived.reader().await;
    let all = readings(&reader, "s").await.json();
    let all = all["readings"].as_array().unwrap();
    for (only_headers, is_packed) in [(true, false), (false, true)] {
        archived.redis.run::<()>(&["FLUSHALL"]).await;
        let ended = archived.fail(&["run"]).await;
        assert!(ended.stderr.contains("does not know the archive"), "{ended:?}");
        let flag: &[&str] = if only_headers { &["--only-headers"] } else { &[] };
        let printed = archived.succeed(&[&["restore"], flag].concat()).await;
        let expected = if only_headers {
            "headers of 8 days restored, whose 192 readings stay in the archive; 0 days left"
        } else {
            "8 days with 192 readings restored; 0 days left"
        };
        assert!(printed.starts_with(expected), "{printed}");
        assert_eq!(members(&archived.redis, "s").await.len(), if is_packed { 4 } else { 0 });
        let restored = readings(&reader, "s").await.json();
        assert_eq!(
            restored["readings"].as_array().unwrap(),
            &all[..96],
            "the hot readings were in Redis alone"
        );
        let again = archived.succeed(&[&["restore"], flag].concat()).await;
        assert!(again.ends_with("; 8 days left as they are in Redis"), "{again}");
    }
    archived.succeed(&["run"]).await;
    archived.succeed(&["verify"]).await;
}

#[tokio::test]
async fn an_archive_that_is_empty_restores_nothing_and_says_so() {
    let archived = Archived::packed().await;
    let ended = archived.fail(&["restore"]).await;
    assert!(ended.stderr.contains("is empty (ARCHIVE_URL)"), "{ended:?}");
}

#[tokio::test]
async fn some_archived_days_are_restored_and_archived_again() {
    let archived = Archived::packed().await;
    archived.succeed(&["run"]).await;
    let some = ["restore", "--site", "s", "--from", "1970-01-12", "--before", "1970-01-14"];
    let printed = archived.succeed(&some).await;
    assert!(printed.starts_with("2 days with 48 readings restored"), "{printed}");
    assert_eq!(members(&archived.redis, "s").await.into_keys().collect::<Vec<_>>(), [11, 12]);
    assert_eq!(
        archived.succeed(&["run"]).await,
        "2 days archived in 1 new files, 0 changed meanwhile"
    );
    archived.succeed(&["verify"]).await;
}

#[tokio::test]
async fn archived_days_are_unpacked_into_the_sorted_set() {
    let archived = Archived::packed().await;
    let reader = archived.reader().await;
    let before = readings(&reader, "s").await.text();
    archived.succeed(&["run"]).await;
    unpack_with(&archived.redis, &archived.url(), &["--site", "s"]).await;
    let hot: usize = archived.redis.run(&["ZCARD", "site:s:readings"]).await;
    assert_eq!(hot, 5 * 24);
    assert_eq!(readings(&reader, "s").await.text(), before);
}

#[tokio::test]
async fn one_process_at_a_time_writes_to_the_archive() {
    let archived = Archived::packed().await;
    let lease = ["HSET", "energy_readings:archive", "lease", "other 99999999999999999"];
    archived.redis.run::<()>(&lease).await;
    let ended = archived.fail(&["run"]).await;
    assert!(ended.stderr.contains("another process"), "{ended:?}");
    assert!(archived.files().is_empty());
}

#[tokio::test]
async fn files_that_no_manifest_names_are_deleted_a_day_later_and_others_never() {
    let archived = Archived::packed().await;
    archived.succeed(&["run"]).await;
    let named = archived.files().remove(0);
    let [old, young] =
        ["old", "young"].map(|name| named.with_file_name(name.to_owned() + ".parquet"));
    let two_days_ago = SystemTime::now() - Duration::from_hours(48);
    for path in [&old, &young] {
        std::fs::copy(&named, path).unwrap();
    }
    for path in [&named, &old] {
        let file = std::fs::OpenOptions::new().append(true).open(path).unwrap();
        file.set_modified(two_days_ago).unwrap();
    }
    let verified = archived.command(&["verify"]).run().await;
    assert_eq!(verified.stdout.matches("no manifest names").count(), 2, "{verified:?}");
    archived.succeed(&["run"]).await;
    assert_eq!([named, old, young].map(|path| path.exists()), [true, false, true]);
    archived.succeed(&["verify"]).await;
}

#[tokio::test]
async fn a_late_reading_of_an_archived_day_is_stored_without_the_archive() {
    let archived = Archived::packed().await;
    archived.succeed(&["run"]).await;
    for (policy, timestamp) in [("none", "1970-01-11T12:00:00Z"), ("last", "1970-01-11T13:00:00Z")]
    {
        let service = processing_service(&archived.redis).env("DEDUP_POLICY", policy);
        let _service = service.start().await;
        add(&archived.redis, "*", &fields("s", "7.5", timestamp)).await;
        wait_until_settled(&archived.redis).await;
    }
    assert_eq!(stored::members(&archived.redis, "s").await.len(), 24 + 2);
}

#[tokio::test]
async fn an_archive_that_is_not_that_of_this_redis_is_an_error() {
    let archived = Archived::packed().await;
    archived.succeed(&["run"]).await;
    let empty = tempfile::tempdir().unwrap();
    let empty = format!("file://{}", empty.path().display());
    let of_another = Archived::packed().await;
    of_another.succeed(&["run"]).await;
    for other in [empty, of_another.url()] {
        let ended = archived.command(&["run"]).env("ARCHIVE_URL", other).run().await;
        assert_eq!(ended.status.code(), Some(1), "{ended:?}");
        assert!(ended.stderr.contains("in another archive"), "{ended:?}");
    }
    of_another.succeed(&["verify"]).await;
}

#[tokio::test]
async fn a_command_about_an_archive_that_is_not_there_creates_none() {
    let archived = Archived::packed().await;
    let missing = archived.directory.path().join("missing");
    for command in ["status", "verify", "restore"] {
        let url = format!("file://{}", missing.display());
        let ended = archived.command(&[command]).env("ARCHIVE_URL", url).run().await;
        assert_eq!(ended.status.code(), Some(2), "{ended:?}");
        assert!(ended.stderr.contains("there is no directory"), "{ended:?}");
        assert!(!missing.exists(), "{command}");
    }
}

#[tokio::test]
async fn an_unusable_archive_url_is_named_at_the_start() {
    let archived = Archived::packed().await;
    let file = archived.directory.path().join("file");
    std::fs::write(&file, "").unwrap();
    let below_a_file = format!("file://{}/archive", file.display());
    let cases = [
        ("gs://bucket", "file:/// or s3://"),
        ("file://archive", "from the root on"),
        ("s3://", "bucket"),
        (below_a_file.as_str(), "cannot be used"),
    ];
    for (url, rule) in cases {
        for arguments in [["processing-service"].as_slice(), &["archive", "status"]] {
            let ended = launch(arguments).env("ARCHIVE_URL", url).run().await;
            assert_eq!(ended.status.code(), Some(2), "{url}: {ended:?}");
            let names_both =
                ended.stderr.contains(rule) && ended.stderr.to_uppercase().contains("ARCHIVE");
            assert!(names_both, "{url}: {ended:?}");
        }
    }
}
