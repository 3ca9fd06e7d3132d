//! Readings are read in the same order, each once, whichever tiers they are in, and while days are packed and unpacked, in
//! a real Redis.
#![cfg(test)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ::redis::{cmd, pipe};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use proptest::prelude::*;
use readings::energy::calendar::Range;
use readings::energy::rollup::Day;
use readings::store::archive::{ArchiveError, DayArchive};
use readings::store::codec::{self, StreamEntry};
use readings::store::packed::{Contents, PackedMembers};
use readings::store::series::{Order, Position, Selection, SeriesStore};
use readings::store::{DeviceSample, RedisServer as Server, SharedConnection, StreamId};
use readings::{DeviceId, Instant, Power, Reading, SiteId, Timestamp};
use tokio::runtime::Runtime;

use self::support::redis::RedisServer;
use self::support::tiers::{self, Member, TestArchive};

const KEY: &str = "site:house-01:readings";

/// 2024-01-10.
const FIRST_DAY: i32 = 19_732;
const DAYS: i32 = 5;

const DAY_MICROS: i64 = 86_400_000_000;

fn site() -> SiteId {
    SiteId::new("house-01").unwrap()
}

fn day(number: i32) -> Day {
    Day::from_number(FIRST_DAY + number)
}

/// One database of the server.
fn database(redis: &RedisServer, number: usize) -> SharedConnection {
    Server::from_url(&format!("redis://127.0.0.1:{}/{number}", redis.port())).unwrap().shared()
}

/// How a member is, and which tiers have it.
#[derive(Debug, Clone)]
struct Stored {
    day: i32,
    /// Of the day: few, so that several readings have one instant.
    place: i64,
    id: u64,
    device: u8,
    form: u8,
    /// Of its tiers: hot, packed, archived; hot if none.
    tiers: u8,
}

impl Stored {
    fn instant(&self) -> Instant {
        let start = day(self.day).start().epoch_micros();
        // The last microsecond of the day is among them.
        Instant::from_epoch_micros(start + (self.place * 1_234_567_891).min(DAY_MICROS - 1))
    }

    fn member(&self) -> Member {
        let instant = self.instant();
        let timestamp = chrono::DateTime::from_timestamp_micros(instant.epoch_micros()).unwrap();
        let timestamp = match self.form % 3 {
            0 => timestamp.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string(),
            1 => timestamp.format("%Y-%m-%d\"%H:%M:%S%.6f+00:00").to_string(),
            _ => {
                timestamp.with_timezone(&chrono::FixedOffset::west_opt(7_200).unwrap()).to_rfc3339()
            }
        };
        let entry = StreamEntry {
            id: StreamId { ms: 99 + self.id / 8, seq: self.id % 8 + 5 },
            reading: Reading {
                site_id: site(),
                device_id: DeviceId::new(
                    ["a", "\"timestamp\": \"", "ü"][usize::from(self.device % 3)],
                )
                .unwrap(),
                power: Power::from_watts(1.5).unwrap(),
                timestamp: Timestamp::parse(timestamp).unwrap(),
            },
            ingested_at: "2024-01-15T10:30:00.000000".to_owned(),
        };
        let (score, member) = (codec::score(&entry), codec::member(&entry));
        match self.form {
            // What other programs may have stored.
            30 => (score, b"junk".to_vec()),
            31 => (score + 0.25, member),
            32 => (score - 86_400.0, member),
            33 => (score, String::from_utf8(member).unwrap().replace("\": ", "\":").into_bytes()),
            _ => (score, member),
        }
    }
}

fn stored() -> impl Strategy<Value = Stored> {
    let tiers = prop_oneof![3 => Just(2_u8), 3 => Just(4_u8), 1 => 0_u8..8];
    (0..DAYS, 0_i64..72, 0_u64..32, any::<u8>(), 0_u8..34, tiers).prop_map(
        |(day, place, id, device, form, tiers)| Stored { day, place, id, device, form, tiers },
    )
}

