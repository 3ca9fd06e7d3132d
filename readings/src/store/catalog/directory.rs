//! The devices of a site until an instant, valid while the site has as many members before it as it was read from, in
//! the same rollup generation, and no day before it was changed but by its first packing and its move to the archive
//! (`store::rollups` has the reasons).

use std::collections::BTreeMap;

use redis::{Pipeline, Value, cmd, pipe};
use tokio::time::{Duration, sleep};

use super::device_facts::DeviceFacts;
use super::ends;
use super::site_days::{self, MAX_ATTEMPTS};
use crate::energy::rollup::Day;
use crate::iso8601::Instant;
use crate::reading::SiteId;
use crate::store::connection::reply;
use crate::store::error::StoreResult;
use crate::store::keys;
use crate::store::packed::{self, DaysSummary, FoundSummary};
use crate::store::series::SeriesStore;

const ZCOUNT: &str = "ZCOUNT";

/// Facts by device.
pub(super) type Devices = BTreeMap<Box<str>, DeviceFacts>;

/// What the validity of a directory depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Signature {
    /// The rollup generation; empty before the first removal.
    pub generation: Vec<u8>,
    /// Members before the instant, in all tiers.
    pub members: u64,
    /// The sum of the revisions of the days before it.
    pub revisions: u64,
}

/// Devices of the readings before an instant.
#[derive(Debug, Clone)]
pub(super) struct Directory {
    pub until: Instant,
    /// Read before the members were.
    pub signature: Signature,
    pub devices: Devices,
}

impl Directory {
    /// The directory of no readings: valid for all sites.
    pub fn nothing() -> Self {
        // Before the year 1.
        let until = Instant::from_epoch_micros(i64::MIN);
        let signature = Signature { generation: Vec::new(), members: 0, revisions: 0 };
        Self { until, signature, devices: Devices::new() }
    }
}

/// How long the members of a day that are being moved are waited for. Too low and Redis is asked again and again; too high
/// and a question waits longer than it must.
const MOVING_PAUSE: Duration = Duration::from_millis(5);

/// The state of a site in Redis.
#[derive(Debug)]
pub(super) struct SiteState {
    /// Members in total, in all tiers.
    pub members: u64,
    /// The signatures at the instants that were asked for; none at an instant inside of a day that is packed or while
    /// members are being moved, which no directory has.
    pub signatures: Vec<Option<Signature>>,
    /// Whether days of the site are packed or archived, or were.
    pub has_days: bool,
}

/// Reads how many members a site has, and its signatures at these instants, all at one time.
pub(super) async fn state(
    series: &SeriesStore,
    site: &SiteId,
    instants: &[Instant],
) -> StoreResult<SiteState> {
    let reader = StateReader { series, site, instants };
    for _ in 1..MAX_ATTEMPTS {
        if let Some((hot, days)) = reader.read().await?
            && days.is_none_or(|days| days.moving == 0)
        {
            return reader.state(hot, days).await;
        }
        sleep(MOVING_PAUSE).await;
    }
    // Its days change again and again: no directory is valid, and the last readings are read.
    let (hot, days) = reader.read().await?.unwrap_or_default();
    let members = hot.members + days.map_or(0, |days| days.members);
    let signatures = instants.iter().map(|_| None).collect();
    Ok(SiteState { members, signatures, has_days: days.is_some() })
}

struct StateReader<'a> {
    series: &'a SeriesStore,
    site: &'a SiteId,
    instants: &'a [Instant],
}

/// What the sorted set of a site has, and the rollup generation.
#[derive(Debug, Default)]
struct Hot {
    generation: Vec<u8>,
    members: u64,
    before: Vec<u64>,
}

impl StateReader<'_> {
    /// `None` where the days have changed meanwhile.
    async fn read(&self) -> StoreResult<Option<(Hot, Option<DaysSummary>)>> {
        let connection = self.series.connection();
        let (replies, _) = connection.send_all(ZCOUNT, &self.commands()).await?;
        let replies = replies.into_iter().collect::<StoreResult<Vec<_>>>()?;
        let parsed = parse(replies).ok_or_else(|| connection.unexpected_reply(ZCOUNT));
        let (hot, found, version) = parsed?;
        let packed = self.series.packed();
        Ok(match (packed.summary_of(found)?, version) {
            (FoundSummary::NoDays, None) => Some((hot, None)),
            (FoundSummary::Known(of, days), Some(version)) if of == version => {
                Some((hot, Some(days)))
            }
            (FoundSummary::Stale, version) => {
                let days = packed.of_site(self.site).await?;
                (days.version == version).then(|| (hot, days.summary()))
            }
            _ => None,
        })
    }

    fn commands(&self) -> Pipeline {
        let (site, mut commands) = (self.site, pipe());
        let mut generation = cmd("HGET");
        generation.arg(keys::rollups(site)).arg(keys::ROLLUP_GENERATION);
        commands.add_command(generation).add_command(packed::summary(site));
        commands.add_command(ends::count(site));
        for instant in self.instants {
            let mut count = cmd(ZCOUNT);
            count.arg(keys::series(site)).arg("-inf").arg(format!("({}", instant.epoch_seconds()));
            commands.add_command(count);
        }
        commands.add_command(site_days::version(site));
        commands
    }

    async fn state(&self, hot: Hot, days: Option<DaysSummary>) -> StoreResult<SiteState> {
        let mut signatures = Vec::with_capacity(self.instants.len());
        for (instant, members) in self.instants.iter().zip(&hot.before) {
            let days = self.days_before(*instant, days).await?;
            signatures.push(days.map(|days| Signature {
                generation: hot.generation.clone(),
                members: members + days.members,
                revisions: days.revisions,
            }));
        }
        let members = hot.members + days.map_or(0, |days| days.members);
        Ok(SiteState { members, signatures, has_days: days.is_some() })
    }

    /// The days before an instant; `None` where it is inside of one that has a header.
    async fn days_before(
        &self,
        instant: Instant,
        all: Option<DaysSummary>,
    ) -> StoreResult<Option<DaysSummary>> {
        let day = Day::of(instant);
        let Some(all) = all.filter(|all| all.end() > day) else {
            return Ok(Some(all.unwrap_or_default()));
        };
        // Changed since: then another question has another signature.
        let days = self.series.packed().of_site(self.site).await?;
        let is_inside = instant > day.start() && days.headers.contains_key(&day);
        let is_same = days.summary() == Some(all);
        let before = days.summary_before(Some(day)).unwrap_or_default();
        Ok((is_same && !is_inside).then_some(before))
    }
}

/// `None` for replies of another shape.
fn parse(replies: Vec<Value>) -> Option<(Hot, Value, Option<Vec<u8>>)> {
    let mut replies = replies.into_iter();
    let generation = reply::bytes(replies.next()?).unwrap_or_default();
    let days = replies.next()?;
    let members = reply::integer(&replies.next()?)?;
    let version = reply::bytes(replies.next_back()?);
    let before = replies.map(|count| reply::integer(&count)).collect::<Option<_>>()?;
    Some((Hot { generation, members, before }, days, version))
}
