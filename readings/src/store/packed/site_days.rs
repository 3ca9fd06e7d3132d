//! The days of a site at one version.

use std::collections::BTreeMap;

use redis::Value;

use super::header::DayHeader;
use crate::energy::rollup::Day;
use crate::store::connection::reply;
use crate::store::keys;

/// The packed and archived days of a site.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SiteDays {
    /// The version of all of them; `None` for a site of which no day was ever packed.
    pub version: Option<Vec<u8>>,
    /// Their headers.
    pub headers: BTreeMap<Day, DayHeader>,
}

impl SiteDays {
    /// Of the reply to `HGETALL`; `None` for one of another shape, or with a header of a later format.
    pub(in crate::store) fn parse(reply: Value) -> Option<Self> {
        let mut days = Self::default();
        for (field, value) in reply::map(reply)? {
            let (field, value) = (reply::text(field)?, reply::bytes(value)?);
            match field.as_str() {
                keys::DAYS_VERSION => days.version = Some(value),
                keys::PACKING_LEASE | keys::DAYS_SUMMARY => {}
                number => {
                    let day = Day::from_number(number.parse().ok()?);
                    days.headers.insert(day, DayHeader::from_bytes(&value)?);
                }
            }
        }
        Some(days)
    }

    /// The days from one on until another, which is excluded, that have members outside of the sorted set.
    #[must_use]
    pub fn between(
        &self,
        from: Day,
        until: Day,
    ) -> impl DoubleEndedIterator<Item = (Day, &DayHeader)> {
        let days = self.headers.range(from..until.max(from));
        days.map(|(day, header)| (*day, header)).filter(|(_, header)| header.has_members())
    }

    /// The number of members outside of the sorted set.
    #[must_use]
    pub fn members(&self) -> u64 {
        self.headers.values().map(DayHeader::members).sum()
    }
}
