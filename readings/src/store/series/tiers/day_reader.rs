//! Reads days that have members outside of the sorted set, several in one round trip.

use std::collections::VecDeque;
use std::sync::LazyLock;

use redis::{Script, ScriptInvocation, Value};

use super::archived_days::{self, ArchivedPart, ArchivedParts, WantedDay};
use super::scores::Scores;
use super::sources::TierSources;
use super::tiered_day::TieredDay;
use crate::energy::rollup::Day;
use crate::reading::SiteId;
use crate::store::connection::reply;
use crate::store::error::StoreResult;
use crate::store::error_class::ErrorClass;
use crate::store::keys;
use crate::store::packed::{DayHeader, PackedMembers};
use crate::store::series::selection::Order;

/// Keys: the readings, the packed days, the days. Arguments: the field of the version, the scores from which and to which
/// members of the sorted set are searched for, the order, and the days, each with the score at its end in that order. Gives
/// the version, the score of the first member in the sorted set or nothing, and the packed value of each day before that
/// score, and of the first day in any case.
static READ: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local version = redis.call('HGET', KEYS[3], ARGV[1])
         local range = {KEYS[1], ARGV[2], ARGV[3], 'BYSCORE'}
         if ARGV[4] == 'desc' then range[5] = 'REV' end
         for _, argument in ipairs({'LIMIT', 0, 1, 'WITHSCORES'}) do range[#range + 1] = argument end
         local hot = redis.call('ZRANGE', unpack(range))[2] or false
         local values = {}
         for i = 5, #ARGV, 2 do
             local score, ends = tonumber(hot), tonumber(ARGV[i + 1])
             local is_before = not score or (ARGV[4] == 'asc' and score >= ends)
                 or (ARGV[4] == 'desc' and score < ends)
             if i > 5 and not is_before then break end
             values[#values + 1] = redis.call('HGET', KEYS[2], ARGV[i])
         end
         return {version, hot, values}",
    )
});

const HGET: &str = "HGET";

/// Reads such days of a site.
#[derive(Debug)]
pub(super) struct DayReader {
    sources: TierSources,
    site: SiteId,
    order: Order,
    /// Whether of days that only the archive has what arithmetic needs is enough.
    pub is_of_samples: bool,
}

/// The first ones of some days, as they were at one version.
#[derive(Debug)]
pub(super) struct ReadDays {
    /// Their packed values.
    values: Vec<Option<Vec<u8>>>,
    /// What the archive has of them.
    archived: StoreResult<ArchivedParts>,
    /// The score of the first member in the sorted set: of the last of these days, or after them.
    hot: Option<f64>,
    pub version: Option<Vec<u8>>,
}

impl DayReader {
    pub const fn new(sources: TierSources, site: SiteId, order: Order) -> Self {
        Self { sources, site, order, is_of_samples: false }
    }

    /// Reads the first of these days, and those after it up to the next one with members in the sorted set. Of the day of the
    /// last score that was given, all members are read: some of them may have been given.
    pub async fn read(
        &self,
        days: &[(Day, DayHeader)],
        remaining: Scores,
        last: Option<f64>,
    ) -> StoreResult<ReadDays> {
        let reply = self.sources.connection.eval(HGET, &self.script(days, remaining)).await?;
        let parts = reply::array(reply).and_then(|reply| <[Value; 3]>::try_from(reply).ok());
        let unexpected = || self.sources.connection.unexpected_reply(HGET);
        let [version, hot, values] = parts.ok_or_else(unexpected)?;
        let values: Vec<_> = reply::array(values).ok_or_else(unexpected)?;
        let mut read = ReadDays {
            values: values.into_iter().map(reply::bytes).collect(),
            archived: Ok(ArchivedParts::new()),
            hot: reply::text(hot).and_then(|score| score.parse().ok()),
            version: reply::bytes(version),
        };
        let days = days.iter().take(read.values.len());
        let wanted = |(day, header): &(Day, DayHeader)| {
            let has =
                |score: Option<f64>| score.is_some_and(|it| Scores::of_day(*day).contains(it));
            let is_of_archive = header.packed.count == 0 && !has(read.hot) && !has(last);
            let is_of_samples = self.is_of_samples && is_of_archive;
            Some(WantedDay { day: *day, expected: header.archived()?, is_of_samples })
        };
        let archived: Vec<_> = days.filter_map(wanted).collect();
        if !archived.is_empty() {
            read.archived = archived_days::read(&self.sources, &self.site, &archived).await;
            read.version = self.sources.packed.version(&self.site).await?;
        }
        Ok(read)
    }

    fn script(&self, days: &[(Day, DayHeader)], remaining: Scores) -> ScriptInvocation<'static> {
        let is_ascending = self.order == Order::Ascending;
        let mut script = READ.key(keys::series(&self.site));
        script.key(keys::packed(&self.site)).key(keys::days(&self.site)).arg(keys::DAYS_VERSION);
        let last = days.last().map_or(remaining, |(day, _)| Scores::of_day(*day));
        let [near, far] = remaining.through(last, self.order).arguments(self.order);
        script.arg(near).arg(far).arg(if is_ascending { "asc" } else { "desc" });
        for (day, _) in days {
            let scores = Scores::of_day(*day);
            script.arg(day.number()).arg(if is_ascending { scores.high } else { scores.low });
        }
        script
    }

    /// The days that were read. Their headers must be the same after they were read.
    ///
    /// # Errors
    /// When the archive does not have what their headers say, or does not reply.
    pub fn days(read: ReadDays, days: Vec<(Day, DayHeader)>) -> StoreResult<VecDeque<TieredDay>> {
        let mut archived = read.archived?;
        let tiered = |(value, (day, header)): (Option<Vec<u8>>, (Day, DayHeader))| {
            let has_hot = read.hot.is_some_and(|score| Scores::of_day(day).contains(score));
            TieredDay { day, header, value, archived: archived.remove(&day), has_hot }
        };
        Ok(read.values.into_iter().zip(days).map(tiered).collect())
    }

    /// The members of a day that was read.
    ///
    /// # Errors
    /// When the packed value is not what its header says.
    pub fn parts(&self, day: &TieredDay) -> StoreResult<Vec<PackedMembers>> {
        let mut parts = Vec::new();
        if let Some(ArchivedPart::Members(members)) = &day.archived {
            parts.push(members.clone());
        }
        if day.header.packed.count > 0 {
            parts.push(self.packed_part(day.day, &day.header, day.value.as_deref())?);
        }
        Ok(parts)
    }

    fn packed_part(
        &self,
        day: Day,
        header: &DayHeader,
        value: Option<&[u8]>,
    ) -> StoreResult<PackedMembers> {
        PackedMembers::of_day(header, value).map_err(|damage| {
            let text = format!("the packed day {day} of site {}: {damage}", self.site);
            self.sources.connection.found(HGET, ErrorClass::Other, text)
        })
    }
}
