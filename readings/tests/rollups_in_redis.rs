//! Questions about energy give the same from rollups as from members, in a real Redis: cold, warm, while
//! readings arrive, and after removals.
#![cfg(test)]

mod support;

use std::time::Duration;

use ::redis::{Value, cmd};
use readings::Instant;
use readings::energy::calendar::{Interval, Zone};
use readings::energy::integration::MaxGap;
use readings::energy::rollup::{Day, decode};
use readings::store::codec::member;
use readings::store::rollups::{Question, RollupStore};
use readings::store::series::SeriesStore;

use self::support::house::{
    FIRST_DAY, at, entry, question, questions, site, some_days, store, text,
};
use self::support::redis::{RedisServer, free_port};
use self::support::{shared, wait};

/// Asks each question from rollups and from members; gives the first answer, as text.
async fn assert_same_as_members(store: &RollupStore) -> String {
    let mut first = String::new();
    for question in questions() {
        let found = text(&store.aggregate(&site(), &question).await.unwrap());
        let expected = text(&store.from_members(&site(), &question).await.unwrap());
        assert_eq!(found, expected);
        first = if first.is_empty() { found } else { first };
    }
    first
}

async fn stored_days(redis: &RedisServer) -> Vec<String> {
    let mut fields: Vec<String> = redis.run(&["HKEYS", "site:house-01:rollups"]).await;
    fields.retain(|field| field != "generation");
    fields.sort();
    fields
}

fn day(text: &str) -> String {
    Day::of(at(text)).number().to_string()
}

#[tokio::test]
async fn a_question_gives_the_same_cold_and_warm_as_from_members() {
    let redis = RedisServer::start().await;
    store(&redis, &some_days(5)).await;
    let rollups = RollupStore::new(shared(&redis));
    let cold = assert_same_as_members(&rollups).await;
    assert_eq!(stored_days(&redis).await.len(), 5);
    let warm = assert_same_as_members(&rollups).await;
    assert_eq!(cold, warm);
}

#[tokio::test]
async fn a_warm_question_is_answered_without_members() {
    let redis = RedisServer::start().await;
    store(&redis, &some_days(5)).await;
    let rollups = RollupStore::new(shared(&redis));
    let question = &questions()[0];
    let cold = text(&rollups.aggregate(&site(), question).await.unwrap());
    let _: () = redis.run(&["CONFIG", "RESETSTAT"]).await;
    assert_eq!(text(&rollups.aggregate(&site(), question).await.unwrap()), cold);
    let stats: String = redis.run(&["INFO", "commandstats"]).await;
    // The only ranges are those that give the first and the last member.
    assert!(stats.contains("cmdstat_hmget:calls=2,"), "{stats}");
    assert!(stats.contains("cmdstat_zrange:calls=2,"), "{stats}");
    assert!(!stats.contains("cmdstat_hset"), "{stats}");
}

#[tokio::test]
async fn late_repeated_and_foreign_readings_are_seen_at_once() {
    let redis = RedisServer::start().await;
    store(&redis, &some_days(5)).await;
    let rollups = RollupStore::new(shared(&redis));
    let before = assert_same_as_members(&rollups).await;
    store(&redis, &[entry(900_001, "main-meter", "2024-01-12T10:05:00Z", 99_999.0)]).await;
    let late = assert_same_as_members(&rollups).await;
    assert_ne!(before, late);
    store(&redis, &[entry(900_002, "main-meter", "2024-01-12T10:05:00Z", 88_888.0)]).await;
    let repeated = assert_same_as_members(&rollups).await;
    assert_ne!(late, repeated);
    // Members that are no readings are counted and left out.
    let score = at("2024-01-12T11:00:00Z").epoch_seconds().to_string();
    let _: u64 = redis.run(&["ZADD", "site:house-01:readings", &score, "foreign"]).await;
    assert_eq!(assert_same_as_members(&rollups).await, repeated);
    let _: () = redis.run(&["CONFIG", "RESETSTAT"]).await;
    assert_eq!(text(&rollups.aggregate(&site(), &questions()[0]).await.unwrap()), repeated);
    let stats: String = redis.run(&["INFO", "commandstats"]).await;
    assert!(!stats.contains("cmdstat_hset"), "the rollup is valid: {stats}");
}

