//! How many readings each tier has and how much memory they need, from a sample of the sites.
//!
//! A sample of a bounded number of sites costs Redis the same however many there are; of fewer sites it is exact. Above
//! that, what they have is multiplied by the number of sites, which says much where sites are alike.

use std::vec::IntoIter;

use redis::{Cmd, Pipeline, Value, cmd};

use super::ends;
use crate::reading::SiteId;
use crate::store::connection::{SharedConnection, reply};
use crate::store::error::StoreResult;
use crate::store::keys;
use crate::store::packed::SiteDays;
use crate::store::series::SiteIndex;

/// The most sites of a sample. Too low and the numbers of unlike sites are far off; too high and Redis is busy for
/// milliseconds with one of them (some 50 us a site with a year of packed days).
pub const SAMPLED_SITES: usize = 64;

const OPERATION: &str = "MEMORY";

/// Commands for each site.
const COMMANDS: usize = 5;

/// What the tiers of all sites have, as far as a sample says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tiers {
    /// The number of sites.
    pub sites: u64,
    /// The number of sites that were read. Where it is that of all, the rest is exact.
    pub sampled: u64,
    /// What is in sorted sets.
    pub hot: Tier,
    /// What is in packed days.
    pub packed: Tier,
    /// What is in the archive.
    pub archived: Tier,
}

/// What a tier has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tier {
    /// The number of readings. One that is in two tiers, until it is packed again, counts in both.
    pub readings: u64,
    /// The number of days of sites; 0 for the sorted sets, which are not divided.
    pub days: u64,
    /// Bytes of Redis; `None` without the permission to ask for them (`MEMORY USAGE`). Of archived days what Redis keeps
    /// of them.
    pub bytes: Option<u64>,
}

impl Tier {
    fn add(&mut self, other: Self) {
        self.readings += other.readings;
        self.days += other.days;
        self.bytes = self.bytes.zip(other.bytes).map(|(bytes, more)| bytes + more);
    }

    fn scaled(self, by: impl Fn(u64) -> u64) -> Self {
        Self { readings: by(self.readings), days: by(self.days), bytes: self.bytes.map(by) }
    }
}

/// What the tiers have, from a sample; `None` without the permission to choose one.
///
/// # Errors
/// When the server replied with an error or not at all.
pub(super) async fn sample(
    connection: &SharedConnection,
    index: &SiteIndex,
) -> StoreResult<Option<Tiers>> {
    let Some((sites, sampled)) = index.sample(SAMPLED_SITES).await? else { return Ok(None) };
    if sampled.is_empty() {
        return Ok(Some(Tiers::of(0, &[])));
    }
    let mut commands = Pipeline::with_capacity(COMMANDS * sampled.len());
    for site in &sampled {
        add_commands(&mut commands, site);
    }
    let (replies, _) = connection.send_all(OPERATION, &commands).await?;
    let mut replies = replies.into_iter();
    let of_sites =
        sampled.iter().map(|_| of_site(&mut replies)).collect::<StoreResult<Vec<_>>>()?;
    Ok(Some(Tiers::of(sites, &of_sites)))
}

impl Tiers {
    fn of(sites: u64, of_sites: &[[Tier; 3]]) -> Self {
        let known = Tier { bytes: Some(0), ..Tier::default() };
        let mut sums = [known; 3];
        for tiers in of_sites {
            sums.iter_mut().zip(tiers).for_each(|(sum, tier)| sum.add(*tier));
        }
        let sampled = of_sites.len() as u64;
        // The index may have lost a site since.
        let sites = sites.max(sampled);
        let by = |number: u64| {
            let all = u128::from(number) * u128::from(sites) / u128::from(sampled.max(1));
            u64::try_from(all).unwrap_or(u64::MAX)
        };
        let [hot, packed, archived] = sums.map(|sum| sum.scaled(by));
        Self { sites, sampled, hot, packed, archived }
    }
}

fn add_commands(commands: &mut Pipeline, site: &SiteId) {
    let mut days = cmd("HGETALL");
    days.arg(keys::days(site));
    commands.add_command(ends::count(site)).add_command(days);
    for key in [keys::series(site), keys::packed(site), keys::days(site)] {
        commands.add_command(memory_usage(&key));
    }
}

fn memory_usage(key: &str) -> Cmd {
    let mut command = cmd(OPERATION);
    command.arg("USAGE").arg(key);
    command
}

