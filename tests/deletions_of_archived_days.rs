//! Deletion of readings whose days are archived.

use reqwest::Method;

use crate::common::archived::{Archived, readings};
use crate::common::http::{Http, Reply};
use crate::common::packed::{headers, members};
use crate::common::product::{Role, query_api};
use crate::common::stored;

/// Two sites with archived days 10 to 13 of January 1970, 24 readings each, and hot readings of the day after.
async fn archived() -> (Archived, Role) {
    let archived = Archived::packed().await;
    archived.succeed(&["run"]).await;
    let reader = archived.reader().await;
    (archived, reader)
}

async fn delete(service: &Http, path: &str) -> Reply {
    Reply::of(service.request(Method::DELETE, &format!("/sites/s/readings{path}"))).await
}

async fn served(service: &Role) -> usize {
    readings(service, "s").await.json()["readings"].as_array().unwrap().len()
}

#[tokio::test]
async fn an_archived_reading_is_deleted_once_and_stays_deleted_when_its_day_is_archived_again() {
    let (archived, reader) = archived().await;
    // The third of the first day.
    let path = format!("/{}-0", 10 * 86_400 + 2 * 3_600 + 1);
    let statuses = [delete(&reader, &path).await.status, delete(&reader, &path).await.status];
    assert_eq!(statuses, [204, 404]);
    assert_eq!(served(&reader).await, 119);
    let header = headers(&archived.redis, "s").await.remove(&10).unwrap();
    assert_eq!((header.archived(), header.packed.count), (None, 23), "the file does not count");
    let again = archived.succeed(&["run"]).await;
    assert_eq!(again, "1 days archived in 1 new files, 0 changed meanwhile");
    assert_eq!(served(&reader).await, 119);
    let verified = archived.succeed(&["verify"]).await;
    assert!(verified.contains("8 days of sites with 191 readings"), "{verified}");
}

#[tokio::test]
async fn a_range_is_deleted_from_all_tiers_and_no_reading_of_it_is_restored_from_files() {
    let (archived, reader) = archived().await;
    let range = "?start=1970-01-12T12:00:00Z&end=1970-01-15T06:00:00Z";
    for deleted in [12 + 24 + 24 + 6, 0] {
        assert_eq!(delete(&reader, range).await.json()["deleted"], deleted);
    }
    assert_eq!(served(&reader).await, 24 + 12 + 18);
    // The file has all of them still.
    let printed = archived.succeed(&["restore", "--site", "s", "--from", "1970-01-12"]).await;
    assert!(printed.starts_with("0 days with 0 readings restored; 3 days left"), "{printed}");
    assert_eq!(served(&reader).await, 54);
    archived.succeed(&["run"]).await;
    assert_eq!(served(&reader).await, 54);
    let verified = archived.succeed(&["verify"]).await;
    assert!(verified.contains("6 days of sites with 132 readings"), "{verified}");
    assert!(verified.contains("0 days in files are not"), "{verified}");
}

#[tokio::test]
async fn without_the_archive_no_archived_reading_is_deleted_and_hot_ones_are() {
    let (archived, reader) = archived().await;
    let without = query_api(&archived.redis).start().await;
    let before = headers(&archived.redis, "s").await;
    for path in ["/864001-0", "?start=1970-01-14&end=1970-01-16", "?start=0&end=now"] {
        let reply = delete(&without, path).await;
        assert_eq!((reply.status, &reply.json()["code"]), (503, &"archive_unavailable".into()));
    }
    assert_eq!(headers(&archived.redis, "s").await, before);
    assert_eq!(served(&reader).await, 120);
    let hot = delete(&without, "?start=1970-01-15&end=1970-01-16").await;
    assert_eq!(hot.json()["deleted"], 24, "{hot:?}");
    assert_eq!(served(&reader).await, 96);
    assert_eq!(
        (
            stored::members(&archived.redis, "s").await.len(),
            members(&archived.redis, "s").await.len()
        ),
        (0, 0)
    );
}
