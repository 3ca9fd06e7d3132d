//! Puts days of a site into tiers, without the program that packs them.

use std::collections::BTreeMap;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use readings::SiteId;
use readings::energy::integration::Sample;
use readings::energy::rollup::Day;
use readings::store::DeviceSample;
use readings::store::archive::{ArchiveError, DayArchive};
use readings::store::codec::StoredReading;
use readings::store::packed::{
    ArchivedDay, CHANGED_MEMBERS, Changed, Contents, DayChange, DayHeader, PackedDays,
    PackedMembers, PackedValue, Packing,
};

/// A member with its score.
pub type Member = (f64, Vec<u8>);

/// An archive in memory.
#[derive(Debug, Default)]
pub struct TestArchive(pub BTreeMap<Day, PackedMembers>);

impl DayArchive for TestArchive {
    fn members<'a>(
        &'a self,
        _: &'a SiteId,
        days: &'a [(Day, Contents)],
    ) -> BoxFuture<'a, Result<Vec<PackedMembers>, ArchiveError>> {
        let of = |(day, _): &(Day, Contents)| self.0.get(day).cloned().unwrap_or_default();
        let members = days.iter().map(of).collect();
        async { Ok(members) }.boxed()
    }

    fn samples<'a>(
        &'a self,
        _: &'a SiteId,
        days: &'a [(Day, Contents)],
    ) -> BoxFuture<'a, Result<Vec<DeviceSample>, ArchiveError>> {
        let of_days = days.iter().filter_map(|(day, _)| self.0.get(day));
        let samples = of_days.flat_map(PackedMembers::iter).map(sample).collect();
        async { Ok(samples) }.boxed()
    }
}

fn sample(member: &[u8]) -> DeviceSample {
    let reading = StoredReading::from_member(member).unwrap();
    let instant = reading.order().0.unwrap();
    let sample = Sample { instant, watts: reading.watts() };
    DeviceSample { device: reading.device_id().into(), sample }
}

/// These members of a day as they are packed.
pub fn packed<'a>(
    site: &SiteId,
    day: Day,
    members: impl IntoIterator<Item = &'a Member>,
) -> PackedMembers {
    let mut packing = Packing::new(site, day);
    for (score, member) in members {
        packing.push(*score, member).unwrap();
    }
    packing.finish()
}

/// The header of a day with these members packed and archived.
pub fn header(packed: &PackedMembers, archived: Option<&PackedMembers>) -> DayHeader {
    let of = |members: &PackedMembers| match members.len() {
        0 => Contents::default(),
        _ => members.contents(),
    };
    let archived = archived.map(|members| ArchivedDay::Current(of(members)));
    DayHeader { revision: 0, is_complete: true, packed: of(packed), archived }
}

/// Sets a day that has no header.
pub async fn put(
    days: &PackedDays,
    site: &SiteId,
    day: Day,
    packed: &PackedMembers,
    archived: Option<&PackedMembers>,
) {
    let header = header(packed, archived);
    let value = match packed.len() {
        0 => PackedValue::Kept,
        _ => PackedValue::Set(packed.to_block(0).unwrap()),
    };
    change(days, site, &DayChange { value, ..unchanged(day, None, &header) }).await;
}

/// Packs members of a day that is hot, in the steps of the packer; gives its header.
pub async fn pack(
    days: &PackedDays,
    site: &SiteId,
    day: Day,
    before: Option<&DayHeader>,
    members: &PackedMembers,
) -> DayHeader {
    let revision = before.map_or(0, |header| header.revision + 1);
    let moving = DayHeader { revision, is_complete: false, ..header(members, None) };
    let value = PackedValue::Set(members.to_block(revision).unwrap());
    change(days, site, &DayChange { value, ..unchanged(day, before, &moving) }).await;
    let removed: Vec<_> = members.iter().collect();
    for removed in removed.chunks(CHANGED_MEMBERS) {
        let moving = unchanged(day, Some(&moving), &moving);
        change(days, site, &DayChange { removed, ..moving }).await;
    }
    let packed = DayHeader { is_complete: true, ..moving.clone() };
    change(days, site, &unchanged(day, Some(&moving), &packed)).await;
    packed
}

/// Unpacks a day; gives its header.
pub async fn unpack(
    days: &PackedDays,
    site: &SiteId,
    day: Day,
    before: &DayHeader,
    members: &[Member],
) -> DayHeader {
    let moving = DayHeader { is_complete: false, ..before.clone() };
    change(days, site, &unchanged(day, Some(before), &moving)).await;
    let added: Vec<_> = members.iter().map(|(score, member)| (*score, &member[..])).collect();
    for added in added.chunks(CHANGED_MEMBERS) {
        let moving = unchanged(day, Some(&moving), &moving);
        change(days, site, &DayChange { added, ..moving }).await;
    }
    let (revision, packed) = (before.revision + 1, Contents::default());
    let unpacked = DayHeader { revision, is_complete: true, packed, archived: None };
    let last = unchanged(day, Some(&moving), &unpacked);
    change(days, site, &DayChange { value: PackedValue::Removed, ..last }).await;
    unpacked
}

const fn unchanged<'a>(
    day: Day,
    expected: Option<&'a DayHeader>,
    header: &'a DayHeader,
) -> DayChange<'a> {
    let value = PackedValue::Kept;
    DayChange { day, expected, lease: None, header, value, added: &[], removed: &[] }
}

async fn change(days: &PackedDays, site: &SiteId, change: &DayChange<'_>) {
    assert_eq!(days.change(site, change).await.unwrap(), Changed::Yes, "{change:?}");
}