/// Sites: of which days no member is hot, so that several days are read at once.
fn sites() -> impl Strategy<Value = Vec<Stored>> {
    (proptest::collection::vec(stored(), 0..400), 0_u8..32).prop_map(|(mut stored, moved)| {
        for reading in &mut stored {
            if moved >> reading.day & 1 == 1 {
                reading.tiers = 2 + (reading.tiers & 4);
                reading.form %= 30;
            }
        }
        stored
    })
}

/// A store whose members are all hot, and one with the same members in tiers.
struct Stores {
    hot: SeriesStore,
    tiered: SeriesStore,
}

async fn add(connection: &mut ::redis::aio::MultiplexedConnection, members: &[Member]) {
    if members.is_empty() {
        return;
    }
    let mut pipeline = pipe();
    for (score, member) in members {
        pipeline.add_command(cmd("ZADD").arg(KEY).arg(score).arg(member).clone()).ignore();
    }
    let () = pipeline.query_async(connection).await.unwrap();
}

async fn stores(redis: &RedisServer, stored: &[Stored]) -> Stores {
    let mut connection = redis.connect().await;
    let () = cmd("FLUSHALL").query_async(&mut connection).await.unwrap();
    // Of equal members the last score counts: each member has one.
    let members: BTreeMap<Vec<u8>, (f64, &Stored)> = stored
        .iter()
        .map(|stored| (stored.member(), stored))
        .map(|((score, member), stored)| (member, (score, stored)))
        .collect();
    let all: Vec<Member> =
        members.iter().map(|(member, (score, _))| (*score, member.clone())).collect();
    add(&mut connection, &all).await;
    let (mut hot, mut archive) = (all.clone(), TestArchive::default());
    let days = SeriesStore::new(database(redis, 1));
    for number in 0..DAYS {
        let of_tier = |tier: u8| {
            let members =
                members.iter().filter(move |(_, (_, it))| it.day == number && it.tiers & tier > 0);
            let members: Vec<Member> =
                members.map(|(member, (score, _))| (*score, member.clone())).collect();
            tiers::packed(&site(), day(number), &members)
        };
        let (packed, archived) = (of_tier(2), of_tier(4));
        let is_moved: BTreeSet<&[u8]> = packed.iter().chain(archived.iter()).collect();
        hot.retain(|(_, member)| {
            !is_moved.contains(&member[..]) || members[member].1.tiers & 1 == 1
        });
        let archived_part = Some(&archived).filter(|archived| !archived.is_empty());
        if !packed.is_empty() || archived_part.is_some() {
            tiers::put(days.packed(), &site(), day(number), &packed, archived_part).await;
        }
        archive.0.insert(day(number), archived);
    }
    let () = cmd("SELECT").arg(1).query_async(&mut connection).await.unwrap();
    add(&mut connection, &hot).await;
    let tiered = days.with_archive(Some(Arc::new(archive)));
    Stores { hot: SeriesStore::new(database(redis, 0)), tiered }
}

/// All readings, and the number of invalid members.
async fn all(store: &SeriesStore) -> (Vec<Vec<u8>>, usize) {
    let (mut reader, mut found) = (store.read(&site()), (Vec::new(), 0));
    while let Some(page) = reader.next_page().await.unwrap() {
        found.0.extend(page.members);
        found.0.extend(page.days.iter().flat_map(PackedMembers::iter).map(<[u8]>::to_vec));
        found.1 += page.invalid;
    }
    assert!(reader.has_ended());
    found
}

async fn select(
    store: &SeriesStore,
    selection: &Selection,
    wanted: usize,
) -> (Vec<(Position, Vec<u8>)>, usize) {
    let mut reader = store.select(&site(), selection.clone(), wanted);
    let mut found = (Vec::new(), 0);
    while let Some(page) = reader.next_page().await.unwrap() {
        let readings = page.readings.into_iter();
        found.0.extend(readings.map(|selected| (selected.position, selected.member)));
        found.1 += page.invalid;
    }
    found
}

