//! Packs and archives days of sites step by step, without the services that do so: for tests of what reads days.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use readings::energy::integration::Sample;
use readings::energy::rollup::Day;
use readings::store::archive::{ArchiveError, DayArchive};
use readings::store::codec::StoredReading;
use readings::store::packed::{
    ArchivedDay, Changed, Contents, DayChange, DayHeader, PackedDays, PackedMembers, PackedValue,
    Packing, SiteDays,
};
use readings::store::{DeviceSample, RedisServer as Server, keys};
use readings::{Instant, SiteId};

use super::redis::RedisServer;

/// Moves days of one site.
pub struct DayMover<'a> {
    redis: &'a RedisServer,
    site: SiteId,
    days: PackedDays,
}

impl<'a> DayMover<'a> {
    pub fn of(redis: &'a RedisServer, site: &str) -> Self {
        let url = format!("redis://127.0.0.1:{}", redis.port());
        let connection = Server::from_url(&url).unwrap().shared();
        Self { redis, site: SiteId::new(site).unwrap(), days: PackedDays::new(connection) }
    }

    /// What is known of its days.
    pub async fn days(&self) -> SiteDays {
        self.days.of_site(&self.site).await.unwrap()
    }

    /// Packs a day, as often as it has members that are not packed; the number of members that it has then.
    pub async fn pack(&self, day: Day) -> usize {
        let packed = self.begin(day).await;
        self.complete(day, &packed).await;
        packed.len()
    }

    /// Packs all days before one.
    pub async fn pack_before(&self, end: Day) {
        let key = keys::series(&self.site);
        let scores: Vec<(String, f64)> =
            self.redis.run(&["ZRANGE", &key, "0", "-1", "WITHSCORES"]).await;
        #[expect(clippy::cast_possible_truncation, reason = "days of tests")]
        let mut days: Vec<_> = scores
            .iter()
            .map(|(_, score)| Day::from_number((score / 86_400.0).floor() as i32))
            .collect();
        days.dedup();
        for day in days.into_iter().filter(|day| *day < end) {
            self.pack(day).await;
        }
    }

    /// The first steps: the members of a day are packed, and still in the sorted set.
    pub async fn begin(&self, day: Day) -> PackedMembers {
        let before = self.days().await.headers.remove(&day);
        let mut packing = Packing::new(&self.site, day);
        for (score, member) in self.hot(day).await {
            packing.push(score, &member).unwrap();
        }
        for member in self.members(day).await.iter() {
            packing.push(score_of(member), member).unwrap();
        }
        let packed = packing.finish();
        let revision = before.as_ref().map_or(0, |header| header.revision + 1);
        let archived = before.as_ref().and_then(|header| header.archived);
        let header =
            DayHeader { revision, is_complete: false, packed: packed.contents(), archived };
        let value = PackedValue::Set(packed.to_block(revision).unwrap());
        self.change(day, before.as_ref(), &header, value, &[], &[]).await;
        packed
    }

    /// The last steps: what is packed is removed from the sorted set.
    pub async fn complete(&self, day: Day, packed: &PackedMembers) {
        let before = self.days().await.headers.remove(&day).unwrap();
        let header = DayHeader { is_complete: true, ..before.clone() };
        let removed: Vec<_> = packed.iter().collect();
        self.change(day, Some(&before), &header, PackedValue::Kept, &[], &removed).await;
    }

    /// Moves the packed members of a day back to the sorted set.
    pub async fn unpack(&self, day: Day) {
        let before = self.days().await.headers.remove(&day).unwrap();
        let (packed, archived) = (Contents::default(), None);
        let revision = before.revision + 1;
        let header = DayHeader { revision, is_complete: true, packed, archived };
        let members = self.members(day).await;
        let added: Vec<_> = members.iter().map(|member| (score_of(member), member)).collect();
        self.change(day, Some(&before), &header, PackedValue::Removed, &added, &[]).await;
    }

