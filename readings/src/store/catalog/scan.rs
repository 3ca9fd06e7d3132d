//! Reads readings of a site, and keeps facts and the latest reading of each device.

use std::collections::BTreeMap;

use super::directory::Devices;
use super::ends;
use super::plausible::Plausible;
use crate::energy::integration::Sample;
use crate::iso8601::Instant;
use crate::reading::SiteId;
use crate::store::codec::StoredReading;
use crate::store::error::StoreResult;
use crate::store::series::{Order, Selection, SeriesStore};

/// What was read, in the order of time.
#[derive(Debug, Default)]
pub(super) struct Scan {
    pub devices: Devices,
    /// The latest member of each device that is not ahead, of those that were read.
    pub latest: BTreeMap<Box<str>, Vec<u8>>,
    /// Of the readings that are ahead, the last accepted one of each device.
    pub ahead: BTreeMap<Box<str>, Vec<u8>>,
    /// Members that were read.
    pub members: usize,
}

/// A range of readings, and how many of them are read at most.
#[derive(Debug, Clone, Copy)]
pub(super) struct ScanRange {
    pub start: Option<Instant>,
    pub end: Option<Instant>,
    pub order: Order,
    pub limit: usize,
}

impl Scan {
    /// Begins with facts that are known.
    pub fn of(devices: Devices) -> Self {
        Self { devices, ..Self::default() }
    }

    /// Reads a range whose readings follow those that were read before; returns whether that was all of it. In descending
    /// order the last readings of the range are read.
    ///
    /// # Errors
    /// When the server replied with an error or not at all.
    pub async fn read(
        &mut self,
        series: &SeriesStore,
        site: &SiteId,
        range: ScanRange,
        plausible: Plausible,
    ) -> StoreResult<bool> {
        let ScanRange { start, end, order, limit } = range;
        let selection = Selection { start, end, order, ..Selection::default() };
        let mut reader = series.select(site, selection, limit);
        let mut read = 0;
        let mut reversed = Vec::new();
        while read < limit {
            let Some(page) = reader.next_page().await? else { break };
            read += page.readings.len() + page.invalid;
            let members = page.readings.into_iter().map(|selected| selected.member);
            match order {
                Order::Ascending => members.for_each(|member| self.push(member, plausible)),
                Order::Descending => reversed.extend(members),
            }
        }
        for member in reversed.into_iter().rev() {
            self.push(member, plausible);
        }
        self.members += read;
        Ok(reader.has_ended())
    }

    fn push(&mut self, member: Vec<u8>, plausible: Plausible) {
        let Ok(reading) = StoredReading::from_member(&member) else { return };
        let Some(instant) = reading.order().0 else { return };
        let sample = Sample { instant, watts: reading.watts() };
        let is_ahead = plausible.is_ahead(sample.instant);
        let device: Box<str> = reading.device_id().into();
        let facts = self.devices.entry(device.clone()).or_default();
        if is_ahead {
            facts.push_ahead(ends::ingested_at(&member));
            keep_last_accepted(self.ahead.entry(device).or_default(), member);
        } else {
            facts.push(sample, plausible);
            self.latest.insert(device, member);
        }
    }
}

fn keep_last_accepted(kept: &mut Vec<u8>, member: Vec<u8>) {
    let id = |member: &[u8]| StoredReading::from_member(member).ok().and_then(|it| it.order().1);
    if kept.is_empty() || id(&member) > id(kept) {
        *kept = member;
    }
}