async fn samples(store: &SeriesStore, range: Range) -> Vec<(String, Instant, f64)> {
    let (mut reader, mut found) = (store.samples(&site(), range), Vec::new());
    while let Some(page) = reader.next_page().await.unwrap() {
        let sample = |DeviceSample { device, sample }: DeviceSample| {
            (device.to_string(), sample.instant, sample.watts)
        };
        found.extend(page.into_iter().map(sample));
    }
    found
}

/// An instant of the days, or just around a boundary of theirs.
fn instants() -> impl Strategy<Value = Instant> {
    let around = (0..=DAYS, -1_i64..=1)
        .prop_map(|(number, offset)| day(number).start().epoch_micros() + offset);
    let within = (0..DAYS, 0..DAY_MICROS)
        .prop_map(|(number, micros)| day(number).start().epoch_micros() + micros);
    prop_oneof![around, within].prop_map(Instant::from_epoch_micros)
}

fn selections() -> impl Strategy<Value = (Selection, usize, Option<prop::sample::Index>)> {
    let range = (proptest::option::of(instants()), proptest::option::of(instants()));
    let devices =
        prop_oneof![2 => Just(BTreeSet::new()), 1 => Just(BTreeSet::from(["ü".to_owned()]))];
    let after = proptest::option::of(any::<prop::sample::Index>());
    (range, devices, any::<bool>(), after, 1_usize..300).prop_map(
        |((start, end), devices, is_ascending, after, wanted)| {
            let order = if is_ascending { Order::Ascending } else { Order::Descending };
            (Selection { start, end, devices, order, after: None }, wanted, after)
        },
    )
}

/// Readers give the same of both stores.
async fn assert_equal(
    stores: &Stores,
    selections: Vec<(Selection, usize, Option<prop::sample::Index>)>,
) {
    assert_eq!(all(&stores.tiered).await, all(&stores.hot).await);
    let every = select(&stores.hot, &Selection::default(), 100).await.0;
    for (mut selection, wanted, after) in selections {
        selection.after = after.filter(|_| !every.is_empty()).map(|after| after.get(&every).0);
        let [found, expected] = [
            select(&stores.tiered, &selection, wanted).await,
            select(&stores.hot, &selection, wanted).await,
        ];
        assert_eq!(found, expected, "{selection:?}");
        if let (Some(start), Some(end)) = (selection.start, selection.end)
            && let Ok(range) = Range::new(start, end)
        {
            let expected = samples(&stores.hot, range).await;
            assert_eq!(samples(&stores.tiered, range).await, expected, "{range:?}");
        }
    }
}

#[test]
fn all_readers_give_the_same_whichever_tiers_have_the_readings() {
    let runtime = Runtime::new().unwrap();
    let redis = runtime.block_on(RedisServer::start());
    let config =
        ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(stored in sites(), selections in proptest::collection::vec(selections(), 8))| {
        runtime.block_on(async {
            let stores = stores(&redis, &stored).await;
            assert_equal(&stores, selections).await;
        });
    });
}

/// Two days with readings each half a minute, and what they are packed to.
fn two_days() -> Vec<(Day, Vec<Member>)> {
    let members = |number| {
        let reading =
            |n: u64| Stored { day: number, place: 0, id: n, device: 0, form: 0, tiers: 1 };
        let at = |n: u64| {
            let (_, member) = reading(n).member();
            let text = String::from_utf8(member).unwrap();
            let (hour, minute, second) = (n / 120, n / 2 % 60, n % 2 * 30);
            let time = format!("T{hour:02}:{minute:02}:{second:02}.000000Z");
            let score = f64::from(day(number).number()) * 86_400.0
                + f64::from(u32::try_from(n).unwrap()) * 30.0;
            (score, text.replace("T00:00:00.000000Z", &time).into_bytes())
        };
        (0..2_880).map(at).collect()
    };
    (0..2).map(|number| (day(number), members(number))).collect()
}

