//! What a day has in other tiers, for the comparison of its readings.
//!
//! Archived readings are not compared here, as what writes does not depend on the archive: `uncompared_days`.

use std::collections::{HashMap, HashSet};

use tracing::warn;

use crate::energy::rollup::Day;
use crate::reading::SiteId;
use crate::store::codec::StreamEntry;
use crate::store::error::{StoreError, StoreResult};
use crate::store::error_class::ErrorClass;
use crate::store::keys;
use crate::store::packed::{Contents, DayHeader, PackedMembers, PackedPart};
use crate::store::series::series_store::SeriesStore;

const HSET: &str = "HSET";

/// A day with its packed members.
#[derive(Debug, Clone, Default)]
pub(super) struct PackedDay {
    pub header: Option<DayHeader>,
    members: PackedMembers,
}

/// The packed days that were read for the entries of one write.
#[derive(Debug, Default)]
pub(super) struct PackedDayCache(HashMap<Day, PackedDay>);

/// A packed day after some of its members were removed.
#[derive(Debug)]
pub(super) struct NewDay {
    pub header: DayHeader,
    /// The value; `None` without members.
    pub value: Option<Vec<u8>>,
}

impl PackedDayCache {
    /// The day of an entry, as it is now.
    pub async fn day_of(
        &mut self,
        series: &SeriesStore,
        entry: &StreamEntry,
    ) -> StoreResult<PackedDay> {
        let (site, day) = (&entry.reading.site_id, Day::of(entry.reading.timestamp.instant()));
        if !keys::can_be_packed(site) {
            return Ok(PackedDay::default());
        }
        loop {
            let header = series.packed().header(site, day).await?;
            if let Some(known) = self.0.get(&day).filter(|known| known.header == header) {
                return Ok(known.clone());
            }
            if let Some(members) = comparable(series, site, day, header.as_ref()).await? {
                self.0.insert(day, PackedDay { header, members });
            }
        }
    }
}

impl PackedDay {
    /// Whether it has archived members, which are not here.
    pub fn is_archived(&self) -> bool {
        self.header.as_ref().is_some_and(|header| header.archived().is_some())
    }

    /// The members of an entry's instant.
    pub fn members_at(&self, entry: &StreamEntry) -> Vec<Vec<u8>> {
        let places = self.members.at(entry.reading.timestamp.instant());
        places.filter_map(|place| self.members.get(place)).map(<[u8]>::to_vec).collect()
    }

    /// The day without these members; `None` where it has none of them.
    pub fn without(
        &self,
        series: &SeriesStore,
        site: &SiteId,
        removed: &[&[u8]],
    ) -> StoreResult<Option<NewDay>> {
        let Some(before) = &self.header else { return Ok(None) };
        let left = self.members.without(&removed.iter().copied().collect::<HashSet<_>>());
        if left.len() == self.members.len() {
            return Ok(None);
        }
        let revision = before.revision.wrapping_add(1);
        let block = (!left.is_empty()).then(|| left.to_block(revision)).transpose();
        let value = block.map_err(|error| failed(series, site, &error))?;
        let packed = if left.is_empty() { Contents::default() } else { left.contents() };
        let header = DayHeader { revision, packed, ..before.clone() };
        Ok(Some(NewDay { header, value }))
    }
}

/// The packed members of a day; `None` where it was changed since its header was read. Those of a damaged value cannot be
/// compared: what arrives is stored beside them, as no entry should wait for an operator.
async fn comparable(
    series: &SeriesStore,
    site: &SiteId,
    day: Day,
    header: Option<&DayHeader>,
) -> StoreResult<Option<PackedMembers>> {
    let Some(header) = header else { return Ok(Some(PackedMembers::default())) };
    Ok(match series.packed().part(site, day, header).await? {
        PackedPart::Members(members) => Some(members),
        PackedPart::Changed => None,
        PackedPart::Damaged(damage) => {
            warn!(%site, %day, %damage, "readings of a damaged packed day are not compared");
            Some(PackedMembers::default())
        }
    })
}

fn failed(series: &SeriesStore, site: &SiteId, error: &std::io::Error) -> StoreError {
    let text = format!("a packed day of site {site}: {error}");
    series.connection().found(HSET, ErrorClass::Other, text)
}
