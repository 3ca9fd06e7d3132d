//! The members of devices at instants that are known.

use std::collections::{BTreeMap, BTreeSet};

use redis::pipe;

use super::ends;
use crate::energy::rollup::Day;
use crate::iso8601::Instant;
use crate::reading::SiteId;
use crate::store::codec::StoredReading;
use crate::store::error::StoreResult;
use crate::store::packed::PackedMembers;
use crate::store::series::{Order, Selection, SeriesStore};

/// Members of one instant that are read with those of other devices. Too low and sites whose devices send at the same
/// instants take a round trip a device; too high and such sites copy all of them for each device.
const MAX_TIED: usize = 64;

const ZRANGE: &str = "ZRANGE";

/// Reads the last members of devices of a site.
#[derive(Debug)]
pub(super) struct LastMembers<'a> {
    pub series: &'a SeriesStore,
    pub site: &'a SiteId,
    /// Whether days of the site may be packed or archived.
    pub has_days: bool,
}

impl LastMembers<'_> {
    /// The member of each device at the instant of its last reading; of several the one with the highest stream id.
    ///
    /// # Errors
    /// When the server replied with an error or not at all.
    pub async fn read(
        &self,
        devices: &[(&str, Instant)],
    ) -> StoreResult<BTreeMap<Box<str>, Vec<u8>>> {
        if devices.is_empty() {
            return Ok(BTreeMap::new());
        }
        let mut commands = pipe();
        for (_, instant) in devices {
            commands.add_command(ends::downwards(self.site, *instant, *instant, MAX_TIED));
        }
        let connection = self.series.connection();
        let (replies, _) = connection.send_all(ZRANGE, &commands).await?;
        let packed = self.packed(devices).await?;
        let mut found = BTreeMap::new();
        for ((device, instant), reply) in devices.iter().zip(replies) {
            let members = ends::members(reply)?;
            let members = members.ok_or_else(|| connection.unexpected_reply(ZRANGE))?;
            let of_instant = packed.get(&Day::of(*instant));
            let of_instant =
                of_instant.into_iter().flat_map(|packed| of_instant_in(packed, *instant));
            let is_complete = members.len() < MAX_TIED;
            let members = members.iter().map(|(_, member)| member.as_slice()).chain(of_instant);
            let member = last_of(device, members).filter(|_| is_complete);
            let member = match member {
                None if !is_complete || self.has_days => self.select(device, *instant).await?,
                member => member,
            };
            found.extend(member.map(|member| (Box::from(*device), member)));
        }
        Ok(found)
    }

    /// The packed members of the days of these instants.
    async fn packed(
        &self,
        devices: &[(&str, Instant)],
    ) -> StoreResult<BTreeMap<Day, PackedMembers>> {
        let mut days = BTreeSet::new();
        if self.has_days {
            days.extend(devices.iter().map(|(_, instant)| Day::of(*instant)));
        }
        let days: Vec<_> = days.into_iter().collect();
        let packed = self.series.packed().members(self.site, &days).await?;
        let packed = days.into_iter().zip(packed);
        Ok(packed.filter_map(|(day, found)| Some((day, found?.1))).collect())
    }

    /// Reads all members of the instant, however many, in all tiers.
    async fn select(&self, device: &str, instant: Instant) -> StoreResult<Option<Vec<u8>>> {
        let end = Instant::from_epoch_micros(instant.epoch_micros().saturating_add(1));
        let selection = Selection {
            start: Some(instant),
            end: Some(end),
            devices: BTreeSet::from([device.to_owned()]),
            order: Order::Descending,
            after: None,
        };
        let mut reader = self.series.select(self.site, selection, 1);
        while let Some(page) = reader.next_page().await? {
            if let Some(selected) = page.readings.into_iter().next() {
                return Ok(Some(selected.member));
            }
        }
        Ok(None)
    }
}

/// The members of an instant, of members in the order of instants.
fn of_instant_in(packed: &PackedMembers, instant: Instant) -> impl Iterator<Item = &[u8]> {
    let (mut first, mut end) = (0, packed.len());
    while first < end {
        let middle = usize::midpoint(first, end);
        if packed.get(middle).and_then(instant_of) < Some(instant) {
            first = middle + 1;
        } else {
            end = middle;
        }
    }
    let from_first = (first..packed.len()).filter_map(|place| packed.get(place));
    from_first.take_while(move |member| instant_of(member) == Some(instant))
}

fn instant_of(member: &[u8]) -> Option<Instant> {
    StoredReading::from_member(member).ok()?.order().0
}

fn last_of<'a>(device: &str, members: impl Iterator<Item = &'a [u8]>) -> Option<Vec<u8>> {
    let of_device = members.filter_map(|member| {
        let reading = StoredReading::from_member(member).ok()?;
        let order = (reading.device_id() == device).then(|| reading.order())?;
        Some((order, member))
    });
    of_device.max_by_key(|(order, _)| *order).map(|(_, member)| member.to_vec())
}
