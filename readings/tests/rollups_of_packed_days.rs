//! Questions about energy give the same whichever tiers the days of a site are in, and while they move.
#![cfg(test)]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use readings::energy::rollup::Day;
use readings::store::codec::StreamEntry;
use readings::store::rollups::RollupStore;
use readings::store::series::SeriesStore;

use self::support::day_mover::{DayMover, MemoryArchive, day};
use self::support::house::{entry, question, questions, site, some_days, store, text};
use self::support::redis::RedisServer;
use self::support::shared;

const DATES: [&str; 5] = ["2024-01-10", "2024-01-11", "2024-01-12", "2024-01-13", "2024-01-14"];

/// The answers to all questions, as texts.
async fn answers(store: &RollupStore) -> Vec<String> {
    let mut answers = Vec::new();
    for question in questions() {
        answers.push(text(&store.aggregate(&site(), &question).await.unwrap()));
    }
    answers
}

/// The answers from the members of a server where nothing is packed.
async fn expected(readings: &[StreamEntry]) -> Vec<String> {
    let redis = RedisServer::start().await;
    store(&redis, readings).await;
    let store = RollupStore::new(shared(&redis));
    let mut answers = Vec::new();
    for question in questions() {
        answers.push(text(&store.from_members(&site(), &question).await.unwrap()));
    }
    answers
}

/// How often a command was called since its statistics were reset.
async fn calls(redis: &RedisServer, command: &str) -> u64 {
    let stats: String = redis.run(&["INFO", "commandstats"]).await;
    let begin = format!("cmdstat_{command}:calls=");
    let line = stats.lines().find_map(|line| line.strip_prefix(&begin));
    line.map_or(0, |line| line.split(',').next().unwrap().parse().unwrap())
}

fn archived_in(archive: &Arc<MemoryArchive>, redis: &RedisServer) -> RollupStore {
    let connection = shared(redis);
    let series = SeriesStore::new(connection.clone()).with_archive(Some(archive.clone()));
    RollupStore::reading_from(series, connection)
}

