//! A day whose packing has not ended is completed by the next packer, though no member of it is left in the sorted set, in
//! a real Redis.
#![cfg(test)]

mod support;

use std::time::Duration;

use readings::SiteId;
use readings::energy::rollup::Day;
use readings::store::packed::{Changed, DayChange, DayHeader, PackedDays, PackedValue};
use readings::store::packing::SitePacker;

use self::support::packer::pack_before;
use self::support::redis::RedisServer;
use self::support::{shared, tiers};

const KEY: &str = "site:s:readings";

fn member(day: i32, second: i32) -> (f64, Vec<u8>) {
    let text = format!(
        r#"{{"stream_id": "{second}-0", "site_id": "s", "device_id": "d", "power_reading": 1.5, "timestamp": "1970-01-{:02}T00:00:{second:02}Z", "ingested_at": "1970-01-02T00:00:00.000000"}}"#,
        day + 1
    );
    (f64::from(day * 86_400 + second), text.into_bytes())
}

/// The first day as a packer leaves it that was killed after its write, without the hot members.
async fn interrupted(redis: &RedisServer) -> (PackedDays, SiteId, DayHeader) {
    let (days, site) = (PackedDays::new(shared(redis)), SiteId::new("s").unwrap());
    let members = [member(0, 1), member(0, 2)];
    let packed = tiers::packed(&site, Day::from_number(0), &members);
    let header = DayHeader { is_complete: false, ..tiers::header(&packed, None) };
    let change = DayChange {
        day: Day::from_number(0),
        expected: None,
        // Without the summary that the change of another process stores.
        lease: Some("killed"),
        header: &header,
        value: PackedValue::Set(packed.to_block(0).unwrap()),
        added: &[],
        removed: &[],
    };
    assert!(days.acquire(&site, "killed", Duration::from_secs(30)).await.unwrap());
    assert_eq!(days.change(&site, &change).await.unwrap(), Changed::Yes);
    let key = format!("site:{{{KEY}}}:days").into_bytes();
    let _: u64 = redis.run(&[b"HDEL".to_vec(), key, b"lease".to_vec()]).await;
    (days, site, header)
}

async fn add(redis: &RedisServer, (score, member): (f64, Vec<u8>)) {
    let score = score.to_string().into_bytes();
    let _: u64 = redis.run(&[b"ZADD".to_vec(), KEY.as_bytes().to_vec(), score, member]).await;
}

#[tokio::test]
async fn a_day_without_hot_members_is_completed_once() {
    for has_last_day in [false, true] {
        let redis = RedisServer::start().await;
        let (days, site, header) = interrupted(&redis).await;
        if has_last_day {
            add(&redis, member(1, 0)).await;
        }
        let mut packer = SitePacker::new(shared(&redis));
        assert_eq!(pack_before(&mut packer, &site, 2).await, 1, "last day: {has_last_day}");
        let found = days.header(&site, Day::from_number(0)).await.unwrap();
        assert_eq!(found, Some(DayHeader { is_complete: true, ..header }));
        let members = days.members(&site, &[Day::from_number(0)]).await.unwrap().remove(0);
        assert_eq!(members.unwrap().1.len(), 2);
        assert_eq!(pack_before(&mut packer, &site, 2).await, 0, "last day: {has_last_day}");
    }
}

#[tokio::test]
async fn a_day_whose_hot_members_can_not_be_packed_is_completed() {
    let redis = RedisServer::start().await;
    let (days, site, _) = interrupted(&redis).await;
    add(&redis, (5.0, b"junk".to_vec())).await;
    add(&redis, member(1, 0)).await;
    let mut packer = SitePacker::new(shared(&redis));
    assert_eq!(pack_before(&mut packer, &site, 2).await, 1);
    assert!(days.header(&site, Day::from_number(0)).await.unwrap().unwrap().is_complete);
}
