//! Pages of a sorted set neither repeat nor skip a reading when the last member of a page is deleted before the next
//! page is read, in a real Redis.
#![cfg(test)]

mod support;

use ::redis::{cmd, pipe};
use readings::SiteId;
use readings::store::series::{Order, Selection, SeriesStore};

use self::support::redis::RedisServer;
use self::support::shared;

const KEY: &str = "site:house-01:readings";

/// More than two pages.
const COUNT: usize = 5_000;

/// Members of a page.
const PAGE: usize = 2_000;

fn member(number: usize) -> String {
    let number = 10_000 + number;
    format!(
        "{{\"stream_id\": \"{number}-0\", \"site_id\": \"house-01\", \"device_id\": \"meter\", \
         \"power_reading\": 1.5, \"timestamp\": \"1970-01-01T00:00:00Z\", \
         \"ingested_at\": \"2024-01-15T10:30:00.000000\"}}"
    )
}

async fn store_with(score_of: impl Fn(usize) -> usize) -> (RedisServer, SeriesStore) {
    let redis = RedisServer::start().await;
    let mut pipeline = pipe();
    for number in 0..COUNT {
        pipeline
            .add_command(cmd("ZADD").arg(KEY).arg(score_of(number)).arg(member(number)).clone());
    }
    let _: Vec<u64> = pipeline.query_async(&mut redis.connect().await).await.unwrap();
    let store = SeriesStore::new(shared(&redis));
    (redis, store)
}

/// The members of all pages. The last 100 members of the first page are deleted once it was read.
async fn read_while_members_are_deleted(
    redis: &RedisServer,
    store: &SeriesStore,
    order: Order,
) -> Vec<Vec<u8>> {
    let selection = Selection { order, ..Selection::default() };
    let mut reader = store.select(&SiteId::new("house-01").unwrap(), selection, PAGE);
    let mut found = Vec::new();
    let mut is_first = true;
    while let Some(page) = reader.next_page().await.unwrap() {
        if is_first {
            let first = if order == Order::Ascending { PAGE - 100 } else { COUNT - PAGE };
            let (first, last) = (first.to_string(), (first + 99).to_string());
            let deleted: u64 = redis.run(&["ZREMRANGEBYRANK", KEY, &first, &last]).await;
            assert_eq!(deleted, 100);
        }
        is_first = false;
        found.extend(page.readings.into_iter().map(|selected| selected.member));
    }
    found
}

async fn assert_complete(score_of: impl Fn(usize) -> usize) {
    for order in [Order::Ascending, Order::Descending] {
        let (redis, store) = store_with(&score_of).await;
        let mut found = read_while_members_are_deleted(&redis, &store, order).await;
        if order == Order::Descending {
            found.reverse();
        }
        let expected: Vec<_> = (0..COUNT).map(|number| member(number).into_bytes()).collect();
        assert!(found == expected, "{order:?}: {} of {COUNT}", found.len());
    }
}

#[tokio::test]
async fn readings_after_a_deleted_one_are_read() {
    assert_complete(|number| number).await;
}

#[tokio::test]
async fn readings_of_one_instant_after_a_deleted_one_are_read() {
    assert_complete(|_| 7).await;
}
