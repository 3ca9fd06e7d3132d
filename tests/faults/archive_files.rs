//! The archive has lost a file, or has a damaged one: what needs it is an error, never a shorter answer, and all else is served.

use std::fs;

use super::support::archiving::Archived;
use super::support::packing::SITE;
use super::support::readers::Readers;

/// The hours of the last day, which is not archived.
const HOT: &str = "start=1970-01-03T00:00:00Z";

/// Bytes that are left of a file: fewer than its readings have.
const SHORT: u64 = 100;

/// All ways to ask for all readings.
const WHOLE: [&str; 3] = ["", "?format=ndjson", "?start=1970-01-01T00:00:00Z"];

/// Breaks the files and mends them; answers meanwhile are errors.
async fn break_files(act: impl Fn(&std::path::Path), mend: impl Fn(&std::path::Path)) {
    let archived = Archived::packed(3).await;
    archived.archive_all().await;
    let before = archived.union().await;
    let query = archived.query().await;
    let readers = Readers::start(query.base(), [SITE]);
    readers.wait_for_more(1).await;
    let files = archived.files();
    assert!(!files.is_empty());
    for file in &files {
        act(file);
    }
    let other = archived.query().await;
    for query in [&query, &other] {
        for parameters in WHOLE {
            let reply = query.get(&format!("/sites/{SITE}/readings{parameters}")).await;
            assert_eq!(reply.status, 503, "{parameters}");
            assert!(reply.header("retry-after").parse::<u64>().is_ok(), "{reply:?}");
            assert_eq!(reply.json()["code"], "archive_unavailable", "{reply:?}");
        }
        let hot = query.get(&format!("/sites/{SITE}/readings?{HOT}")).await;
        assert_eq!(hot.status, 200);
        assert_eq!(query.get("/readyz").await.status, 200);
    }
    for file in &files {
        mend(file);
    }
    readers.wait_for_more(1).await;
    let errors = readers.stop().await;
    assert!(errors.keys().all(|status| *status == 503), "{errors:?}");
    assert_eq!(archived.union().await, before);
}

#[tokio::test]
async fn a_file_that_is_missing_is_an_error_and_never_a_shorter_answer() {
    let aside = |file: &std::path::Path| file.with_extension("aside");
    break_files(
        |file| fs::rename(file, aside(file)).unwrap(),
        |file| fs::rename(aside(file), file).unwrap(),
    )
    .await;
}

#[tokio::test]
async fn a_file_that_is_cut_off_is_an_error_and_never_a_shorter_answer() {
    let aside = |file: &std::path::Path| file.with_extension("aside");
    break_files(
        |file| {
            fs::copy(file, aside(file)).unwrap();
            fs::OpenOptions::new().write(true).open(file).unwrap().set_len(SHORT).unwrap();
        },
        |file| fs::rename(aside(file), file).unwrap(),
    )
    .await;
}
