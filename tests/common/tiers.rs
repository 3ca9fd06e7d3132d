//! The members of sites in all tiers: sorted sets (hot), packed days, and the archive.

use std::collections::{BTreeMap, BTreeSet};

use archive::{ObjectFiles, ParquetArchive};
use readings::SiteId;
use readings::energy::rollup::Day;
use readings::store::archive::DayArchive;
use readings::store::packed::{DayHeader, PackedMembers};
use redis::aio::MultiplexedConnection;
use redis::{RedisResult, pipe};

use super::redis::RedisServer;

/// The members of a site at one moment.
#[derive(Debug, Default, Clone)]
pub struct SiteTiers {
    pub site: String,
    /// Those of the sorted set, and their scores.
    pub hot: Vec<(String, f64)>,
    /// Those of the days whose header says that they are packed, by the number of the day.
    pub packed: BTreeMap<i32, Vec<String>>,
    /// Those of the days whose header says that they are archived, once the archive was read.
    pub archived: BTreeMap<i32, Vec<String>>,
    /// Of all days that have one.
    pub headers: BTreeMap<i32, DayHeader>,
    /// Days whose packed value is not what their header says.
    pub faults: Vec<String>,
    /// The token and the expiry of the lease, if there is one.
    pub lease: Option<String>,
}

/// The hash of a site's packed days.
pub fn packed_key(site: &str) -> String {
    format!("site:{{site:{site}:readings}}:packed")
}

/// The hash of a site's headers.
pub fn days_key(site: &str) -> String {
    format!("site:{{site:{site}:readings}}:days")
}

/// All sites of a server that have readings in any tier.
pub async fn sites(connection: &mut MultiplexedConnection) -> RedisResult<BTreeSet<String>> {
    let (hot, packed): (Vec<String>, Vec<String>) = pipe()
        .cmd("KEYS")
        .arg("site:*:readings")
        .cmd("KEYS")
        .arg("site:{site:*:readings}:days")
        .query_async(connection)
        .await?;
    let packed = packed.iter().filter_map(|key| key.strip_prefix("site:{")?.strip_suffix("}:days"));
    let keys = hot.iter().map(String::as_str).chain(packed);
    let site = |key: &str| Some(key.strip_prefix("site:")?.strip_suffix(":readings")?.to_owned());
    Ok(keys.filter_map(site).collect())
}

/// The tiers of all sites of a server.
pub async fn all(redis: &RedisServer) -> Vec<SiteTiers> {
    let mut connection = redis.connect().await;
    let mut all = Vec::new();
    for site in sites(&mut connection).await.unwrap() {
        all.push(SiteTiers::read(&mut connection, &site).await.unwrap());
    }
    all
}

/// The tiers of a site.
pub async fn of(redis: &RedisServer, site: &str) -> SiteTiers {
    SiteTiers::read(&mut redis.connect().await, site).await.unwrap()
}

/// The hot members with their scores, the packed values, and the fields of the days.
type Parts = (Vec<(String, f64)>, BTreeMap<i32, Vec<u8>>, BTreeMap<String, Vec<u8>>);

impl SiteTiers {
    /// Reads all of it in one transaction; without one where Redis is out of memory, as it queues no commands then.
    pub async fn read(connection: &mut MultiplexedConnection, site: &str) -> RedisResult<Self> {
        let hot = format!("site:{site}:readings");
        let mut read = pipe();
        read.cmd("ZRANGE").arg(hot).arg(0).arg(-1).arg("WITHSCORES");
        read.cmd("HGETALL").arg(packed_key(site)).cmd("HGETALL").arg(days_key(site));
        let parts: RedisResult<Parts> = read.clone().atomic().query_async(connection).await;
        let (hot, values, days) = match parts {
            Err(error) if error.to_string().contains("OOM") => read.query_async(connection).await?,
            parts => parts?,
        };
        let mut tiers = Self { site: site.to_owned(), hot, ..Self::default() };
        tiers.lease = days.get("lease").map(|lease| String::from_utf8_lossy(lease).into_owned());
        tiers.headers = headers(&days);
        for (day, value) in &values {
            tiers.add_packed(*day, value);
        }
        let lacks = |(day, header): (&i32, &DayHeader)| {
            let is_lacking = header.packed.count > 0 && !values.contains_key(day);
            is_lacking.then(|| format!("day {day} of {site} has a header and no value"))
        };
        let lacking: Vec<_> = tiers.headers.iter().filter_map(lacks).collect();
        tiers.faults.extend(lacking);
        Ok(tiers)
    }