#[tokio::test]
async fn a_day_that_is_packed_behind_a_reader_is_not_read_again() {
    for order in [Order::Ascending, Order::Descending] {
        let redis = RedisServer::start().await;
        let store = SeriesStore::new(database(&redis, 0));
        let days = two_days();
        let mut connection = redis.connect().await;
        for (_, members) in &days {
            add(&mut connection, members).await;
        }
        let selection = Selection { order, ..Selection::default() };
        let mut reader = store.select(&site(), selection, 2_000);
        let mut found = BTreeSet::new();
        for _ in 0..2 {
            let page = reader.next_page().await.unwrap().unwrap();
            found.extend(page.readings.into_iter().map(|selected| selected.member));
        }
        // As the packer leaves them between two of its steps: the members are in both tiers.
        for (day, members) in &days {
            let packed = tiers::packed(&site(), *day, members);
            tiers::put(store.packed(), &site(), *day, &packed, None).await;
        }
        while let Some(page) = reader.next_page().await.unwrap() {
            for selected in page.readings {
                assert!(found.insert(selected.member), "a reading is given twice");
            }
        }
        assert_eq!(found.len(), 5_760);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_reading_is_missed_or_repeated_while_days_are_packed_and_unpacked() {
    let redis = RedisServer::start().await;
    let store = SeriesStore::new(database(&redis, 0));
    let days = two_days();
    let mut connection = redis.connect().await;
    for (_, members) in &days {
        add(&mut connection, members).await;
    }
    let expected = all(&store).await;
    assert_eq!(expected.0.len(), 5_760);
    let is_done = Arc::new(AtomicBool::new(false));
    let packing = tokio::spawn(pack_until(Arc::clone(&is_done), store.clone(), days));
    for run in 0..10 {
        assert!(all(&store).await == expected, "run {run}");
        let selection = Selection { order: Order::Descending, ..Selection::default() };
        let (mut found, _) = select(&store, &selection, 700).await;
        found.reverse();
        let found: Vec<_> = found.into_iter().map(|(_, member)| member).collect();
        assert!(found == expected.0, "run {run}, descending: {} readings", found.len());
    }
    is_done.store(true, Ordering::Relaxed);
    assert!(packing.await.unwrap() > 2, "days were packed only once");
}

/// Packs and unpacks the days one after the other; gives how often.
async fn pack_until(
    is_done: Arc<AtomicBool>,
    store: SeriesStore,
    days: Vec<(Day, Vec<Member>)>,
) -> u32 {
    let mut headers = vec![None; days.len()];
    let mut times = 0;
    while !is_done.load(Ordering::Relaxed) {
        for (header, (day, members)) in headers.iter_mut().zip(&days) {
            let packed = tiers::packed(&site(), *day, members);
            *header =
                Some(tiers::pack(store.packed(), &site(), *day, header.as_ref(), &packed).await);
        }
        for (header, (day, members)) in headers.iter_mut().zip(&days) {
            let before = header.take().unwrap();
            *header = Some(tiers::unpack(store.packed(), &site(), *day, &before, members).await);
        }
        times += 1;
    }
    times
}

#[tokio::test]
async fn archived_days_without_an_archive_are_an_error_that_names_its_setting() {
    let redis = RedisServer::start().await;
    let store = SeriesStore::new(database(&redis, 0));
    let (day, members) = two_days().remove(0);
    let archived = tiers::packed(&site(), day, &members[1..]);
    tiers::put(store.packed(), &site(), day, &tiers::packed(&site(), day, []), Some(&archived))
        .await;
    let error = store.read(&site()).next_page().await.unwrap_err();
    assert_eq!(error.class, readings::store::ErrorClass::Archive);
    assert!(error.to_string().contains("ARCHIVE_URL is not set"), "{error}");
    // An archive that has lost readings, has none, others, or more: they may have been deleted.
    let others = &members[..members.len() - 1];
    for archived in [&members[2..], &[], others, &members] {
        let archived = tiers::packed(&site(), day, archived);
        let archive = TestArchive(BTreeMap::from([(day, archived)]));
        let store = store.clone().with_archive(Some(Arc::new(archive)));
        let error = store.read(&site()).next_page().await.unwrap_err();
        assert_eq!(error.class, readings::store::ErrorClass::Archive, "{error}");
    }
}

/// An archive whose members are not to be read.
#[derive(Debug)]
struct SamplesOnly(TestArchive);

impl DayArchive for SamplesOnly {
    fn members<'a>(
        &'a self,
        _: &'a SiteId,
        days: &'a [(Day, Contents)],
    ) -> BoxFuture<'a, Result<Vec<PackedMembers>, ArchiveError>> {
        let (url, cause) = ("memory:".to_owned(), format!("members of {days:?} are read"));
        async { Err(ArchiveError { operation: "read", url, cause }) }.boxed()
    }

    fn samples<'a>(
        &'a self,
        site: &'a SiteId,
        days: &'a [(Day, Contents)],
    ) -> BoxFuture<'a, Result<Vec<DeviceSample>, ArchiveError>> {
        self.0.samples(site, days)
    }
}