/// A server, and a node of a Redis Cluster that owns all slots: readings and rollups are in two of them.
async fn servers() -> [RedisServer; 2] {
    let bus = free_port().to_string();
    let node = RedisServer::start_with(&["--cluster-enabled", "yes", "--cluster-port", &bus]).await;
    let _: () = node.run(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]).await;
    wait::until("the node has its slots", async || {
        node.try_run::<u64>(&["DEL", "any"]).await.is_ok()
    })
    .await;
    [RedisServer::start().await, node]
}

#[tokio::test]
async fn a_removal_that_an_addition_follows_leaves_no_stale_rollup() {
    for redis in servers().await {
        removal_leaves_no_stale_rollup(redis).await;
    }
}

async fn removal_leaves_no_stale_rollup(redis: RedisServer) {
    let entries = some_days(5);
    store(&redis, &entries).await;
    let connection = shared(&redis);
    let (rollups, series) = (RollupStore::new(connection.clone()), SeriesStore::new(connection));
    let before = assert_same_as_members(&rollups).await;
    let removed =
        entries.iter().find(|entry| entry.reading.timestamp.as_str() > "2024-01-12T10").unwrap();
    series.remove(&site(), std::slice::from_ref(removed)).await.unwrap();
    let timestamp = removed.reading.timestamp.as_str();
    store(&redis, &[entry(900_003, "main-meter", timestamp, 77_777.0)]).await;
    assert!(!stored_days(&redis).await.contains(&day(timestamp)));
    assert_ne!(assert_same_as_members(&rollups).await, before);
}

#[tokio::test]
async fn rollups_of_what_a_replica_has_are_stored_on_the_primary_alone() {
    let (replica, primary) = (RedisServer::start().await, RedisServer::start().await);
    for server in [&replica, &primary] {
        store(server, &some_days(5)).await;
    }
    let rollups = RollupStore::reading_from(SeriesStore::new(shared(&replica)), shared(&primary));
    assert_same_as_members(&rollups).await;
    assert_eq!(stored_days(&primary).await.len(), 5);
    assert_eq!(stored_days(&replica).await, [""; 0]);
}

/// The replica is an earlier state of the primary.
#[tokio::test]
async fn a_rollup_of_a_replica_that_lacks_a_removal_is_not_stored() {
    let (replica, primary) = (RedisServer::start().await, RedisServer::start().await);
    let entries = some_days(5);
    for server in [&replica, &primary] {
        store(server, &entries).await;
    }
    let removed = &entries[10];
    let series = SeriesStore::new(shared(&primary));
    series.remove(&site(), std::slice::from_ref(removed)).await.unwrap();
    let timestamp = removed.reading.timestamp.as_str();
    store(&primary, &[entry(900_003, "main-meter", timestamp, 77_777.0)]).await;
    let rollups = RollupStore::reading_from(SeriesStore::new(shared(&replica)), shared(&primary));
    assert_same_as_members(&rollups).await;
    assert_eq!(stored_days(&primary).await, [""; 0]);
}

#[tokio::test]
async fn an_expiry_leaves_no_rollup_of_its_days() {
    for redis in servers().await {
        expiry_leaves_no_rollup(redis).await;
    }
}

async fn expiry_leaves_no_rollup(redis: RedisServer) {
    store(&redis, &some_days(5)).await;
    let connection = shared(&redis);
    let (rollups, series) = (RollupStore::new(connection.clone()), SeriesStore::new(connection));
    assert_same_as_members(&rollups).await;
    let begun = generation(&redis).await;
    let removed = series.expire_before(&site(), at("2024-01-12T06:00:00Z")).await.unwrap();
    assert!(removed > 0);
    assert_eq!(stored_days(&redis).await, [day("2024-01-13"), day("2024-01-14")]);
    // As many as were removed from the last day, and of the same day.
    let late: Vec<_> = (0..50)
        .map(|n| entry(900_100 + n, "main-meter", &format!("2024-01-12T07:{n:02}:30Z"), 5.0))
        .collect();
    store(&redis, &late).await;
    assert_same_as_members(&rollups).await;
    assert_eq!(generation(&redis).await, begun + 1);
    assert_eq!(series.expire_before(&site(), at("2024-01-12T06:00:00Z")).await.unwrap(), 0);
    assert_eq!(generation(&redis).await, begun + 1, "nothing was removed");
}

