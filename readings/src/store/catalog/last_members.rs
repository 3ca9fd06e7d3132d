//! The members of devices at instants that are known.

use std::collections::{BTreeMap, BTreeSet};

use redis::pipe;

use super::ends::{self, ScoredMember};
use crate::iso8601::Instant;
use crate::reading::SiteId;
use crate::store::codec::StoredReading;
use crate::store::connection::SharedConnection;
use crate::store::error::StoreResult;
use crate::store::series::{Order, Selection, SeriesStore};

/// Members of one instant that are read with those of other devices. Too low and sites whose devices send at the same
/// instants take a round trip a device; too high and such sites copy all of them for each device.
const MAX_TIED: usize = 64;

const ZRANGE: &str = "ZRANGE";

/// The member of each device at the instant of its last reading; of several the one with the highest stream id.
///
/// # Errors
/// When the server replied with an error or not at all.
pub(super) async fn read(
    connection: &SharedConnection,
    series: &SeriesStore,
    site: &SiteId,
    devices: &[(&str, Instant)],
) -> StoreResult<BTreeMap<Box<str>, Vec<u8>>> {
    if devices.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut commands = pipe();
    for (_, instant) in devices {
        commands.add_command(ends::downwards(site, *instant, *instant, MAX_TIED));
    }
    let (replies, _) = connection.send_all(ZRANGE, &commands).await?;
    let mut found = BTreeMap::new();
    for ((device, instant), reply) in devices.iter().zip(replies) {
        let members = ends::members(reply)?;
        let members = members.ok_or_else(|| connection.unexpected_reply(ZRANGE))?;
        let member = if members.len() < MAX_TIED {
            last_of(device, members)
        } else {
            select(series, site, device, *instant).await?
        };
        found.extend(member.map(|member| (Box::from(*device), member)));
    }
    Ok(found)
}

fn last_of(device: &str, members: Vec<ScoredMember>) -> Option<Vec<u8>> {
    let of_device = members.into_iter().filter_map(|(_, member)| {
        let reading = StoredReading::from_member(&member).ok()?;
        let order = (reading.device_id() == device).then(|| reading.order())?;
        Some((order, member))
    });
    of_device.max_by_key(|(order, _)| *order).map(|(_, member)| member)
}

/// Reads all members of the instant, however many.
async fn select(
    series: &SeriesStore,
    site: &SiteId,
    device: &str,
    instant: Instant,
) -> StoreResult<Option<Vec<u8>>> {
    let end = Instant::from_epoch_micros(instant.epoch_micros().saturating_add(1));
    let selection = Selection {
        start: Some(instant),
        end: Some(end),
        devices: BTreeSet::from([device.to_owned()]),
        order: Order::Descending,
        after: None,
    };
    let mut reader = series.select(site, selection, 1);
    while let Some(page) = reader.next_page().await? {
        if let Some(selected) = page.readings.into_iter().next() {
            return Ok(Some(selected.member));
        }
    }
    Ok(None)
}