    /// Moves a packed day to an archive.
    pub async fn archive(&self, day: Day, archive: &MemoryArchive) {
        let before = self.days().await.headers.remove(&day).unwrap();
        let members = self.members(day).await;
        let archived = Some(ArchivedDay::Current(members.contents()));
        archive.days.lock().unwrap().insert((self.site.clone(), day), members);
        let header = DayHeader { packed: Contents::default(), archived, ..before.clone() };
        self.change(day, Some(&before), &header, PackedValue::Removed, &[], &[]).await;
    }

    async fn hot(&self, day: Day) -> Vec<(f64, Vec<u8>)> {
        let [start, end] = [day, day.next()].map(|day| day.start().epoch_seconds());
        let (key, start, end) = (keys::series(&self.site), start.to_string(), format!("({end}"));
        let command = ["ZRANGE", &key, &start, &end, "BYSCORE", "WITHSCORES"];
        let members: Vec<(Vec<u8>, f64)> = self.redis.run(&command).await;
        members.into_iter().map(|(member, score)| (score, member)).collect()
    }

    async fn members(&self, day: Day) -> PackedMembers {
        let members = self.days.members(&self.site, &[day]).await.unwrap();
        members.into_iter().flatten().next().map(|(_, members)| members).unwrap_or_default()
    }

    async fn change(
        &self,
        day: Day,
        expected: Option<&DayHeader>,
        header: &DayHeader,
        value: PackedValue,
        added: &[(f64, &[u8])],
        removed: &[&[u8]],
    ) {
        let change = DayChange { day, expected, lease: None, header, value, added, removed };
        assert_eq!(self.days.change(&self.site, &change).await.unwrap(), Changed::Yes);
    }
}

/// The day of a text such as `2024-01-15`.
pub fn day(date: &str) -> Day {
    Day::of(readings::iso8601::parse(&format!("{date}T00:00:00Z")).unwrap().instant)
}

fn score_of(member: &[u8]) -> f64 {
    instant_of(member).epoch_seconds()
}

fn instant_of(member: &[u8]) -> Instant {
    StoredReading::from_member(member).unwrap().order().0.unwrap()
}

/// An archive in memory, which can be away.
#[derive(Debug, Default)]
pub struct MemoryArchive {
    days: Mutex<BTreeMap<(SiteId, Day), PackedMembers>>,
    /// Every call fails.
    pub is_away: AtomicBool,
    /// How often it was read.
    pub calls: AtomicUsize,
}

type Reply<'a, T> = Pin<Box<dyn Future<Output = Result<T, ArchiveError>> + Send + 'a>>;

/// Days with what their headers say.
type Asked = [(Day, Contents)];

impl MemoryArchive {
    fn call(&self) -> Result<(), ArchiveError> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        if self.is_away.load(Ordering::Relaxed) {
            let (url, cause) = ("memory:".to_owned(), "it is away".to_owned());
            return Err(ArchiveError { operation: "get", url, cause });
        }
        Ok(())
    }

    fn of_day(&self, site: &SiteId, day: Day) -> PackedMembers {
        self.days.lock().unwrap().get(&(site.clone(), day)).cloned().unwrap_or_default()
    }
}

impl DayArchive for MemoryArchive {
    fn members<'a>(&'a self, site: &'a SiteId, days: &'a Asked) -> Reply<'a, Vec<PackedMembers>> {
        Box::pin(async move {
            self.call()?;
            Ok(days.iter().map(|(day, _)| self.of_day(site, *day)).collect())
        })
    }

    fn samples<'a>(&'a self, site: &'a SiteId, days: &'a Asked) -> Reply<'a, Vec<DeviceSample>> {
        Box::pin(async move {
            self.call()?;
            let members: Vec<_> = days.iter().map(|(day, _)| self.of_day(site, *day)).collect();
            Ok(members.iter().flat_map(PackedMembers::iter).map(sample).collect())
        })
    }
}

fn sample(member: &[u8]) -> DeviceSample {
    let reading = StoredReading::from_member(member).unwrap();
    let sample = Sample { instant: instant_of(member), watts: reading.watts() };
    DeviceSample { device: reading.device_id().into(), sample }
}