async fn generation(redis: &RedisServer) -> u64 {
    redis.run(&["HGET", "site:house-01:rollups", "generation"]).await
}

/// Also where the same connection goes on, and the counts are as before.
#[tokio::test]
async fn rollups_of_readings_that_were_deleted_as_a_whole_are_not_taken_for_those_of_others() {
    let redis = RedisServer::start().await;
    let rollups = RollupStore::new(shared(&redis));
    let mut found = Vec::new();
    for watts in [1.0, 2.0, 3.0] {
        let timestamp = |n: usize| format!("2024-01-11T12:{n:02}:30Z");
        let entry = |n: usize| entry(n as u64, "main-meter", &timestamp(n), watts);
        store(&redis, &(0..60).map(entry).collect::<Vec<_>>()).await;
        // The third time from what this process has kept.
        for _ in 0..3 {
            found.push(assert_same_as_members(&rollups).await);
        }
        let _: () = redis.run(&["FLUSHALL"]).await;
    }
    found.dedup();
    assert_eq!(found.len(), 3);
}

#[tokio::test]
async fn a_question_that_is_asked_again_reads_no_rollups() {
    let redis = RedisServer::start().await;
    store(&redis, &some_days(5)).await;
    let rollups = RollupStore::new(shared(&redis));
    for _ in 0..2 {
        assert_same_as_members(&rollups).await;
    }
    let bytes = async || -> u64 {
        let stats: String = redis.run(&["INFO", "stats"]).await;
        let line = stats.lines().find_map(|line| line.strip_prefix("total_net_output_bytes:"));
        line.unwrap().parse().unwrap()
    };
    let fresh = RollupStore::new(shared(&redis));
    let mut sent = Vec::new();
    for store in [&fresh, &rollups] {
        let before = bytes().await;
        store.aggregate(&site(), &questions()[0]).await.unwrap();
        sent.push(bytes().await - before);
    }
    let [stored, cached] = sent[..] else { panic!("{sent:?}") };
    assert!(cached + 1_000 < stored, "{sent:?}");
}

#[tokio::test]
async fn a_growing_day_is_computed_again_from_its_last_quarter_on() {
    let redis = RedisServer::start().await;
    store(&redis, &some_days(3)).await;
    let rollups = RollupStore::new(shared(&redis));
    let reading =
        |n: u64, time: &str| entry(600_000 + n, "main-meter", &format!("2024-01-13T{time}Z"), 1.5);
    let mut all = (0..300).map(|n| reading(n, &format!("{:02}:{:02}:{:02}", n / 60, n % 60, 5)));
    let question = question("2024-01-10T00:00:00Z", "2024-01-14T00:00:00Z", "1d", "UTC");
    let bytes = async || -> u64 {
        let stats: String = redis.run(&["INFO", "stats"]).await;
        let line = stats.lines().find_map(|line| line.strip_prefix("total_net_output_bytes:"));
        line.unwrap().parse().unwrap()
    };
    store(&redis, &all.by_ref().take(250).collect::<Vec<_>>()).await;
    for _ in 0..2 {
        rollups.aggregate(&site(), &question).await.unwrap();
    }
    for late in [None, Some(reading(999, "01:00:30")), None, Some(reading(998, "04:10:05"))] {
        let added: Vec<_> = all.by_ref().take(7).chain(late.clone()).collect();
        store(&redis, &added).await;
        let before = bytes().await;
        rollups.aggregate(&site(), &question).await.unwrap();
        let sent = bytes().await - before;
        // A late reading of an earlier quarter, or a repeat, has the whole day read.
        assert_eq!(sent < 20_000, late.is_none(), "{sent} with {late:?}");
        assert_same_as_members(&rollups).await;
    }
}