#[tokio::test]
async fn the_rollup_of_a_day_stays_valid_when_the_day_is_packed_and_archived() {
    let redis = RedisServer::start().await;
    store(&redis, &some_days(5)).await;
    let expected = answers(&RollupStore::new(shared(&redis))).await;
    let (mover, archive) = (DayMover::of(&redis, "house-01"), Arc::new(MemoryArchive::default()));
    archive.is_away.store(true, Ordering::Relaxed);
    for (place, date) in DATES[..4].iter().enumerate() {
        mover.pack(day(date)).await;
        if place < 2 {
            mover.archive(day(date), &archive).await;
        }
    }
    for store in [RollupStore::new(shared(&redis)), archived_in(&archive, &redis)] {
        redis.run::<()>(&["CONFIG", "RESETSTAT"]).await;
        // Ranges of days and hours that begin and end with quarters need no member.
        for (place, question) in
            questions().into_iter().enumerate().filter(|(n, _)| [0, 1].contains(n))
        {
            let found = text(&store.aggregate(&site(), &question).await.unwrap());
            assert!(found == expected[place], "question {place}");
        }
        assert_eq!(calls(&redis, "hset").await, 0, "no rollup was computed");
    }
    assert_eq!(archive.calls.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_missing_rollup_of_an_archived_day_is_computed_and_is_an_error_while_the_archive_is_away()
{
    let redis = RedisServer::start().await;
    let readings = some_days(5);
    store(&redis, &readings).await;
    let expected = expected(&readings).await;
    let (mover, archive) = (DayMover::of(&redis, "house-01"), Arc::new(MemoryArchive::default()));
    for date in &DATES[..4] {
        mover.pack(day(date)).await;
        mover.archive(day(date), &archive).await;
    }
    let store = archived_in(&archive, &redis);
    archive.is_away.store(true, Ordering::Relaxed);
    let error = store.aggregate(&site(), &questions()[0]).await.unwrap_err();
    assert!(error.to_string().contains("it is away"), "{error}");
    archive.is_away.store(false, Ordering::Relaxed);
    assert!(answers(&store).await == expected);
    archive.is_away.store(true, Ordering::Relaxed);
    let found = text(&store.aggregate(&site(), &questions()[0]).await.unwrap());
    assert!(found == expected[0]);
}

#[tokio::test]
async fn a_day_whose_members_are_being_moved_has_no_rollup() {
    let redis = RedisServer::start().await;
    let readings = some_days(3);
    store(&redis, &readings).await;
    let expected = expected(&readings).await;
    let rollups = RollupStore::new(shared(&redis));
    assert!(answers(&rollups).await == expected);
    let mover = DayMover::of(&redis, "house-01");
    let packed = mover.begin(day(DATES[1])).await;
    redis.run::<()>(&["DEL", "site:house-01:rollups"]).await;
    for _ in 0..2 {
        assert!(answers(&rollups).await == expected);
        assert!(answers(&RollupStore::new(shared(&redis))).await == expected);
    }
    let number = day(DATES[1]).number().to_string();
    assert!(!redis.run::<bool>(&["HEXISTS", "site:house-01:rollups", &number]).await);
    mover.complete(day(DATES[1]), &packed).await;
    assert!(answers(&rollups).await == expected);
    assert!(redis.run::<bool>(&["HEXISTS", "site:house-01:rollups", &number]).await);
}

#[tokio::test]
async fn sealed_years_are_not_counted_day_by_day() {
    let redis = RedisServer::start().await;
    store(&redis, &some_days(5)).await;
    let rollups = RollupStore::new(shared(&redis));
    let question = question("2024-01-01T00:00:00Z", "2024-02-01T00:00:00Z", "1d", "UTC");
    let before = text(&rollups.aggregate(&site(), &question).await.unwrap());
    DayMover::of(&redis, "house-01").pack_before(day(DATES[4])).await;
    redis.run::<()>(&["CONFIG", "RESETSTAT"]).await;
    assert!(text(&rollups.aggregate(&site(), &question).await.unwrap()) == before);
    assert_eq!(calls(&redis, "zcount").await, 1);
}

/// Steps that a site with packed days goes through, in an order that a seed decides on.
struct Steps {
    state: u64,
    number: u64,
}

impl Steps {
    /// A number below a bound (Knuth's constants of a linear congruential generator).
    fn below(&mut self, bound: u64) -> u64 {
        self.state = self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.state >> 33) % bound
    }

    fn day(&mut self) -> Day {
        day(DATES[usize::try_from(self.below(4)).unwrap()])
    }

    fn late_reading(&mut self) -> StreamEntry {
        self.number += 1;
        let (date, minute) = (self.below(4), self.below(1_440));
        let time = format!("{:02}:{:02}:07", minute / 60, minute % 60);
        let timestamp = format!("{}T{time}Z", DATES[usize::try_from(date).unwrap()]);
        entry(700_000 + self.number, "late", &timestamp, 250.0)
    }
}

#[tokio::test]
async fn answers_are_those_of_all_readings_after_each_step_in_any_order() {
    for seed in 1..=3 {
        let (redis, model) = (RedisServer::start().await, RedisServer::start().await);
        let readings = some_days(5);
        for server in [&redis, &model] {
            store(server, &readings).await;
        }
        let (mover, archive) = (DayMover::of(&redis, "house-01"), MemoryArchive::default());
        let archive = Arc::new(archive);
        let (asked, modelled) = (archived_in(&archive, &redis), RollupStore::new(shared(&model)));
        let mut steps = Steps { state: seed, number: 0 };
        for step in 0..40 {
            let (day, action) = (steps.day(), steps.below(6));
            let header = mover.days().await.headers.remove(&day);
            let has_packed = header.as_ref().is_some_and(|header| header.packed.count > 0);
            let is_archived = header.as_ref().is_some_and(|header| header.archived.is_some());
            match action {
                0 | 1 if !is_archived => drop(mover.pack(day).await),
                2 if has_packed && !is_archived => mover.unpack(day).await,
                3 if has_packed && !is_archived => mover.archive(day, &archive).await,
                4 => {
                    let late = steps.late_reading();
                    for server in [&redis, &model] {
                        store(server, std::slice::from_ref(&late)).await;
                    }
                }
                // Delivered again.
                _ => {
                    let again = usize::try_from(steps.below(readings.len() as u64)).unwrap();
                    store(&redis, &readings[again..=again]).await;
                }
            }
            for question in questions() {
                let found = text(&asked.aggregate(&site(), &question).await.unwrap());
                let expected = text(&modelled.from_members(&site(), &question).await.unwrap());
                assert!(found == expected, "seed {seed}, step {step}, action {action} of {day}");
            }
        }
    }
}

#[tokio::test]
async fn questions_while_days_are_packed_and_unpacked_leave_no_false_rollup() {
    let redis = RedisServer::start().await;
    let readings = some_days(5);
    store(&redis, &readings).await;
    let expected = expected(&readings).await;
    let is_done = AtomicBool::new(false);
    let moving = async {
        let mover = DayMover::of(&redis, "house-01");
        for _ in 0..6 {
            for date in &DATES[..4] {
                mover.pack(day(date)).await;
            }
            for date in &DATES[..4] {
                mover.unpack(day(date)).await;
            }
        }
        is_done.store(true, Ordering::Relaxed);
    };
    let asking = async {
        let rollups = RollupStore::new(shared(&redis));
        let mut asked = 0;
        while !is_done.load(Ordering::Relaxed) {
            redis.run::<()>(&["HDEL", "site:house-01:rollups", "19733", "19734"]).await;
            assert!(answers(&rollups).await == expected);
            asked += 1;
        }
        asked
    };
    let ((), asked) = tokio::join!(moving, asking);
    assert!(asked > 3, "{asked}");
    assert!(answers(&RollupStore::new(shared(&redis))).await == expected);
}
