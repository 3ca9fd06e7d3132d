//! Members that cannot be packed stay in the sorted set, and are not read again and again, in a real Redis.
#![cfg(test)]

mod support;

use readings::SiteId;
use readings::store::packed::{MAX_BYTES, PackedDays};
use readings::store::packing::SitePacker;

use self::support::packer::pack_before;
use self::support::redis::RedisServer;
use self::support::shared;

const KEY: &str = "site:s:readings";

async fn add(redis: &RedisServer, second: u32, member: &str) {
    let _: u64 = redis.run(&["ZADD", KEY, &second.to_string(), member]).await;
}

fn member(second: u32) -> String {
    let (day, second_of_day) = (second / 86_400 + 1, second % 86_400);
    format!(
        r#"{{"stream_id": "{second}-0", "site_id": "s", "device_id": "d", "power_reading": 1.5, "timestamp": "1970-01-{day:02}T00:00:{second_of_day:02}Z", "ingested_at": "1970-01-02T00:00:00.000000"}}"#
    )
}

/// A site whose first day has a reading, and a member of another form.
async fn site() -> (RedisServer, SitePacker, SiteId) {
    let redis = RedisServer::start().await;
    for second in [1, 86_400] {
        add(&redis, second, &member(second)).await;
    }
    add(&redis, 5, "junk").await;
    let packer = SitePacker::new(shared(&redis));
    (redis, packer, SiteId::new("s").unwrap())
}

#[tokio::test]
async fn a_day_with_members_that_cannot_be_packed_is_visited_once() {
    let (redis, mut packer, site) = site().await;
    assert_eq!(pack_before(&mut packer, &site, 2).await, 1);
    assert_eq!(pack_before(&mut packer, &site, 2).await, 0);
    assert_eq!(redis.run::<Vec<String>>(&["ZRANGE", KEY, "0", "-1"]).await[0], "junk");
}

#[tokio::test]
async fn a_late_reading_beside_members_that_cannot_be_packed_is_packed() {
    let (redis, mut packer, site) = site().await;
    pack_before(&mut packer, &site, 2).await;
    add(&redis, 7, &member(7)).await;
    assert_eq!(pack_before(&mut packer, &site, 2).await, 1);
    assert_eq!(redis.run::<usize>(&["ZCARD", KEY]).await, 2);
}

#[tokio::test]
async fn the_next_day_is_packed_though_members_of_a_day_before_cannot_be() {
    let (redis, mut packer, site) = site().await;
    pack_before(&mut packer, &site, 2).await;
    add(&redis, 172_800, &member(172_800)).await;
    assert_eq!(pack_before(&mut packer, &site, 3).await, 1);
    assert_eq!(redis.run::<usize>(&["ZCARD", KEY]).await, 2);
}

#[tokio::test]
async fn a_day_with_too_many_bytes_stays_hot_and_the_next_is_packed() {
    let (redis, mut packer, site) = site().await;
    let large = "x".repeat(1 << 20);
    for n in 0..MAX_BYTES >> 20 {
        add(&redis, 6, &format!("{n} {large}")).await;
    }
    add(&redis, 172_800, &member(172_800)).await;
    assert_eq!(pack_before(&mut packer, &site, 3).await, 2);
    let headers = PackedDays::new(shared(&redis)).of_site(&site).await.unwrap().headers;
    assert_eq!(headers.keys().map(|day| day.number()).collect::<Vec<_>>(), [1]);
    assert_eq!(redis.run::<usize>(&["ZCARD", KEY]).await, 2 + (MAX_BYTES >> 20) + 1);
}