#[tokio::test]
async fn a_question_about_some_devices_stores_the_rollups_of_all() {
    let redis = RedisServer::start().await;
    store(&redis, &some_days(3)).await;
    let rollups = RollupStore::new(shared(&redis));
    let one = Question { devices: ["pv-inverter".to_owned()].into(), ..questions()[0].clone() };
    let found = rollups.aggregate(&site(), &one).await.unwrap();
    assert_eq!(found.devices.keys().map(|id| &**id).collect::<Vec<_>>(), ["pv-inverter"]);
    assert_eq!(text(&rollups.aggregate(&site(), &one).await.unwrap()), text(&found));
    assert_eq!(text(&rollups.from_members(&site(), &one).await.unwrap()), text(&found));
    assert_same_as_members(&rollups).await;
}

/// The race: members are read, one of them is removed and another one added, and then the rollup of the members
/// of before would be stored.
#[tokio::test]
async fn a_rollup_of_members_of_before_a_removal_is_not_stored() {
    let redis = RedisServer::start().await;
    let mut entries = some_days(1);
    // More than one page, so that the removal comes between the first page and the storing.
    let start = at("2024-01-11T00:00:00Z").epoch_micros();
    entries.extend((0..40_000_i64).map(|n| {
        let timestamp =
            Zone::UTC.timestamp(Instant::from_epoch_micros(start + n * 2_000_000)).unwrap();
        entry(u64::try_from(n).unwrap(), "fast", &timestamp, 1_000.0)
    }));
    store(&redis, &entries).await;
    let connection = shared(&redis);
    let (rollups, series) = (RollupStore::new(connection.clone()), SeriesStore::new(connection));
    let replaced = entries[200].clone();
    let mut stale = 0;
    for attempt in 0..12_u64 {
        let _: u64 = redis.run(&["DEL", "site:house-01:rollups"]).await;
        let question = question("2024-01-10T00:00:00Z", "2024-01-12T00:00:00Z", "1d", "UTC");
        let site = site();
        let asking = rollups.aggregate(&site, &question);
        let replacing = async {
            tokio::time::sleep(Duration::from_millis(attempt * 8)).await;
            series.remove(&site, std::slice::from_ref(&replaced)).await.unwrap();
            let instead =
                entry(800_000 + attempt, "fast", replaced.reading.timestamp.as_str(), 9_000.0);
            store(&redis, &[instead]).await;
        };
        let (asked, ()) = tokio::join!(asking, replacing);
        asked.unwrap();
        let found = text(&rollups.aggregate(&site, &question).await.unwrap());
        let expected = text(&rollups.from_members(&site, &question).await.unwrap());
        stale += u32::from(found != expected);
        // Back to what it was.
        let mut connection = redis.connect().await;
        let instead =
            entry(800_000 + attempt, "fast", replaced.reading.timestamp.as_str(), 9_000.0);
        let _: u64 = cmd("ZREM")
            .arg("site:house-01:readings")
            .arg(member(&instead))
            .query_async(&mut connection)
            .await
            .unwrap();
        store(&redis, std::slice::from_ref(&replaced)).await;
    }
    assert_eq!(stale, 0);
}

#[tokio::test]
async fn damaged_and_foreign_fields_are_computed_again() {
    let redis = RedisServer::start().await;
    store(&redis, &some_days(5)).await;
    let rollups = RollupStore::new(shared(&redis));
    let expected = assert_same_as_members(&rollups).await;
    let key = "site:house-01:rollups";
    let other: Vec<u8> = redis.run(&["HGET", key, &day("2024-01-13")]).await;
    let mut connection = redis.connect().await;
    let _: u64 = cmd("HSET")
        .arg(key)
        .arg(day("2024-01-10"))
        .arg("foreign")
        .arg(day("2024-01-11"))
        .arg(&other)
        .arg(day("2024-01-12"))
        .arg(&other[..other.len() / 2])
        .arg("no day")
        .arg("1")
        .query_async(&mut connection)
        .await
        .unwrap();
    // This process has kept the others, and does not read them.
    let rollups = RollupStore::new(shared(&redis));
    assert_eq!(assert_same_as_members(&rollups).await, expected);
    for text in ["2024-01-10", "2024-01-11", "2024-01-12"] {
        let bytes: Vec<u8> = redis.run(&["HGET", key, &day(text)]).await;
        assert!(decode(&bytes, Day::of(at(text))).is_ok(), "{text}");
    }
    let _: u64 = redis.run(&["DEL", key]).await;
    let _: () = redis.run(&["SET", key, "no hash"]).await;
    assert!(rollups.aggregate(&site(), &questions()[0]).await.is_err(), "a key of another type");
}