/// What the tiers of one site have.
fn of_site(replies: &mut IntoIter<StoreResult<Value>>) -> StoreResult<[Tier; 3]> {
    let mut next = || ends::permitted(replies.next().unwrap_or(Ok(Value::Nil)));
    let readings = next()?.as_ref().and_then(reply::integer).unwrap_or_default();
    // Of another format: as without days.
    let days = next()?.and_then(SiteDays::parse).unwrap_or_default();
    let [series, packed, headers] = [next()?, next()?, next()?].map(|reply| bytes(reply.as_ref()));
    let of = |readings, bytes| Tier { readings, days: 0, bytes };
    let mut tiers = [of(readings, series), of(0, packed), of(0, Some(0))];
    for header in days.headers.values() {
        let archived = header.archived().map_or(0, |contents| contents.count);
        for (tier, count) in [(1, header.packed.count), (2, archived)] {
            tiers[tier].readings += count;
            tiers[tier].days += u64::from(count > 0);
        }
    }
    add_headers(&mut tiers, headers);
    Ok(tiers)
}

/// Adds the memory of the headers to the tiers whose days they are of.
fn add_headers(tiers: &mut [Tier; 3], bytes: Option<u64>) {
    let all = tiers[1].days + tiers[2].days;
    let of_archived = bytes.map(|bytes| bytes * tiers[2].days / all.max(1));
    let of_packed = bytes.zip(of_archived).map(|(bytes, archived)| bytes - archived);
    for (tier, bytes) in [(1, of_packed), (2, of_archived)] {
        tiers[tier].bytes = tiers[tier].bytes.zip(bytes).map(|(sum, more)| sum + more);
    }
}

/// Of a key that does not exist 0; `None` without the permission to ask.
fn bytes(reply: Option<&Value>) -> Option<u64> {
    match reply? {
        Value::Nil => Some(0),
        reply => reply::integer(reply),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::packed::{ArchivedDay, Contents, DayHeader};

    fn tier(readings: u64, days: u64, bytes: Option<u64>) -> Tier {
        Tier { readings, days, bytes }
    }

    #[test]
    fn what_all_sites_have_is_exact_and_of_more_sites_in_proportion() {
        let sites = [
            [tier(10, 0, Some(3_000)), tier(100, 2, Some(2_000)), tier(0, 0, Some(0))],
            [tier(30, 0, Some(9_000)), tier(0, 0, Some(0)), tier(50, 1, Some(100))],
        ];
        let exact = Tiers::of(2, &sites);
        assert_eq!((exact.sites, exact.sampled), (2, 2));
        assert_eq!(exact.hot, tier(40, 0, Some(12_000)));
        assert_eq!(exact.packed, tier(100, 2, Some(2_000)));
        assert_eq!(exact.archived, tier(50, 1, Some(100)));
        let estimated = Tiers::of(1_000, &sites);
        assert_eq!(estimated.hot, tier(20_000, 0, Some(6_000_000)));
    }

    #[test]
    fn without_the_permission_to_ask_for_memory_readings_are_counted() {
        let sites = [[tier(10, 0, None); 3], [tier(5, 0, None); 3]];
        assert_eq!(Tiers::of(2, &sites).hot, tier(15, 0, None));
    }

    #[test]
    fn a_site_has_what_its_keys_have_and_headers_belong_to_their_days() {
        let contents = |count| Contents { count, ..Contents::default() };
        let packed =
            DayHeader { revision: 0, is_complete: true, packed: contents(1_440), archived: None };
        let archived = Some(ArchivedDay::Current(contents(1_439)));
        let archived = DayHeader { packed: Contents::default(), archived, ..packed.clone() };
        let fields =
            [("version", b"7".to_vec()), ("9", packed.to_bytes()), ("8", archived.to_bytes())];
        let bulk = |bytes: &[u8]| Value::BulkString(bytes.to_vec());
        let fields = fields.iter().flat_map(|(name, value)| [bulk(name.as_bytes()), bulk(value)]);
        let replies = [
            Value::Int(99),
            Value::Array(fields.collect()),
            Value::Int(30_000),
            Value::Int(25_000),
            Value::Int(300),
        ];
        let mut replies = Vec::from(replies.map(Ok)).into_iter();
        let [hot, packed, archived] = of_site(&mut replies).unwrap();
        assert_eq!(hot, tier(99, 0, Some(30_000)));
        assert_eq!(packed, tier(1_440, 1, Some(25_150)));
        assert_eq!(archived, tier(1_439, 1, Some(150)));
    }
}
