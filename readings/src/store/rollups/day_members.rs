//! Readings of days become rollups.

use crate::energy::calendar::Range;
use crate::energy::integration::Sample;
use crate::energy::rollup::{Day, DayBuilder, DayRollup};
use crate::reading::SiteId;
use crate::store::codec::StoredReading;
use crate::store::error::StoreResult;
use crate::store::series::{Selected, SelectedPage, Selection, SelectionReader, SeriesStore};

/// Reads the members of a range, and gives the samples of each page.
pub(super) struct Samples(SelectionReader);

impl Samples {
    pub fn new(series: &SeriesStore, site: &SiteId, range: Range) -> Self {
        let (start, end) = (Some(range.start()), Some(range.end()));
        let selection = Selection { start, end, ..Selection::default() };
        Self(series.select(site, selection, usize::MAX))
    }

    /// The next samples with their devices, in the order of (instant, stream id); `None` after the last.
    pub async fn next(&mut self) -> StoreResult<Option<Vec<(Box<str>, Sample)>>> {
        let page = self.0.next_page().await?;
        Ok(page.map(|page| samples(&page)))
    }
}

fn samples(page: &SelectedPage) -> Vec<(Box<str>, Sample)> {
    let sample = |selected: &Selected| {
        let reading = StoredReading::from_member(&selected.member).ok()?;
        Some((reading.device_id().into(), reading.sample()?))
    };
    page.readings.iter().filter_map(sample).collect()
}

/// Rollups of neighbouring days, from their samples.
#[derive(Debug, Default)]
pub(super) struct DaysBuilder {
    day: Option<(DayBuilder, Day, u64)>,
}

impl DaysBuilder {
    /// Adds a sample; gives the rollup of the day before when it is the first one of another day.
    pub fn push(&mut self, device: &str, sample: Sample) -> Option<DayRollup> {
        let day = Day::of(sample.instant);
        let is_same = self.day.as_ref().is_some_and(|(_, present, _)| *present == day);
        let finished = if is_same { None } else { self.finish() };
        let (builder, _, samples) = self.day.get_or_insert_with(|| (DayBuilder::new(day), day, 0));
        // It is of this day.
        let pushed = builder.push(device, sample);
        *samples += u64::from(pushed.is_ok());
        finished
    }

    /// The rollup of the last day.
    pub fn finish(&mut self) -> Option<DayRollup> {
        self.day.take().map(|(builder, _, samples)| builder.finish(samples))
    }
}
