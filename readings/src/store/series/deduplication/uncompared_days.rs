//! Days with late readings that were not compared with archived ones, as what writes does not depend on the archive.
//!
//! A day is added **after** its readings were written and before their entries are acknowledged. So a process that ends
//! between the two has not acknowledged them: they are delivered again, found to be stored, and their day is added. Each
//! addition is a member of its own, and what compares a day removes those that it has read before: a reading that is
//! written meanwhile is compared by the next one.

use std::collections::BTreeMap;

use redis::cmd;

use super::policy::DedupPolicy;
use crate::energy::rollup::Day;
use crate::reading::SiteId;
use crate::store::connection::{SharedConnection, reply};
use crate::store::error::StoreResult;
use crate::store::keys::Keys;
use crate::store::stream_id::StreamId;

const ZADD: &str = "ZADD";
const ZRANGE: &str = "ZRANGE";
const ZREM: &str = "ZREM";

/// A day of a site with readings that were not compared with archived ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UncomparedDay {
    /// The site.
    pub site: SiteId,
    /// The day.
    pub day: Day,
    /// The policy with which they were written.
    pub policy: DedupPolicy,
    /// The lowest id of their entries.
    pub first: StreamId,
}

impl UncomparedDay {
    fn to_text(&self) -> String {
        let Self { site, day, policy, first } = self;
        format!("{first} {} {} {site}", day.number(), policy.name())
    }

    /// `None` for a text of another form.
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(4, ' ');
        let first = parts.next()?.parse().ok()?;
        let day = Day::from_number(parts.next()?.parse().ok()?);
        let policy = DedupPolicy::named(parts.next()?)?;
        Some(Self { site: SiteId::new(parts.next()?)?, day, policy, first })
    }
}

/// The days of archived readings beside which one write has stored others, with the lowest ids of these.
#[derive(Debug, Default)]
pub(super) struct LateEntries(BTreeMap<Day, StreamId>);

impl LateEntries {
    /// Adds an entry.
    pub fn insert(&mut self, day: Day, id: StreamId) {
        let first = self.0.entry(day).or_insert(id);
        *first = id.min(*first);
    }

    /// The days, of this site.
    pub fn days(self, site: &SiteId, policy: DedupPolicy) -> Vec<UncomparedDay> {
        let day = |(day, first)| UncomparedDay { site: site.clone(), day, policy, first };
        self.0.into_iter().map(day).collect()
    }
}

/// The uncompared days of all sites, over a connection that others may share.
#[derive(Debug, Clone)]
pub struct UncomparedDays {
    key: String,
    connection: SharedConnection,
}

impl UncomparedDays {
    /// Those of one stream's sites.
    #[must_use]
    pub fn new(keys: &Keys, connection: SharedConnection) -> Self {
        Self { key: keys.uncompared_days(), connection }
    }

    /// The same by the name of their key.
    pub(super) const fn of_key(key: String, connection: SharedConnection) -> Self {
        Self { key, connection }
    }

    /// The first days, this number at most, in the order of the ids.
    ///
    /// # Errors
    /// When the server replied with an error or not at all.
    pub async fn first(&self, count: usize) -> StoreResult<Vec<UncomparedDay>> {
        let mut command = cmd(ZRANGE);
        command.arg(&self.key).arg(0).arg(count.saturating_sub(1));
        let days = reply::array(self.connection.send(ZRANGE, &command).await?);
        let days = days.ok_or_else(|| self.connection.unexpected_reply(ZRANGE))?;
        let days = days.into_iter().filter_map(reply::text);
        Ok(days.filter_map(|text| UncomparedDay::parse(&text)).collect())
    }

    /// Adds days.
    ///
    /// # Errors
    /// When the server replied with an error or not at all; they can be added again.
    pub async fn add(&self, days: &[UncomparedDay]) -> StoreResult<()> {
        if days.is_empty() {
            return Ok(());
        }
        let mut command = cmd(ZADD);
        command.arg(&self.key);
        for day in days {
            command.arg(day.first.ms).arg(day.to_text());
        }
        self.connection.send(ZADD, &command).await.map(drop)
    }

    /// Removes days, which are compared.
    ///
    /// # Errors
    /// When the server replied with an error or not at all; they can be removed again.
    pub async fn remove(&self, days: &[UncomparedDay]) -> StoreResult<()> {
        if days.is_empty() {
            return Ok(());
        }
        let mut command = cmd(ZREM);
        command.arg(&self.key);
        for day in days {
            command.arg(day.to_text());
        }
        self.connection.send(ZREM, &command).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_read_from_its_own_text_whatever_the_site_is() {
        for site in ["house", "a b  c", " ", "é 1-0 2 last"] {
            let day = UncomparedDay {
                site: SiteId::new(site).unwrap(),
                day: Day::from_number(-3),
                policy: DedupPolicy::First,
                first: StreamId { ms: 7, seq: 9 },
            };
            assert_eq!(UncomparedDay::parse(&day.to_text()), Some(day));
        }
        for text in ["", "1-0 3 last", "1-0 3 none house", "1-0 3 newest house", "x 3 last house"] {
            assert_eq!(UncomparedDay::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_day_has_the_lowest_of_its_ids() {
        let mut late = LateEntries::default();
        for (day, ms) in [(1, 5), (1, 3), (2, 9), (1, 4)] {
            late.insert(Day::from_number(day), StreamId { ms, seq: 0 });
        }
        let days = late.days(&SiteId::new("house").unwrap(), DedupPolicy::Last);
        let firsts: Vec<_> = days.iter().map(|it| (it.day.number(), it.first.ms)).collect();
        assert_eq!(firsts, [(1, 3), (2, 9)]);
    }
}
