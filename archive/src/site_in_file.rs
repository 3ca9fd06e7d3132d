//! What a file has of a site.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow_array::RecordBatch;
use readings::energy::integration::Sample;
use readings::energy::rollup::Day;
use readings::store::archive::ArchiveError;
use readings::store::{DeviceSample, StreamId};
use readings::{Instant, SiteId};

use crate::batches::{self, Rows, Texts};
use crate::file_reader::{FileReader, Wanted};
use crate::manifest::ArchiveFile;
use crate::pruning::Question;

/// A member of a day, as members are sorted: by day, instant, stream id and bytes.
pub(crate) type MemberOfDay = (Day, i64, StreamId, Vec<u8>);

impl FileReader {
    /// The members that a file has of these days of a site, batch by batch.
    pub(crate) async fn members_of_site(
        &self,
        file: &ArchiveFile,
        site: &SiteId,
        days: &BTreeSet<Day>,
    ) -> Result<Vec<Vec<MemberOfDay>>, ArchiveError> {
        let days: BTreeSet<Day> = days.iter().copied().filter(|day| file.has(*day)).collect();
        let (Some(first), Some(last)) = (days.first(), days.last()) else { return Ok(Vec::new()) };
        let [from, until] = [first.start(), last.next().start()].map(Instant::epoch_micros);
        let question = Question { site: site.as_str(), from, until };
        let of_site = site.clone();
        let of_batch = move |batch: &RecordBatch, _: bool| members(batch, &of_site, &days);
        self.select(file, &question, Wanted::Readings, of_batch).await
    }

    /// The samples that a file has of a site from an instant until another, batch by batch, in the order of devices.
    pub(crate) async fn samples_of_site(
        &self,
        file: &ArchiveFile,
        site: &SiteId,
        [from, until]: [i64; 2],
    ) -> Result<Vec<Vec<DeviceSample>>, ArchiveError> {
        let question = Question { site: site.as_str(), from, until };
        let site = site.clone();
        let of_batch = move |batch: &RecordBatch, is_of_site: bool| {
            samples(batch, (!is_of_site).then_some(&site), [from, until])
        };
        self.select(file, &question, Wanted::Samples, of_batch).await
    }
}

/// The members of these days; `None` when a column is missing, or a row has none.
fn members(batch: &RecordBatch, site: &SiteId, days: &BTreeSet<Day>) -> Option<Vec<MemberOfDay>> {
    let rows = Rows::of(batch)?;
    let mut members = Vec::new();
    for place in of_site(&rows.site, rows.len(), site) {
        let row = rows.get(place);
        let day = row.day();
        if days.contains(&day) {
            members.push((day, row.instant, row.id, row.member(site)?));
        }
    }
    Some(members)
}

/// The samples of a site, if all rows are not of it, within a range; `None` when a column is missing.
fn samples(
    batch: &RecordBatch,
    site: Option<&SiteId>,
    [from, until]: [i64; 2],
) -> Option<Vec<DeviceSample>> {
    let devices = Texts::of(batch, "device_id")?;
    let names: Vec<Arc<str>> = devices.values().map(Arc::from).collect();
    let (times, watts) = (batches::times(batch, "timestamp")?, batches::watts(batch)?);
    let rows = match site {
        Some(site) => of_site(&Texts::of(batch, "site_id")?, batch.num_rows(), site),
        None => (0..batch.num_rows()).collect(),
    };
    let within = rows.into_iter().filter(|row| (from..until).contains(&times.value(*row)));
    let sample = |row: usize| {
        let device = Arc::clone(names.get(devices.key(row))?);
        let instant = Instant::from_epoch_micros(times.value(row));
        Some(DeviceSample { device, sample: Sample { instant, watts: watts.value(row) } })
    };
    within.map(sample).collect()
}

/// The rows of a site.
fn of_site(sites: &Texts<'_>, rows: usize, site: &SiteId) -> Vec<usize> {
    let is_wanted: Vec<bool> = sites.values().map(|value| value == site.as_str()).collect();
    (0..rows).filter(|row| is_wanted.get(sites.key(*row)).copied().unwrap_or(false)).collect()
}
