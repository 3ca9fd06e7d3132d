//! Which sites have readings, of the keys that a scan has found.
//!
//! A site is found by its sorted set. Where that is empty (its last day has expired, or was deleted) it may have packed or
//! archived days, and is found by these.

use redis::{Pipeline, Value};

use crate::reading::SiteId;
use crate::store::connection::{SharedConnection, reply};
use crate::store::error::StoreResult;
use crate::store::error_class::ErrorClass;
use crate::store::keys;
use crate::store::packed::PackedDays;

const ZCARD: &str = "ZCARD";

/// Sites whose days are read in one Redis pipeline. Too low: a round trip for few. Too high: much memory for sites with
/// thousands of days (50 bytes each).
const SITES: usize = 20;

/// The sites of keys.
#[derive(Debug, Default)]
pub(super) struct FoundKeys {
    /// Of what has the name of a sorted set.
    series: Vec<SiteId>,
    /// Of their days.
    days: Vec<SiteId>,
}

impl FromIterator<String> for FoundKeys {
    /// Of the names of keys; others are left out.
    fn from_iter<I: IntoIterator<Item = String>>(names: I) -> Self {
        let mut found = Self::default();
        for name in names {
            if let Some(site) = keys::site_of_series(&name) {
                found.series.push(site);
            } else if let Some(site) = keys::site_of_days(&name) {
                found.days.push(site);
            }
        }
        found
    }
}

impl FoundKeys {
    /// Those with readings: in the sorted set, or, where that has none, in packed or archived days.
    pub async fn with_readings(self, connection: &SharedConnection) -> StoreResult<Vec<SiteId>> {
        let Self { series, days } = self;
        let (of_series, of_days) =
            (hot_members(connection, &series).await?, hot_members(connection, &days).await?);
        let mut sites = having(series, of_series, |members| members > 0);
        let packed = PackedDays::new(connection.clone());
        for some in having(days, of_days, |members| members == 0).chunks(SITES) {
            let days = packed.of_sites(&some.iter().collect::<Vec<_>>()).await?;
            let days = some.iter().zip(days).filter(|(_, days)| days.members() > 0);
            sites.extend(days.map(|(site, _)| site.clone()));
        }
        Ok(sites)
    }
}

/// The number of members of each sorted set; `None` for a key that is no sorted set.
async fn hot_members(
    connection: &SharedConnection,
    sites: &[SiteId],
) -> StoreResult<Vec<Option<u64>>> {
    if sites.is_empty() {
        return Ok(Vec::new());
    }
    let mut commands = Pipeline::with_capacity(sites.len());
    for site in sites {
        commands.cmd(ZCARD).arg(keys::series(site));
    }
    let (replies, _) = connection.send_all(ZCARD, &commands).await?;
    let members = |reply: StoreResult<Value>| match reply {
        Err(error) if error.class == ErrorClass::WrongType => Ok(None),
        reply => Ok(reply::integer(&reply?)),
    };
    replies.into_iter().map(members).collect()
}

fn having(
    sites: Vec<SiteId>,
    members: Vec<Option<u64>>,
    is_wanted: impl Fn(u64) -> bool,
) -> Vec<SiteId> {
    let counted = sites.into_iter().zip(members);
    counted.filter(|(_, members)| members.is_some_and(&is_wanted)).map(|(site, _)| site).collect()
}
