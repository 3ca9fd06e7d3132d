//! Packed days of sites, and the commands about them.

use std::collections::BTreeMap;

use readings::SiteId;
use readings::store::keys;
use readings::store::packed::{DayHeader, PackedMembers};

use super::process::Ended;
use super::product::launch;
use super::redis::RedisServer;
use super::stored::{self, Member};

/// Seconds between the readings of [`fill`]: 24 a day.
pub const INTERVAL: usize = 3_600;

/// Stores readings of these days (UTC, since 1970) of a site: 24 a day, the first at midnight.
pub async fn fill(redis: &RedisServer, site: &str, days: std::ops::Range<usize>) {
    let seconds = (days.start * 86_400..days.end * 86_400).step_by(INTERVAL);
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    let members = seconds.map(|second| (second as f64, stored::member(site, second)));
    stored::insert_members(redis, site, members).await;
    index(redis, site).await;
}

/// Adds a site to the index.
pub async fn index(redis: &RedisServer, site: &str) {
    redis.run::<()>(&["ZADD", "energy_readings:sites", "0", site]).await;
}

/// Runs the program with these arguments on a server.
pub async fn command(redis: &RedisServer, arguments: &[&str]) -> Ended {
    launch(arguments).env("REDIS_HOST", "127.0.0.1").env("REDIS_PORT", redis.port()).run().await
}

/// Packs, which must succeed; gives what it prints last.
pub async fn pack(redis: &RedisServer, arguments: &[&str]) -> String {
    succeed(redis, "pack", arguments).await
}

/// Unpacks, which must succeed; gives what it prints last.
pub async fn unpack(redis: &RedisServer, arguments: &[&str]) -> String {
    succeed(redis, "unpack", arguments).await
}

/// As [`unpack`], with archived days.
pub async fn unpack_with(redis: &RedisServer, archive_url: &str, arguments: &[&str]) {
    let launch = launch(&[&["unpack"], arguments].concat()).env("ARCHIVE_URL", archive_url);
    let launch = launch.env("REDIS_HOST", "127.0.0.1").env("REDIS_PORT", redis.port());
    let ended = launch.run().await;
    assert!(ended.status.success(), "{ended:?}");
}

async fn succeed(redis: &RedisServer, name: &str, arguments: &[&str]) -> String {
    let ended = command(redis, &[&[name], arguments].concat()).await;
    assert!(ended.status.success(), "{ended:?}");
    ended.stderr.lines().last().unwrap_or_default().to_owned()
}

/// The values and the headers of a site's days, at one moment.
async fn read(
    redis: &RedisServer,
    site: &str,
) -> (BTreeMap<i32, Vec<u8>>, BTreeMap<i32, DayHeader>) {
    type Fields = Vec<(String, Vec<u8>)>;
    const BOTH: &str = "return {redis.call('HGETALL', KEYS[1]), redis.call('HGETALL', KEYS[2])}";
    let [packed, days] = [keys::packed, keys::days].map(|key| key(&SiteId::new(site).unwrap()));
    let (values, headers): (Fields, Fields) = redis.run(&["EVAL", BOTH, "2", &packed, &days]).await;
    let values = values.into_iter().map(|(day, value)| (day.parse().unwrap(), value));
    let header = |(field, value): (String, Vec<u8>)| {
        Some((field.parse().ok()?, DayHeader::from_bytes(&value).expect("a header")))
    };
    (values.collect(), headers.into_iter().filter_map(header).collect())
}

/// The headers of a site's days.
pub async fn headers(redis: &RedisServer, site: &str) -> BTreeMap<i32, DayHeader> {
    read(redis, site).await.1
}

/// The packed members of a site, by their days, each of which is as its header says.
pub async fn members(redis: &RedisServer, site: &str) -> BTreeMap<i32, Vec<String>> {
    let (values, headers) = read(redis, site).await;
    let members = |(day, value): (i32, Vec<u8>)| {
        let (revision, members) = PackedMembers::from_block(&value).unwrap();
        let header = &headers[&day];
        assert_eq!(revision, header.revision, "of day {day}");
        assert_eq!(members.contents(), header.packed, "of day {day}");
        let texts = members.iter().map(|member| String::from_utf8(member.to_vec()).unwrap());
        (day, texts.collect())
    };
    values.into_iter().map(members).collect()
}

/// Puts a value of these members in the place of a packed day's, as what has damaged it, and leaves its header as it is.
pub async fn set_value(redis: &RedisServer, site: &str, day: i32, members: &[String]) {
    let revision = headers(redis, site).await[&day].revision;
    let members = PackedMembers::from_sorted(members.iter().map(String::as_bytes));
    let key = keys::packed(&SiteId::new(site).unwrap()).into_bytes();
    let value = members.to_block(revision).unwrap();
    redis.run::<()>(&[b"HSET".to_vec(), key, day.to_string().into_bytes(), value]).await;
}

/// Puts this header in the place of a day's.
pub async fn set_header(redis: &RedisServer, site: &str, day: i32, header: &DayHeader) {
    let key = keys::days(&SiteId::new(site).unwrap()).into_bytes();
    let field = day.to_string().into_bytes();
    redis.run::<()>(&[b"HSET".to_vec(), key, field, header.to_bytes()]).await;
}

/// All members of a site in Redis, of both tiers, in the order of their bytes, with those that both have once.
pub async fn union(redis: &RedisServer, site: &str) -> Vec<String> {
    let hot = stored::members(redis, site).await.into_iter().map(|Member { text, .. }| text);
    let packed = members(redis, site).await.into_values().flatten();
    let mut all: Vec<_> = hot.chain(packed).collect();
    all.sort_unstable();
    all.dedup();
    all
}
