//! Responses with readings are the same, byte for byte, before and after days are packed.

use readings::SiteId;
use readings::energy::rollup::Day;
use readings::store::packed::{
    ArchivedDay, Contents, DayChange, DayHeader, PackedDays, PackedValue,
};

use crate::common::packed::{fill, members, pack, unpack};
use crate::common::product::{Role, query_api};
use crate::common::redis::RedisServer;
use crate::common::stored::{insert_members, member};

/// The paths of requests of every kind, without the site.
const PATHS: [&str; 12] = [
    "",
    "?format=ndjson",
    "?format=csv",
    "?order=desc",
    "?start=1970-01-11T05:00:00Z&end=1970-01-13T05:00:00Z",
    "?start=1970-01-11T05:00:00Z&end=1970-01-13T05:00:00Z&order=desc&format=csv",
    "?device_id=meter",
    "?device_id=other",
    "?limit=1",
    "?limit=30&order=desc",
    "?limit=1000&format=ndjson",
    "?end=1970-01-11T00:00:00Z",
];

async fn bodies(query: &Role) -> Vec<String> {
    let mut bodies = Vec::new();
    for path in PATHS {
        let reply = query.get(&format!("/sites/s/readings{path}")).await;
        assert_eq!(reply.status, 200, "{path}");
        bodies.push(reply.text());
    }
    bodies
}

/// All pages, from cursor to cursor.
async fn pages(query: &Role, order: &str) -> Vec<String> {
    let (mut pages, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("/sites/s/readings?limit=7&order={order}{cursor}");
        let page = query.get(&path).await.json();
        pages.push(page["readings"].to_string());
        let Some(next) = page["next_cursor"].as_str() else { return pages };
        cursor = format!("&cursor={next}");
    }
}

/// Ten days, of which the first nine can be packed; what another program has stored; late readings.
async fn site() -> (RedisServer, Role) {
    let redis = RedisServer::start().await;
    fill(&redis, "s", 10..20).await;
    let compact = member("s", 900_001).replace("\": ", "\":");
    let others = [(900_000.5, "junk".to_owned()), (900_001.0, compact)];
    insert_members(&redis, "s", others.into_iter()).await;
    let query = query_api(&redis).start().await;
    (redis, query)
}

#[tokio::test]
async fn every_response_is_the_same_while_days_are_packed_and_after_they_are_unpacked() {
    let (redis, query) = site().await;
    let before = bodies(&query).await;
    let cursors = [pages(&query, "asc").await, pages(&query, "desc").await];
    pack(&redis, &[]).await;
    assert_eq!(members(&redis, "s").await.len(), 9);
    assert_eq!(bodies(&query).await, before);
    assert_eq!([pages(&query, "asc").await, pages(&query, "desc").await], cursors);
    unpack(&redis, &[]).await;
    assert_eq!(bodies(&query).await, before);
}

#[tokio::test]
async fn late_and_repeated_readings_of_packed_days_are_in_the_response_once() {
    let (redis, query) = site().await;
    // Late ones, of which half are packed already.
    let late = |range: std::ops::Range<usize>| {
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        range.map(|n| (n as f64, member("s", n)))
    };
    insert_members(&redis, "s", late(1_000_001..1_000_050)).await;
    pack(&redis, &[]).await;
    insert_members(&redis, "s", late(1_000_001..1_000_100)).await;
    let with_packed = bodies(&query).await;
    unpack(&redis, &[]).await;
    assert_eq!(bodies(&query).await, with_packed);
    assert_eq!(query.get("/sites/s/readings?format=ndjson").await.text().lines().count(), 340);
}

#[tokio::test]
async fn a_request_for_archived_readings_without_an_archive_is_unavailable_and_others_are_not() {
    let (redis, query) = site().await;
    pack(&redis, &[]).await;
    archive(&redis, 12).await;
    for path in [
        "?start=1970-01-13T00:00:00Z",
        "?limit=100",
        "?start=1970-01-13T03:00:00Z&order=desc&end=1970-01-13T09:00:00Z",
    ] {
        let reply = query.get(&format!("/sites/s/readings{path}")).await;
        assert_eq!(reply.status, 503, "{path}");
        assert_eq!(reply.json()["code"], "archive_unavailable");
        assert_eq!(reply.header("retry-after"), "10");
    }
    assert!(query.stderr().contains("ARCHIVE_URL is not set"), "{}", query.stderr());
    let reply = query.get("/sites/s/readings?start=1970-01-14T00:00:00Z").await;
    assert_eq!(reply.json()["readings"].as_array().unwrap().len(), 7 * 24);
}

/// Gives a packed day the header of an archived one.
async fn archive(redis: &RedisServer, day: i32) {
    let connection =
        readings::store::RedisServer::from_url(&format!("redis://127.0.0.1:{}", redis.port()));
    let (days, site) = (PackedDays::new(connection.unwrap().shared()), SiteId::new("s").unwrap());
    let before = days.of_site(&site).await.unwrap().headers[&Day::from_number(day)].clone();
    let archived = Some(ArchivedDay::Current(before.packed));
    let header = DayHeader { packed: Contents::default(), archived, ..before.clone() };
    let change = DayChange {
        day: Day::from_number(day),
        expected: Some(&before),
        lease: None,
        header: &header,
        value: PackedValue::Removed,
        added: &[],
        removed: &[],
    };
    let _ = days.change(&site, &change).await.unwrap();
}
