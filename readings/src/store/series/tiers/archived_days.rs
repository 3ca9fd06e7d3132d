//! Reads what the archive has of days, and compares it with their headers.

use std::collections::BTreeMap;

use super::sources::TierSources;
use crate::energy::rollup::Day;
use crate::reading::SiteId;
use crate::store::archive::{ArchiveError, DayArchive};
use crate::store::device_sample::DeviceSample;
use crate::store::error::{StoreError, StoreResult};
use crate::store::packed::{Contents, PackedMembers};

/// What of an archived day is to be read.
#[derive(Debug, Clone, Copy)]
pub(super) struct WantedDay {
    pub day: Day,
    /// What its header says.
    pub expected: Contents,
    /// Only what arithmetic needs: three columns of a file in place of all of them, and no texts to parse.
    pub is_of_samples: bool,
}

/// What the archive has of a day.
#[derive(Debug, Clone)]
pub(super) enum ArchivedPart {
    Members(PackedMembers),
    Samples(Vec<DeviceSample>),
}

/// What the archive has of some days.
pub(super) type ArchivedParts = BTreeMap<Day, ArchivedPart>;

/// Reads archived days of a site.
///
/// # Errors
/// When the archive is not configured, does not reply, or does not have what the headers say.
pub(super) async fn read(
    sources: &TierSources,
    site: &SiteId,
    wanted: &[WantedDay],
) -> StoreResult<ArchivedParts> {
    let Some(first) = wanted.first() else { return Ok(BTreeMap::new()) };
    let archive = configured(sources.archive.as_deref(), site, first.day)?;
    let (samples, members): (Vec<_>, Vec<_>) = wanted.iter().partition(|it| it.is_of_samples);
    let members = read_members(archive, site, &members).await?.into_iter();
    let mut parts: ArchivedParts =
        members.map(|(day, members)| (day, ArchivedPart::Members(members))).collect();
    parts.append(&mut read_samples(archive, site, &samples).await?);
    Ok(parts)
}

/// Reads the members of one archived day, of which its header says this.
///
/// # Errors
/// As [`read`].
pub(in crate::store::series) async fn members_of(
    archive: Option<&dyn DayArchive>,
    site: &SiteId,
    day: Day,
    expected: Contents,
) -> StoreResult<PackedMembers> {
    let archive = configured(archive, site, day)?;
    let wanted = [WantedDay { day, expected, is_of_samples: false }];
    Ok(read_members(archive, site, &wanted).await?.remove(&day).unwrap_or_default())
}

fn configured<'a>(
    archive: Option<&'a dyn DayArchive>,
    site: &SiteId,
    day: Day,
) -> StoreResult<&'a dyn DayArchive> {
    archive.ok_or_else(|| {
        let of = format!("the readings of site {site} of {day} are archived");
        failed(format!("{of}, and ARCHIVE_URL is not set"))
    })
}

async fn read_members(
    archive: &dyn DayArchive,
    site: &SiteId,
    wanted: &[WantedDay],
) -> StoreResult<BTreeMap<Day, PackedMembers>> {
    if wanted.is_empty() {
        return Ok(BTreeMap::new());
    }
    let read = archive.members(site, &asked(wanted)).await;
    let mut read = read.map_err(|error| StoreError::of_archive(&error))?.into_iter();
    let part = |wanted: &WantedDay| {
        let members = read.next().unwrap_or_default();
        check(site, wanted, members.len() as u64, || members.are(&wanted.expected))?;
        Ok((wanted.day, members))
    };
    wanted.iter().map(part).collect()
}

/// Of samples the number is compared: they have no checksum.
async fn read_samples(
    archive: &dyn DayArchive,
    site: &SiteId,
    wanted: &[WantedDay],
) -> StoreResult<ArchivedParts> {
    if wanted.is_empty() {
        return Ok(BTreeMap::new());
    }
    let read = archive.samples(site, &asked(wanted)).await;
    let mut found: BTreeMap<Day, Vec<DeviceSample>> = BTreeMap::new();
    for sample in read.map_err(|error| StoreError::of_archive(&error))? {
        found.entry(Day::of(sample.sample.instant)).or_default().push(sample);
    }
    let part = |wanted: &WantedDay| {
        let samples = found.remove(&wanted.day).unwrap_or_default();
        check(site, wanted, samples.len() as u64, || true)?;
        Ok((wanted.day, ArchivedPart::Samples(samples)))
    };
    wanted.iter().map(part).collect()
}

fn asked(wanted: &[WantedDay]) -> Vec<(Day, Contents)> {
    wanted.iter().map(|wanted| (wanted.day, wanted.expected)).collect()
}

/// Other readings than those of the header are an error: fewer would be a shorter answer, and others are of a day that has
/// changed, which is then read again, or of another state of Redis.
fn check(
    site: &SiteId,
    wanted: &WantedDay,
    found: u64,
    are_same: impl FnOnce() -> bool,
) -> StoreResult<()> {
    let WantedDay { day, expected: Contents { count, .. }, .. } = *wanted;
    if found == count && are_same() {
        return Ok(());
    }
    let found = if found < count { format!("only {found}") } else { format!("{found} others") };
    Err(failed(format!("of {count} readings of site {site} of {day} it has {found}")))
}

fn failed(cause: String) -> StoreError {
    StoreError::of_archive(&ArchiveError {
        operation: "read",
        url: "ARCHIVE_URL".to_owned(),
        cause,
    })
}