#[tokio::test]
async fn a_full_redis_answers_questions_all_the_same() {
    let redis = RedisServer::start().await;
    store(&redis, &some_days(5)).await;
    let rollups = RollupStore::new(shared(&redis));
    let first = Some(Day::of(at(FIRST_DAY)));
    let expected = assert_same_as_members(&rollups).await;
    let _: u64 = redis.run(&["DEL", "site:house-01:rollups"]).await;
    let _: () = redis.run(&["CONFIG", "SET", "maxmemory", "1"]).await;
    assert_eq!(assert_same_as_members(&rollups).await, expected);
    assert!(rollups.build(&site(), first).await.is_err(), "nothing was stored");
    let _: () = redis.run(&["CONFIG", "SET", "maxmemory", "0"]).await;
    assert_eq!(rollups.build(&site(), first).await.unwrap().computed, 5);
}

#[tokio::test]
async fn a_question_while_readings_arrive_is_one_of_the_answers_of_their_order() {
    let redis = RedisServer::start().await;
    store(&redis, &some_days(3)).await;
    let rollups = RollupStore::new(shared(&redis));
    let question = question("2024-01-10T00:00:00Z", "2024-01-13T00:00:00Z", "1d", "UTC");
    let writing = async {
        for n in 0..60 {
            store(
                &redis,
                &[entry(700_000 + n, "main-meter", &format!("2024-01-11T12:{n:02}:30Z"), 1.0)],
            )
            .await;
        }
    };
    let counts = async {
        let mut counts = Vec::new();
        for _ in 0..60 {
            let found = rollups.aggregate(&site(), &question).await.unwrap();
            counts.push(found.devices["main-meter"][1].count);
        }
        counts
    };
    let ((), counts) = tokio::join!(writing, counts);
    assert!(counts.is_sorted(), "{counts:?}");
    assert_same_as_members(&rollups).await;
}

#[tokio::test]
async fn building_ahead_stores_all_days_and_jumps_over_empty_years() {
    let redis = RedisServer::start().await;
    let mut entries = some_days(200);
    entries.push(entry(1, "main-meter", "0001-01-01T00:00:00Z", 1.0));
    entries.push(entry(2, "main-meter", "9999-12-31T23:59:59Z", 1.0));
    store(&redis, &entries).await;
    let rollups = RollupStore::new(shared(&redis));
    let (mut days, mut computed, mut steps, mut from) = (0, 0, 0, None);
    loop {
        let built = rollups.build(&site(), from).await.unwrap();
        (days, computed, steps) = (days + built.days, computed + built.computed, steps + 1);
        from = built.next;
        if from.is_none() {
            break;
        }
    }
    assert_eq!((days, computed), (202, 202));
    assert!(steps <= 6, "{steps}");
    assert_eq!(stored_days(&redis).await.len(), 202);
    assert_eq!(rollups.build(&site(), None).await.unwrap().computed, 0);
    assert_same_as_members(&rollups).await;
}

#[tokio::test]
async fn a_max_gap_below_a_quarter_and_five_minutes_come_from_members() {
    let redis = RedisServer::start().await;
    store(&redis, &some_days(1)).await;
    let rollups = RollupStore::new(shared(&redis));
    let mut asked = question("2024-01-10T00:00:00Z", "2024-01-11T00:00:00Z", "1h", "UTC");
    asked.aggregation.rules.max_gap = MaxGap::from_seconds(600).unwrap();
    rollups.aggregate(&site(), &asked).await.unwrap();
    rollups.aggregate(&site(), &questions()[3]).await.unwrap();
    let keys: Vec<Value> = redis.run(&["KEYS", "site:*:rollups"]).await;
    assert!(keys.is_empty());
    let interval: Interval = "1d".parse().unwrap();
    assert_eq!(interval, Interval::DAY);
}