    /// Reads the archived days.
    pub async fn read_archive(&mut self, archive: &ParquetArchive) {
        let is_archived = |(day, header): (&i32, &DayHeader)| Some((*day, header.archived()?));
        let days: Vec<_> = self.headers.iter().filter_map(is_archived).collect();
        if days.is_empty() {
            return;
        }
        let site = SiteId::new(self.site.as_str()).unwrap();
        let wanted = days.iter().map(|(number, contents)| (Day::from_number(*number), *contents));
        let wanted: Vec<_> = wanted.collect();
        let read = match archive.members(&site, &wanted).await {
            Ok(read) => read,
            Err(error) => return self.faults.push(format!("archived days of {site}: {error}")),
        };
        for ((day, header), members) in days.into_iter().zip(read) {
            let found = members.contents();
            if (found.count, found.checksum) != (header.count, header.checksum) {
                self.faults
                    .push(format!("archived day {day} of {site}: {header:?}, not {found:?}"));
            }
            self.archived.insert(day, texts(&members));
        }
    }

    fn add_packed(&mut self, day: i32, value: &[u8]) {
        let (_, members) = PackedMembers::from_block(value).expect("a packed value");
        let header = self.headers.get(&day).map(|header| header.packed).unwrap_or_default();
        if header != members.contents() {
            let (site, has) = (&self.site, members.contents());
            self.faults.push(format!("day {day} of {site}: {header:?}, and its value {has:?}"));
        }
        if header.count > 0 {
            self.packed.insert(day, texts(&members));
        }
    }

    /// Every member once, whatever tier it is in.
    pub fn union(&self) -> BTreeSet<&str> {
        let hot = self.hot.iter().map(|(member, _)| member.as_str());
        hot.chain(self.packed_members()).chain(self.archived_members()).collect()
    }

    /// The members of packed days.
    pub fn packed_members(&self) -> impl Iterator<Item = &str> {
        self.packed.values().flatten().map(String::as_str)
    }

    /// The members of archived days, once the archive was read.
    pub fn archived_members(&self) -> impl Iterator<Item = &str> {
        self.archived.values().flatten().map(String::as_str)
    }

    /// The members that are in two tiers.
    pub fn in_two_tiers(&self) -> Vec<&str> {
        let mut seen: BTreeSet<_> = self.hot.iter().map(|(member, _)| member.as_str()).collect();
        let others = self.packed_members().chain(self.archived_members());
        others.filter(|member| !seen.insert(member)).collect()
    }
}

/// The archive at a URL.
pub fn archive(url: &str) -> ParquetArchive {
    ParquetArchive::new(ObjectFiles::open(url.parse().unwrap()).unwrap())
}

fn texts(members: &PackedMembers) -> Vec<String> {
    let text = |member: &[u8]| String::from_utf8(member.to_vec()).unwrap();
    members.iter().map(text).collect()
}

/// The headers: the fields that are numbers of days.
fn headers(days: &BTreeMap<String, Vec<u8>>) -> BTreeMap<i32, DayHeader> {
    let header = |(field, value): (&String, &Vec<u8>)| {
        let day = field.parse().ok()?;
        Some((day, DayHeader::from_bytes(value).expect("the header of a day")))
    };
    days.iter().filter_map(header).collect()
}