#[tokio::test]
async fn of_days_that_only_the_archive_has_arithmetic_reads_all_samples_and_no_members() {
    let redis = RedisServer::start().await;
    let store = SeriesStore::new(database(&redis, 0));
    let days = two_days();
    let archive = |left_out: usize| {
        let all = days
            .iter()
            .map(|(day, members)| (*day, tiers::packed(&site(), *day, &members[left_out..])));
        store.clone().with_archive(Some(Arc::new(SamplesOnly(TestArchive(all.collect())))))
    };
    let nothing = tiers::packed(&site(), day(0), []);
    for (day, members) in &days {
        let archived = tiers::packed(&site(), *day, members);
        tiers::put(store.packed(), &site(), *day, &nothing, Some(&archived)).await;
    }
    // From an instant within the first day.
    let [start, end] = [day(0).start().epoch_micros() + 600_000_000, day(2).start().epoch_micros()];
    let range = Range::new(Instant::from_epoch_micros(start), Instant::from_epoch_micros(end));
    assert_eq!(samples(&archive(0), range.unwrap()).await.len(), 5_760 - 20);
    // Not fewer than the header says, though the range has all of them.
    let error = archive(1).samples(&site(), range.unwrap()).next_page().await.unwrap_err();
    assert_eq!(error.class, readings::store::ErrorClass::Archive, "{error}");
    assert!(error.to_string().contains("has only 2879"), "{error}");
}

#[tokio::test]
async fn a_late_reading_of_an_archived_day_is_a_sample_beside_those_of_the_archive() {
    let redis = RedisServer::start().await;
    let (archived_day, members) = two_days().remove(0);
    let archived = tiers::packed(&site(), archived_day, &members);
    let archive = TestArchive([(archived_day, archived.clone())].into());
    let tiered = SeriesStore::new(database(&redis, 0)).with_archive(Some(Arc::new(archive)));
    let nothing = tiers::packed(&site(), archived_day, []);
    tiers::put(tiered.packed(), &site(), archived_day, &nothing, Some(&archived)).await;
    let (score, member) = &members[100];
    let member = str::from_utf8(member).unwrap();
    let (_, rest) = member.split_once("\", ").unwrap();
    let late = format!(r#"{{"stream_id": "9999999999999-0", {rest}"#).into_bytes();
    let key = b"site:house-01:readings".to_vec();
    let score = score.to_string().into_bytes();
    let _: u64 = redis.run(&[b"ZADD".to_vec(), key, score, late]).await;
    assert_eq!(samples(&tiered, archived_day.range()).await.len(), members.len() + 1);
}

#[tokio::test]
async fn a_packed_value_of_another_revision_is_an_error() {
    let redis = RedisServer::start().await;
    let store = SeriesStore::new(database(&redis, 0));
    let (day, members) = two_days().remove(0);
    let packed = tiers::packed(&site(), day, &members);
    tiers::put(store.packed(), &site(), day, &packed, None).await;
    let value = packed.to_block(1).unwrap();
    let key = "site:{site:house-01:readings}:packed".as_bytes().to_vec();
    let field = day.number().to_string().into_bytes();
    let _: u64 = redis.run(&[b"HSET".to_vec(), key, field, value]).await;
    let error = store.read(&site()).next_page().await.unwrap_err();
    assert!(error.to_string().contains("at revision 1, its header 2880 at 0"), "{error}");
}
